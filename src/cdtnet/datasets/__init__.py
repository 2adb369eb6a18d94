"""Data sets as they are downloaded: layouts, folders and archives, samples, checks."""
