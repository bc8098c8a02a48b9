"""Which column is what: the names that trainers, trackers and people give them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flatline_monitor.lint.log import Quantity
from flatline_monitor.runs.records import Task

VALIDATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "dev", "test"})
TRAINING = frozenset({"train", "training", "trn"})
IDLE = frozenset({"epoch", "step", "running", "mean", "avg", "average", "total", "batch", "per"})
"""Words that do not change what is measured."""
AGGREGATES = frozenset(
    {
        *("best", "min", "max", "std", "var", "smoothed", "ema", "delta", "last"),
        *("scale", "weight", "ratio", "time", "seconds"),
    }
)
"""Words of what is made of a quantity, or beside it."""
LOSSES = frozenset(
    {
        *(
            "nll",
            "cost",
            "objective",
            "criterion",
            "cross",
            "entropy",
            "crossentropy",
            "ce",
            "xent",
        ),
        *("bce", "mse", "error"),
    }
)
"""Words for a loss where nothing is called one."""
ACCURACIES = frozenset({"acc", "accuracy", "acc1", "top1"})
OTHER_ACCURACIES = frozenset({"top", "k", "top5", "acc5", "balanced", "5", "top3", "token"})
STEPS = frozenset({"step", "steps", "iteration", "iterations", "iter", "global step", "update"})
EPOCHS = frozenset({"epoch", "epochs", "train epoch", "epoch num"})
PLAYERS = (
    frozenset({"g", "gen", "generator", "gloss", "lossg"}),
    frozenset({"d", "disc", "discriminator", "critic", "dloss", "lossd"}),
)
REWARDS = frozenset({"reward", "rewards", "return", "rew", "returns"})
REGRESSION = frozenset({"mse", "mae", "rmse", "r2", "mape", "msle"})


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column probably is; of several that are the same the lowest rank is taken."""

    quantity: Quantity
    rank: int
    is_part: bool = False
    """It is one of several losses that add up."""


def words(column: str) -> tuple[str, ...]:
    """Return the words of a column's name, in lower case: "trainLoss/box" is train, loss, box."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return tuple(re.split(r"[^a-z0-9]+", apart.lower().strip(" _/-.:()[]")))


def is_of_training(column: str) -> bool:
    """Say whether a column's name says that it is the training's."""
    return bool(TRAINING & frozenset(words(column)))


def meaning(column: str) -> Meaning | None:
    """Return what a column is by its name; None: nothing that is judged."""
    parts = words(column)
    name, said = " ".join(parts), frozenset(parts)
    if name in EPOCHS or (said - TRAINING) == {"epoch"}:
        return Meaning(Quantity.EPOCH, len(parts))
    if name in STEPS or said - {"trainer", "train", "total"} in ({"global", "step"}, {"step"}):
        return Meaning(Quantity.STEP, len(parts))
    if said & AGGREGATES:
        return None
    if "lr" in said or {"learning", "rate"} <= said or "learningrate" in said:
        return Meaning(Quantity.LEARNING_RATE, len(parts))
    if said & {"grad", "gradient", "gradients", "gradnorm"} and said & {"norm", "gradnorm"}:
        rest = said - {"grad", "gradient", "gradients", "gradnorm", "norm", "global", "2", "l2"}
        return Meaning(Quantity.GRADIENT_NORM, 0) if not rest - TRAINING - IDLE else None
    return _measured(said, parts)


def _measured(said: frozenset[str], parts: Sequence[str]) -> Meaning | None:
    validated = bool(said & VALIDATION)
    rest = said - VALIDATION - TRAINING - IDLE
    # What is told of a whole epoch is preferred to a step's, a validation to a test.
    rank = ("step" in said) + ("batch" in said) + 3 * ("test" in said) + 2 * ("running" in said)
    rank += 2 * ("iterations" in said)
    if rest & ACCURACIES or any(word.endswith("accuracy") for word in rest):
        if rest & OTHER_ACCURACIES:
            return None
        rank += 5 * (len(rest) - 1)
        return Meaning(Quantity.VAL_ACCURACY if validated else Quantity.ACCURACY, rank)
    quantity = Quantity.VAL_LOSS if validated else Quantity.LOSS
    if rest == {"loss"}:
        return Meaning(quantity, rank)
    if "loss" in rest or any(word.endswith("loss") for word in rest):
        return Meaning(quantity, 20 + rank, is_part=True)
    if rest and rest <= LOSSES and len(parts) <= 4:  # noqa: PLR2004 - a longer name says more
        return Meaning(quantity, 50 + rank + ("error" in rest))
    return None


def chosen(columns: Iterable[str], counts: Mapping[str, int]) -> dict[Quantity, list[str]]:
    """Return the columns of each quantity that is there: one, or the losses that add up to it.

    `counts` says how many numbers each column has: of two names as good, more are better.
    """
    found: dict[Quantity, list[tuple[int, int, str, bool]]] = {}
    for column in columns:
        if what := meaning(column):
            rated = (what.rank, -counts.get(column, 0), column, what.is_part)
            found.setdefault(what.quantity, []).append(rated)
    return {quantity: _best(rated) for quantity, rated in found.items()}


def _best(rated: Sequence[tuple[int, int, str, bool]]) -> list[str]:
    best = min(rated, key=lambda each: each[:2])
    if not best[3]:
        return [best[2]]
    return [column for rank, _, column, is_part in rated if is_part and rank == best[0]]


def task_of(columns: Iterable[str]) -> Task:
    """Return what is learned, as far as the names of all columns tell."""
    said = [frozenset(words(column)) for column in columns]
    losses = [each for each in said if any("loss" in word for word in each)]
    if all(any(each & player for each in losses) for player in PLAYERS):
        return Task.GAN
    if any(each & REWARDS for each in said):
        return Task.RL
    if any(each & ACCURACIES or any(w.endswith("accuracy") for w in each) for each in said):
        return Task.CLASSIFICATION
    return Task.REGRESSION if any(each & REGRESSION for each in said) else Task.UNKNOWN
