"""What the monitor takes from its clients, and no more."""

import sys
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of everything that a client can make large; all of them are settings."""

    message_bytes: int = 4 * 2**20
    """One message, after decompression. [bytes]"""
    streams: int = 2_000
    """Open streams of the server. [streams]"""
    runs: int = 1_000
    """Runs that the server keeps in memory. [runs]"""
    ranks: int = 1_024
    """Processes that train one run. [processes]"""
    variables: int = 20_000
    """Also of the arrays that are not trained, and of the layers that are looked at. [arrays]"""
    inputs: int = 1_024
    """Inputs of a model. [inputs]"""
    classes: int = 256
    """Width of a column over classes. [classes]"""
    class_count: int = 2**20
    """Classes that a run may say it has; above `classes` it sends no such columns. [classes]"""
    outputs: int = 4_096
    """Labels of a multi-label task, targets of a regression. [outputs]"""
    chunk_steps: int = 4_096
    """Steps in one chunk. [steps]"""
    scalars: int = 512
    """Numbers of their own in one chunk. [numbers]"""
    metrics: int = 64
    """Results of one evaluation. [results]"""
    name_bytes: int = 128
    """Names of runs, projects, users, metrics and exceptions. [bytes]"""
    exception_bytes: int = 2_000
    """What the exception says that ended a run; the rest is left out. [bytes]"""
    scalar_name_bytes: int = 64
    """Names of numbers of their own. [bytes]"""
    path_bytes: int = 1_024
    """Paths of variables, names of layers and inputs. [bytes]"""
    tags: int = 32
    """Tags of a run. [tags]"""
    tag_key_bytes: int = 64
    """The key of a tag. [bytes]"""
    tag_value_bytes: int = 256
    """The value of a tag. [bytes]"""
    quiet: int = 64
    """Detectors of which a program may ask its log not to be told. [detectors]"""
    hello_seconds: int = 10
    """How long a new stream may take to say hello. [seconds]"""

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) < 1:
                msg = f"limits.{each.name} is {getattr(self, each.name)}; it must be 1 or more"
                raise ValueError(msg)


UNLIMITED = Limits(**{field.name: sys.maxsize for field in fields(Limits)})
"""For what was taken before, perhaps under other limits: the journal."""
