"""Harmonizing a picture: analyze, render, write."""
