"""Judges logs that others wrote: reads them, asks the engine about them, and says what it found."""
