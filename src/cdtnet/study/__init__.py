"""Preference studies: which of two results of a picture looks more real, asked in a browser and scored.

`design` says who is asked what, `answers` keeps it on disk, `session` joins both, `pictures` and `server`
show it; `summary` reads the file of answers, `scores` does the arithmetic and `report` prints.
"""
