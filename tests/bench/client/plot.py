"""The one plot of the benchmark: by how much each variant lengthens a step."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.client.blocks import Blocks
from tests.bench.client.claims import ORDER, SECONDS, SHARES, THAN
from tests.bench.client.models import TITLES
from tests.bench.client.variants import ABSENT, BARE, DEFAULT, EVERY, UNSAMPLED

OURS = {DEFAULT, ABSENT, UNSAMPLED, EVERY}
LINEAR = 0.01
"""Shares below it are drawn to scale, those above by their logarithm."""


def draw(models: Mapping[str, Blocks], path: Path) -> bool:
    """Write the plot; False says that matplotlib is not there."""
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ImportError:
        return False
    matplotlib.use("Agg")
    pyplot = importlib.import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(
        1,
        len(models),
        figsize=(3 + 2.6 * len(models), 4.8),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for axis, (name, blocks) in zip(axes[0], models.items(), strict=True):
        _panel(axis, name, blocks)
    axes[0][0].set_yticks(range(len(ORDER)), ORDER)
    axes[0][0].invert_yaxis()
    figure.suptitle(
        "by how much a step is longer than the bare one\n"
        "median and quartiles of paired blocks; red: what it may be",
        fontsize=10,
    )
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return True


def _panel(axis: Any, name: str, blocks: Blocks) -> None:
    for row, variant in enumerate(ORDER):
        if variant not in blocks.seconds:
            continue
        share = blocks.share(variant)
        below, above = share.median - share.low, share.high - share.median
        colour = "tab:blue" if variant in OURS else "tab:gray"
        axis.errorbar(share.median, row, xerr=[[below], [above]], fmt="o", color=colour, capsize=3)
        bar = SHARES.get((name, variant))
        if variant not in THAN and (seconds := SECONDS.get((name, variant))) is not None:
            bar = seconds / blocks.step(BARE).median
        if bar is not None:
            axis.plot([bar, bar], [row - 0.4, row + 0.4], color="tab:red")
    axis.axvline(0, color="black", linewidth=0.6)
    axis.set_xscale("symlog", linthresh=LINEAR)
    axis.set_xticks([-0.01, 0, 0.01, 0.1, 1, 10], ["-1 %", "0", "1 %", "10 %", "100 %", "1000 %"])
    axis.tick_params(axis="x", labelsize=6)
    axis.grid(axis="x", alpha=0.3)
    step = blocks.step(BARE).median * 1e3
    axis.set_title(f"{name}: {TITLES[name]}\n{step:.2f} ms", fontsize=9)
