"""The operating system: files, locks, signals, processors and memory."""
