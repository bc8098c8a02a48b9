"""Who is speaking, and what it plans to do, put together from settings and arguments."""

import logging
import platform
import time
from dataclasses import replace
from typing import cast

import flatline
from flatline import names, wire
from flatline.rows import Description, Task
from flatline.say import say
from flatline.settings import Settings

_MOST_QUIET = 64
"""More names than there are detectors; a monitor takes no more."""

_last_incarnation = 0


def identity(settings: Settings, run_id: str) -> wire.Identity:
    """Return which process of which run this is."""
    if settings.run_id is None and settings.world_size > 1:
        say(
            f"rank {settings.rank} of {settings.world_size} makes up a run of its own; give all "
            "ranks the same FLATLINE_RUN_ID to have them in one",
            logging.WARNING,
        )
    return wire.Identity(
        run_id=run_id,
        name=settings.name,
        project=settings.project,
        tags=settings.tags,
        user=names.user(),
        rank=settings.rank,
        world_size=settings.world_size,
        incarnation=0 if settings.run_id is None else _incarnation(),
        client_version=flatline.__version__,
        python_version=platform.python_version(),
        quiet=tuple(dict.fromkeys(settings.quiet))[:_MOST_QUIET],
    )


def described(
    settings: Settings, description: Description | None, plan_steps: int | None = None
) -> Description:
    """Return the description, completed by the settings where it says nothing."""
    description = description or Description()
    if description.task == "unspecified" and settings.task != "auto":
        description = replace(description, task=cast("Task", settings.task))
    if plan_steps is not None:
        description = replace(description, plan_steps=plan_steps)
    return description


def _incarnation() -> int:
    """Return a number that grows with each life of a run, also within this process.

    A restart cannot know how often the run was started before, but it is later: seconds since 1970.
    """
    global _last_incarnation  # noqa: PLW0603 - there is one sequence in a process
    _last_incarnation = max(int(time.time()), _last_incarnation + 1)
    return _last_incarnation
