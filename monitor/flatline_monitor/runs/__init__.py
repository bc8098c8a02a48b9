"""Runs: what each training run has sent so far, as records, window, summaries and view."""
