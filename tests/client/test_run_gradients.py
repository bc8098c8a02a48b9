"""Run.log_gradients takes norms by the names of their variables, for any framework."""

import math
from typing import Any

import numpy as np
import pytest

from flatline import Run
from flatline.rows import Variable
from flatline.v1 import monitor_pb2
from tests.client.peer import Peer
from tests.client.told import told

NORMS = {"dense/kernel": 3.0, "dense/bias": 4.0}


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said to be wrong."""
    return [r.getMessage() for r in caplog.records if "training goes on without it" in r.message]


def test_the_names_make_the_variables(peer: Peer) -> None:
    """Nothing has to be announced: the first call says what there is, and of what kind."""
    with Run(peer.target) as run:
        for step in range(3):
            run.log_gradients(NORMS)
            run.log(step, loss=1.0)

    heard = told(peer.memory)
    assert heard.revisions == [["dense/kernel", "dense/bias"]]
    kernel, bias = monitor_pb2.ROLE_KERNEL, monitor_pb2.ROLE_BIAS
    assert heard.roles == {"dense/kernel": kernel, "dense/bias": bias}
    row = {"grad_norm": NORMS, "global_grad_norm": pytest.approx(5.0)}
    assert heard.columns == {0: row, 1: row, 2: row}


def test_any_kind_of_number_is_taken(peer: Peer) -> None:
    """As they come out of numpy or a framework, and with what else is known of the update."""
    with Run(peer.target) as run:
        run.log_gradients(
            {"a": np.float32(1.5), "b": np.array(2.0)},
            weights={"b": 4.0, "a": 3},
            updates={"a": 0.25, "b": 0.5},
        )
        run.log(0, loss=1.0)

    row = told(peer.memory).columns[0]
    assert row["grad_norm"] == {"a": 1.5, "b": 2.0}
    assert row["weight_norm"] == {"a": 3.0, "b": 4.0}
    assert row["update_norm"] == {"a": 0.25, "b": 0.5}


def test_calls_for_one_step_add_up(peer: Peer) -> None:
    """As wandb.log(commit=False) does; what is told twice counts as it was told last."""
    with Run(peer.target) as run:
        run.log_gradients({"a": 1.0})
        run.log_gradients({"b": 1.0, "a": 3.0})
        run.log_gradients({"b": 4.0})
        run.log(0, loss=1.0)

    row = told(peer.memory).columns[0]
    assert row["grad_norm"] == {"a": 3.0, "b": 4.0}
    assert row["global_grad_norm"] == pytest.approx(5.0)


def test_a_step_may_be_named_before_it_is_logged(peer: Peer) -> None:
    """Steps without norms of their own get none."""
    with Run(peer.target) as run:
        run.log_gradients(NORMS, step=2)
        for step in range(4):
            run.log(step, loss=1.0)

    assert list(told(peer.memory).columns) == [2]


def test_norms_may_come_after_their_step(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """The first step has gone already; from then on each waits for its norms, or for the next."""
    with caplog.at_level("INFO"), Run(peer.target) as run:
        for step in range(6):
            run.log(step, loss=1.0)
            if step != 3:
                run.log_gradients({"a": float(step)}, step=step)

    heard = told(peer.memory)
    assert heard.series("grad_norm", "a") == [1.0, 2.0, 4.0, 5.0]
    assert list(heard.columns) == [1, 2, 4, 5]
    assert peer.memory.steps == list(range(6))
    assert len(said(caplog)) == 1


def test_other_names_are_other_variables(peer: Peer) -> None:
    """Each row goes by the names that were told with it; the same names in another order do not."""
    with Run(peer.target) as run:
        for step, norms in enumerate([{"a": 1, "b": 2}, {"b": 3, "a": 4}, {"b": 5}, {"a": 6}]):
            run.log_gradients(norms)
            run.log(step, loss=1.0)

    heard = told(peer.memory)
    assert heard.revisions == [["a", "b"], ["b"], ["a"]]
    assert [row["grad_norm"] for row in heard.columns.values()] == [
        {"a": 1, "b": 2},
        {"a": 4, "b": 3},
        {"b": 5},
        {"a": 6},
    ]


def test_variables_of_the_constructor_are_kept(peer: Peer) -> None:
    """Who has told shapes and roles need not tell them again."""
    arrays = [Variable("w", role="kernel", shape=(3, 2)), Variable("b", role="bias", shape=(2,))]
    with Run(peer.target, variables=arrays) as run:
        run.log_gradients({"b": 1.0, "w": 2.0})
        run.log(0, loss=1.0)

    heard = told(peer.memory)
    assert heard.revisions == [["w", "b"]]
    assert heard.shapes["w"] == (3, 2)
    assert heard.columns[0]["grad_norm"] == {"b": 1.0, "w": 2.0}


def test_norms_that_are_not_finite_are_news(peer: Peer) -> None:
    """Nan and infinity are measurements like others, and make the whole gradient so."""
    with Run(peer.target) as run:
        run.log_gradients({"a": math.nan, "b": 1.0})
        run.log(0, loss=1.0)

    row = told(peer.memory).columns[0]
    assert math.isnan(row["grad_norm"]["a"])
    assert math.isnan(row["global_grad_norm"])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([1.0], "gradients is [1.0]; it must be a dict of name and norm"),
        ({}, "gradients is {}; it must be a dict"),
        ({1: 1.0}, "gradients has the key 1; it must be a name"),
        ({"a": "high"}, "gradients['a'] is 'high'; it must be a number"),
        ({"a": None}, "gradients['a'] is None; it must be a number"),
        ({"a": -1.0}, "gradients has -1.0 for a; a norm is 0 or more"),
        ({"": 1.0}, "names of 1 to 1024 bytes"),
        ({"a\n": 1.0}, "without control characters"),
        ({str(i): 1.0 for i in range(20_001)}, "at most 20000 names"),
    ],
)
def test_what_is_no_norm_is_said_once_and_left_out(
    peer: Peer, caplog: pytest.LogCaptureFixture, wrong: Any, sentence: str
) -> None:
    """Neither the loop nor the step suffers, and no half list of variables is made of it."""
    with caplog.at_level("INFO"), Run(peer.target) as run:
        for step in range(3):
            run.log_gradients(wrong)
            run.log(step, loss=1.0)

    assert len(said(caplog)) == 1
    assert sentence in said(caplog)[0]
    assert peer.memory.steps == [0, 1, 2]
    assert told(peer.memory).columns == {}
    assert "3 values left out" in caplog.messages[-1]


def test_weights_of_other_names_are_left_out(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """A column holds a number for each variable, or is not there at all."""
    with caplog.at_level("INFO"), Run(peer.target) as run:
        run.log_gradients({"a": 1.0, "b": 1.0}, weights={"a": 1.0})
        run.log(0, loss=1.0)

    assert "weights must have the names that gradients has" in said(caplog)[0]
    assert told(peer.memory).columns[0].keys() == {"grad_norm", "global_grad_norm"}


@pytest.mark.parametrize("step", [None, 7])
def test_norms_without_their_step_are_said(
    peer: Peer, caplog: pytest.LogCaptureFixture, step: int | None
) -> None:
    """Norms belong to a step; those of a step that never came are counted as left out."""
    with caplog.at_level("INFO"), Run(peer.target) as run:
        run.log(0, loss=1.0)
        run.log_gradients(NORMS, step=step)

    assert "log_gradients() came without the log() of its step" in said(caplog)[0]
    assert "1 values left out" in caplog.messages[-1]


def test_what_the_loop_says_itself_wins(peer: Peer) -> None:
    """Columns of one step are not mixed from two lists of variables."""
    with Run(peer.target, variables=["x"]) as run:
        run.log_gradients(NORMS)
        run.log(0, loss=1.0, sampled={"grad_norm": [7.0]})

    assert told(peer.memory).columns == {0: {"grad_norm": {"x": 7.0}}}


def test_it_is_quiet_when_nothing_is_reported() -> None:
    """After finish(), and in a run that is disabled, norms are as little a fault as steps."""
    run = Run(mode="disabled")
    run.log_gradients("nonsense")  # type: ignore[arg-type]
    run.finish()
    run.log_gradients(NORMS)
