"""Trainings of one's own with all that a curve can show, and the colour of what is drawn."""

import math

import flatline

TRAINING = {"light": "31,102,193", "dark": "111,177,255"}
"""The colour --training, in both schemes."""


def started(service, **settings) -> tuple[flatline.Run, str]:
    """A training of one's own, and the address of its page."""
    run = flatline.Run(service.grpc, name="by hand", **settings)
    return run, f"http://{service.http}/runs/{run.run_id}"


def train(run: flatline.Run, begin: int, end: int, loss=lambda step: 2 * math.exp(-step / 100)):
    """Log steps with all that a curve can show; the evaluation at their end sends them."""
    for step in range(begin, end):
        sampled = {"global_grad_norm": 1 + step % 7, "label_count": [4, 4], "correct_count": [3, 1]}
        run.log(step, loss=loss(step), learning_rate=0.1 / (1 + step // 50), sampled=sampled)
    if end > begin:
        run.evaluate(end, loss=0.5, accuracy=0.75)


def has(colours: dict[str, int], rgb: str) -> int:
    """Pixels of this colour, whatever their opacity."""
    return sum(n for colour, n in colours.items() if colour.startswith(f"{rgb},"))
