"""Causes that lie in the course of a training: its schedule, and how it goes through the data."""

from flatline_monitor.diagnosis import remedies_of_course as remedies
from flatline_monitor.diagnosis.entry import Entry

CAUSES: tuple[Entry, ...] = (
    Entry(
        "schedule_wrong",
        "the schedule of the learning rate is wrong",
        {"lr_schedule": 0.8, "plateau": 0.02},
        remedies.mend_schedule,
        "finetune-doctor and its kin (2026): a rate of zero, one that is gone too early, a jump",
    ),
    Entry(
        "batch_too_small",
        "the batches are so small that each update goes another way",
        {"tiny_batches": 0.45, "oscillation": 0.15},
        remedies.enlarge_batches,
        "McCandlish et al. (2018): the noise of the gradient in batches of a few samples",
        {"first_updates_large": 0.5},
    ),
)
