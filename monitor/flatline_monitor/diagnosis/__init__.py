"""Diagnosis: what probably causes the findings, and what to do about it."""
