"""The axes that a stream has announced, by which its columns are checked."""

from dataclasses import dataclass

from flatline_monitor.runs.records import ActivationKind, Hello, Variables


@dataclass(frozen=True, slots=True)
class Shape:
    """How long each axis is; None: as long as the columns say, if they agree."""

    revision: int | None = None
    variables: int | None = None
    inputs: int | None = None
    classes: int | None = None
    activations: int | None = None
    rectifiers: int | None = None
    squashers: int | None = None


ANY_SHAPE = Shape()


def announced(hello: Hello, variables: Variables | None, *, whole: bool) -> Shape:
    """Return the axes that were announced.

    Without variables there are none of them, if the stream is known as a whole; else they may
    have been announced to somebody who has lost them.
    """
    if variables is None and not whole:
        return Shape(classes=hello.class_count)
    axes = variables or Variables(0, ())
    return Shape(
        revision=axes.revision,
        variables=len(axes.variables),
        inputs=len(axes.inputs),
        classes=hello.class_count,
        activations=len(axes.activations),
        rectifiers=len(axes.activations_of(ActivationKind.RECTIFIER)),
        squashers=len(axes.activations_of(ActivationKind.SQUASHER)),
    )
