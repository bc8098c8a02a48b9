"""Engine: drives the core, one record at a time; here for all runs of one process."""
