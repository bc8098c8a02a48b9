"""Where what is installed is not what the client needs."""

import subprocess
import sys

import keras
import pytest

from tests.client.models import Recording


@pytest.mark.parametrize(
    ("module", "missing"),
    [("flatline.keras", ["keras"]), ("flatline.tensorflow", ["tensorflow", "keras"])],
)
def test_without_what_it_needs_it_says_what_to_install(module: str, missing: list[str]) -> None:
    """The error has the type and the name that a missing module has."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing}))\n"
        f"try: import {module}\n"
        "except ModuleNotFoundError as error: print(error, error.name)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)

    assert f"{module} needs" in done.stdout
    assert "pip install 'flatline[tensorflow]' keras" in done.stdout


def test_on_another_backend_it_says_so_and_does_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No other backend is installed where this runs, so its name stands in for one."""
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    caplog.set_level("INFO", "flatline")
    callback = Recording()

    callback.on_train_begin()
    callback.on_train_end()

    assert callback.runs == []
    assert "Keras runs on jax; only tensorflow can be monitored" in caplog.text
