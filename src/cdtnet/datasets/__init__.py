"""Data sets as downloaded: layouts, folders and archives, samples, checks."""
