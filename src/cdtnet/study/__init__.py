"""Preference studies: which of two results of a picture looks more real, asked in a browser and scored.

`design` makes the plans of participants, `answers` stores answers on disk, and `session` combines both.
`pictures` and `server` show them. `summary` reads the answers, `scores` computes scores, `report` prints
them.
"""
