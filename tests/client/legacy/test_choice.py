"""Which Keras the callback is of, where there are two."""

import os
import subprocess
import sys

import keras as installed
import pytest

from tests.client.legacy.models import compiled, keras
from tests.client.models import LABELS, Recording, X, fit


@pytest.mark.parametrize("legacy", ["1", ""])
def test_it_is_the_one_that_tensorflow_was_told_to_use(legacy: str) -> None:
    """TF_USE_LEGACY_KERAS decides, as it does for tf.keras."""
    code = "import flatline.keras as f; print(f.MonitorCallback.__mro__[1].__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "TF_USE_LEGACY_KERAS": legacy},
    )

    wanted = keras if legacy else installed
    assert done.stdout.partition(".")[0] == wanted.__name__.partition(".")[0]


def test_a_model_of_the_other_one_is_measured_too() -> None:
    """The callback is of Keras 3 here where both are installed, the model of Keras 2."""
    callback = Recording(allowance_seconds=1e6)
    fit(compiled(), [callback], X, LABELS)

    assert isinstance(callback, installed.callbacks.Callback)
    assert callback.run.description[0].framework_version == keras.__version__
    assert "grad_norm" in callback.run.names
