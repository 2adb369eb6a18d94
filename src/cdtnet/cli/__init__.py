"""The command line: one verb, one job. Heavy modules are imported when a verb runs, not before."""
