"""Messages as a client sends them, small and correct, each to be spoilt by a test."""

from typing import Any

import numpy as np

from flatline.v1 import monitor_pb2 as pb

HELLO: dict[str, Any] = {"protocol": 1, "run_id": "brave-otter-1a2b"}


def hello(sequence: int = 0, **fields: Any) -> bytes:
    return pb.WatchRequest(sequence=sequence, hello=pb.Hello(**HELLO | fields)).SerializeToString()


def variables(sequence: int = 1, count: int = 3, inputs: int = 1, **fields: Any) -> bytes:
    arrays = [
        pb.Variable(path=f"net/d{i}/kernel", layer=f"d{i}", role=pb.ROLE_KERNEL, shape=[4, 2])
        for i in range(count)
    ]
    names = [f"x{i}" for i in range(inputs)]
    content: dict[str, Any] = {"revision": 1, "variables": arrays, "inputs": names}
    message = pb.Variables(**content | fields)
    return pb.WatchRequest(sequence=sequence, variables=message).SerializeToString()


def chunk(
    sequence: int = 2, n: int = 4, sampled: dict[str, Any] | None = None, **fields: Any
) -> bytes:
    """Encode n steps with a loss each; `sampled` replaces fields of the sampled step."""
    row: dict[str, Any] = {"row": [1], "revision": 1, "grad_norm": [0.5, 1.5, 2.5]}
    content: dict[str, Any] = {
        "first_step": 0,
        "n": n,
        "loss": np.linspace(1, 0.5, n).tolist(),
        "loss_source": bytes([1]) * n,
        "sampled": pb.Sampled(**row | (sampled or {})),
    }
    message = pb.Chunk(**content | fields)
    return pb.WatchRequest(sequence=sequence, chunk=message).SerializeToString()


def model(sequence: int = 2, **fields: Any) -> bytes:
    return pb.WatchRequest(sequence=sequence, model=pb.Model(**fields)).SerializeToString()


def evaluation(sequence: int = 1, **fields: Any) -> bytes:
    content: dict[str, Any] = {"step": 10, "epoch": 1, "metrics": {"loss": 0.5}}
    message = pb.Evaluation(**content | fields)
    return pb.WatchRequest(sequence=sequence, evaluation=message).SerializeToString()


def end(sequence: int = 1, **fields: Any) -> bytes:
    content: dict[str, Any] = {"status": pb.END_STATUS_FINISHED, "step": 10}
    message = pb.End(**content | fields)
    return pb.WatchRequest(sequence=sequence, end=message).SerializeToString()
