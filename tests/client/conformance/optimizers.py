"""Cases by optimizer and by what is asked of it."""

from typing import Any

import keras

from tests.client.conformance.case import Case
from tests.client.conformance.nets import plain

kept = keras.optimizers


def with_(optimizer: Any, **arguments: Any) -> Any:
    return lambda: plain(optimizer=lambda: optimizer(**arguments))


def scaled(optimizer: Any, **arguments: Any) -> Any:
    def make() -> Any:
        return kept.LossScaleOptimizer(optimizer(**arguments), initial_scale=64.0)

    return lambda: plain(optimizer=make)


BY_NAME: dict[str, Any] = {
    "sgd": with_(kept.SGD, learning_rate=0.1),
    "sgd_momentum": with_(kept.SGD, learning_rate=0.1, momentum=0.9),
    "sgd_nesterov": with_(kept.SGD, learning_rate=0.1, momentum=0.9, nesterov=True),
    "rmsprop": with_(kept.RMSprop, momentum=0.5, centered=True),
    "adam_amsgrad": with_(kept.Adam, amsgrad=True),
    "adamw": with_(kept.AdamW, weight_decay=0.1),
    "adadelta": with_(kept.Adadelta),
    "adagrad": with_(kept.Adagrad),
    "adamax": with_(kept.Adamax),
    "nadam": with_(kept.Nadam),
    "ftrl": with_(kept.Ftrl),
    "lion": with_(kept.Lion),
    "lamb": with_(kept.Lamb),
    "adafactor": with_(kept.Adafactor),
    **({"muon": with_(kept.Muon)} if hasattr(kept, "Muon") else {}),
}

OPTIMIZERS: dict[str, Case] = {
    **{name: Case(make) for name, make in BY_NAME.items()},
    "clipnorm": Case(with_(kept.Adam, clipnorm=0.01)),
    "global_clipnorm": Case(with_(kept.Adam, global_clipnorm=0.01)),
    "clipvalue": Case(with_(kept.SGD, clipvalue=0.001)),
    "weight_decay": Case(with_(kept.SGD, weight_decay=0.1)),
    "ema": Case(with_(kept.SGD, use_ema=True, ema_overwrite_frequency=3)),
    "ema_kept_apart": Case(with_(kept.Adam, use_ema=True, ema_momentum=0.5)),
    "schedule": Case(with_(kept.SGD, learning_rate=kept.schedules.ExponentialDecay(0.1, 2, 0.5))),
    "loss_scale": Case(scaled(kept.Adam), scaled=True),
    "loss_scale_clipnorm": Case(scaled(kept.Adam, clipnorm=0.01), scaled=True),
    "loss_scale_ema": Case(scaled(kept.Adam, use_ema=True), scaled=True),
    "accumulation_clipnorm": Case(with_(kept.Adam, clipnorm=0.01, gradient_accumulation_steps=2)),
    "accumulation_several_steps": Case(
        lambda: plain(
            optimizer=lambda: kept.Adam(gradient_accumulation_steps=2), steps_per_execution=2
        ),
        stepwise=lambda: plain(optimizer=lambda: kept.Adam(gradient_accumulation_steps=2)),
        tolerance=2e-5,
    ),
}
