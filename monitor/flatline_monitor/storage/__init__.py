"""Storage: what must survive a crash, in one SQLite file."""
