"""flatline: tells the monitor how a training is doing, and never gets in its way.

`flatline.Run` is for custom training loops, `flatline.keras` holds the Keras callback. Both are
loaded when they are first used: importing this package loads neither TensorFlow, grpc nor numpy.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flatline.run import Run as Run

try:
    __version__ = version("flatline")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["Run", "__version__"]


def __getattr__(name: str) -> object:
    """Load `Run` and `keras` on first use."""
    if name == "Run":
        return import_module("flatline.run").Run
    if name == "keras":
        return import_module("flatline.keras")
    message = f"module 'flatline' has no attribute {name!r}; it has Run, keras, __version__"
    raise AttributeError(message)
