"""What others log of each batch, the way that their users do it; all of it offline."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tests.bench.client.variants import Make

TAPE, TAPE_LOGGED = "a second tape for gradient norms", "a second tape, norms logged to W&B"
TENSORBOARD, WANDB, MLFLOW = "TensorBoard per batch", "W&B per batch", "MLflow per batch"
PEERS = (TENSORBOARD, WANDB, MLFLOW, TAPE, TAPE_LOGGED)
_OFFLINE = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}


class SecondTape(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Works out the gradients of a batch again, to log their norms."""

    def __init__(self, dataset: Any, log: Any) -> None:
        super().__init__()
        self._iterator, self._log = iter(dataset), log

    def set_model(self, model: Any) -> None:
        super().set_model(model)

        @tf.function  # type: ignore[untyped-decorator]
        def norms(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=False))
            gradients = tape.gradient(loss, model.trainable_weights)
            return [tf.norm(tf.convert_to_tensor(gradient)) for gradient in gradients]

        self._norms = norms

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        norms = self._norms(*next(self._iterator))
        named = zip(self.model.trainable_weights, norms, strict=True)
        self._log({f"gradients/{variable.path}": float(norm) for variable, norm in named})


@contextlib.contextmanager
def peers(directory: Path, dataset: Any) -> Iterator[dict[str, Make]]:
    """Open what there is of them, with all their files in a directory that can be removed."""
    folders = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR")
    os.environ.update(_OFFLINE | dict.fromkeys(folders, str(directory)))
    made: dict[str, Make] = {TAPE: lambda: [SecondTape(dataset, lambda _: None)]}
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):
            importlib.import_module("tensorboard")
            folder = str(directory / "tensorboard")
            made[TENSORBOARD] = lambda: [
                keras.callbacks.TensorBoard(folder, update_freq="batch", profile_batch=0)
            ]
        with contextlib.suppress(ImportError):
            made |= _wandb(directory, dataset, stack)
        with contextlib.suppress(ImportError):
            made |= _mlflow(directory, stack)
        yield made


def _wandb(directory: Path, dataset: Any, stack: contextlib.ExitStack) -> dict[str, Make]:
    wandb = importlib.import_module("wandb")
    logger = importlib.import_module("wandb.integration.keras").WandbMetricsLogger
    settings = wandb.Settings(x_disable_stats=True, console="off")
    wandb.init(mode="offline", dir=str(directory), project="bench", settings=settings)
    stack.callback(wandb.finish)
    return {
        WANDB: lambda: [logger(log_freq="batch")],
        TAPE_LOGGED: lambda: [SecondTape(dataset, wandb.log)],
    }


def _mlflow(directory: Path, stack: contextlib.ExitStack) -> dict[str, Make]:
    os.environ["MLFLOW_LOGGING_LEVEL"] = "ERROR"
    mlflow = importlib.import_module("mlflow")
    callback = importlib.import_module("mlflow.keras.callback").MlflowCallback
    mlflow.set_tracking_uri(f"sqlite:///{directory}/mlflow.db")
    experiment = mlflow.create_experiment("bench", artifact_location=f"file://{directory}/mlflow")
    mlflow.start_run(experiment_id=experiment)
    stack.callback(mlflow.end_run)
    return {MLFLOW: lambda: [callback(log_every_epoch=False, log_every_n_steps=1)]}
