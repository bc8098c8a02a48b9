"""flatline: tells the monitor how a training is doing, and never gets in its way.

`flatline.Run` is for custom training loops, `flatline.keras` holds the Keras callback, and
`flatline.tensorflow` measures custom loops in TensorFlow. All are
loaded when they are first used: importing this package loads neither TensorFlow, grpc nor numpy.
"""

TYPE_CHECKING = False  # as type checkers know it; `typing` takes longer to load than all of this

if TYPE_CHECKING:
    from flatline.run import Run as Run

    __version__: str

__all__ = ["Run", "__version__"]


def __getattr__(name: str) -> object:
    """Load `Run`, `keras` and `tensorflow` on first use, and find out the version."""
    if name == "__version__":
        return _version()
    from importlib import import_module  # noqa: PLC0415 - as above

    if name == "Run":
        return import_module("flatline.run").Run
    if name in {"keras", "tensorflow"}:
        return import_module(f"flatline.{name}")
    message = (
        f"module 'flatline' has no attribute {name!r}; it has Run, keras, tensorflow, __version__"
    )
    raise AttributeError(message)


def _version() -> str:
    # importlib.metadata loads half of the standard library: 30 ms that nobody asked for.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("flatline")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"
