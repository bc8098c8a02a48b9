"""Trains one model in many short blocks, each variant in turn and in random order."""

import gc
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.bench.client.variants import BARE, Make, Variant

BLOCK_SECONDS, BLOCK_STEPS = 0.3, (15, 50)


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles, of so many values."""

    median: float
    low: float
    high: float
    count: int
    mean: float

    @property
    def error(self) -> float:
        """Standard error of the median."""
        return 0.93 * (self.high - self.low) / math.sqrt(max(self.count, 1))


def spread(values: Any) -> Spread:
    """Return median and quartiles."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return Spread(float(median), float(low), float(high), len(values), float(np.mean(values)))


@dataclass
class Blocks:
    """What the variants of one model took: seconds of a step, by round."""

    steps: int
    """of a block"""
    seconds: dict[str, np.ndarray] = field(default_factory=dict)
    alone: dict[str, np.ndarray] = field(default_factory=dict)
    """of the bare blocks in the same rounds"""
    cpu: dict[str, np.ndarray] = field(default_factory=dict)
    alone_cpu: dict[str, np.ndarray] = field(default_factory=dict)
    """the same two in seconds of CPU"""
    sampled: dict[str, str] = field(default_factory=dict)

    def add(self, others: "Blocks") -> None:
        """Take over what was measured in other rounds."""
        for name in others.seconds.keys() - self.seconds.keys():
            self.seconds[name], self.alone[name] = others.seconds[name], others.alone[name]
            self.cpu[name], self.alone_cpu[name] = others.cpu[name], others.alone_cpu[name]
            self.sampled[name] = others.sampled[name]

    def step(self, name: str) -> Spread:
        """Return the seconds of a step."""
        return spread(self.seconds[name])

    def longer(self, name: str, than: str = BARE) -> Spread:
        """Return by how many seconds a step is longer, round by round."""
        return spread(self.seconds[name] - self._base(name, than))

    def share(self, name: str, than: str = BARE) -> Spread:
        """Return the same as a share of the step."""
        base = self._base(name, than)
        return spread((self.seconds[name] - base) / base)

    def work(self, name: str, than: str = BARE) -> float:
        """Return by how many seconds of CPU a step is longer, those of all our threads together.

        On a busy machine, where a median of times drowns, it is what is left to look at.
        """
        base = self.alone_cpu[name] if than == BARE else self.cpu[than]
        return float(np.median(self.cpu[name] - base))

    def _base(self, name: str, than: str) -> np.ndarray:
        return self.alone[name] if than == BARE else self.seconds[than]


def measure(model: Any, dataset: Any, makes: Mapping[str, Make], seconds: float) -> Blocks:
    """Train for so many seconds; the variants hold a `bare` one."""
    model.make_train_function()
    bare, iterator = model.train_function, iter(dataset)
    for _ in range(5):
        bare(iterator)
    variants = {name: Variant(model, bare, make()) for name, make in makes.items()}
    first = min(variants[BARE].block(iterator, 10) for _ in range(3))[0]
    steps = int(np.clip(BLOCK_SECONDS / first, *BLOCK_STEPS))
    for variant in variants.values():
        # Here the sampler learns what a sampled step costs.
        variant.block(iterator, steps + 25)
    _rounds(list(variants.values()), iterator, steps, seconds)
    blocks = Blocks(steps)
    for name, variant in variants.items():
        blocks.seconds[name] = np.array(variant.seconds)
        blocks.alone[name] = np.array(variants[BARE].seconds)
        blocks.cpu[name] = np.array(variant.cpu)
        blocks.alone_cpu[name] = np.array(variants[BARE].cpu)
        blocks.sampled[name] = variant.sampled
        variant.end()
    return blocks


def _rounds(variants: list[Variant], iterator: Any, steps: int, seconds: float) -> None:
    order = random.Random(0)  # noqa: S311 - no secret
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(variants[0].seconds) < 2:
            order.shuffle(variants)
            for variant in variants:
                seconds_of_step, cpu = variant.block(iterator, steps)
                variant.seconds.append(seconds_of_step)
                variant.cpu.append(cpu)
    finally:
        gc.enable()
