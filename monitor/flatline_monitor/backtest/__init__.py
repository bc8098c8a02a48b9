"""Backtest: recorded runs judged again, with other settings, and why detectors are silent."""
