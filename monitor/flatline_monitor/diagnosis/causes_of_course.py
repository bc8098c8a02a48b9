"""Causes that lie in the course of a training: its schedule, and how it goes through the data."""

from flatline_monitor.diagnosis import remedies_of_course as remedies
from flatline_monitor.diagnosis.entry import Entry

CAUSES: tuple[Entry, ...] = (
    Entry(
        "schedule_wrong",
        "the schedule of the learning rate is wrong",
        {
            "lr_schedule": 0.8,
            "plateau": 0.02,
            "no_skill": 0.02,
            "stagnation": 0.02,
            "class_collapse": 0.02,
            "divergence": 0.02,
            "loss_spike": 0.02,
            "dead_units": 0.02,
            "weight_growth": 0.02,
            "update_ratio": 0.02,
            "frozen_layer": 0.02,
        },
        remedies.mend_schedule,
        "finetune-doctor and its kin (2026): a rate of zero, one that is gone too early, a jump",
        {
            "rate_zero": 0.6,
        },
    ),
    Entry(
        "batch_too_small",
        "the batches are so small that each update goes another way",
        {
            "tiny_batches": 0.45,
            "batch_tiny": 0.3,
            "oscillation": 0.15,
            "tiny_batches_normalised": 0.3,
            "overfitting": 0.02,
            "no_skill": 0.02,
        },
        remedies.enlarge_batches,
        "McCandlish et al. (2018): the noise of the gradient in batches of a few samples",
        {"first_updates_large": 0.5},
    ),
    Entry(
        "unsuitable_optimizer",
        "the optimizer does not suit the model",
        {
            "plain_descent": 0.15,
            "gradients_shrink": 0.1,
            "stagnation": 0.05,
            "plateau": 0.05,
            "vanishing_gradient": 0.05,
            "optimizer_timid": 0.35,
            "rate_below_range": 0.1,
            "no_skill": 0.03,
            "update_ratio": 0.03,
            "class_collapse": 0.03,
        },
        remedies.take_adam,
        "Wilson et al. (2017) and Zhang et al. (2020), Why are adaptive methods good for attention "
        "models?, on where plain descent falls behind",
        {"first_updates_large": 0.7, "no_hidden_layer": 0.5, "dead_units": 0.5},
    ),
    Entry(
        "clipping_too_strong",
        "gradients are clipped to next to nothing",
        {
            "clip_saturation": 0.7,
            "gradients_cut": 0.6,
            "update_ratio_low": 0.1,
            "stagnation": 0.05,
            "no_skill": 0.05,
            "class_collapse": 0.05,
        },
        remedies.clip_less,
        "Pascanu et al. (2013), section 3.2: a limit some times the usual norm of a gradient",
        {"updates_ordinary": 0.7, "first_updates_large": 0.9, "bad_input": 0.9},
    ),
    Entry(
        "slow_input",
        "batches come slower than the model takes them",
        {"slow_steps": 0.6},
        remedies.fetch_ahead,
        "Mohan et al. (2021), Analyzing and mitigating data stalls in DNN training",
    ),
)
