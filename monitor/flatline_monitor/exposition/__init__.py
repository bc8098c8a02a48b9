"""Exposition: the runs, their alerts and flatline's own health as text for Prometheus."""
