"""From `model.fit` to the monitor, over a real connection."""

import numpy as np

from flatline.keras import MonitorCallback
from flatline.v1 import monitor_pb2
from tests.client.models import BATCH, LABELS, STEPS, X, compiled, fit
from tests.client.peer import Peer


def test_a_fit_arrives_with_its_plan_its_steps_and_its_end() -> None:
    """One callback is the whole integration; a second fit opens the run again."""
    with Peer() as monitor:
        callback = MonitorCallback(monitor.target, name="small", project="tests")
        model = compiled(metrics=["accuracy"])
        fit(model, [callback], epochs=2, validation_data=(X, LABELS))
        fit(model, [callback], epochs=4, initial_epoch=2)

    memory = monitor.memory
    hello = memory.hellos[0]
    assert (hello.name, hello.project, hello.framework) == ("small", "tests", "keras")
    assert (hello.plan_steps, hello.plan_epochs, hello.batch_size) == (2 * STEPS, 2, BATCH)
    assert (hello.task, hello.class_count) == (monitor_pb2.TASK_CLASSIFICATION, 5)
    assert memory.steps == list(range(4 * STEPS))
    assert memory.kinds.count("evaluation") == 2
    assert [r.hello.plan_steps for r in memory.records if r.HasField("hello")] == [4 * STEPS]
    ends = [record.end for record in memory.records if record.HasField("end")]
    assert [end.step for end in ends] == [2 * STEPS, 4 * STEPS]
    assert {end.status for end in ends} == {monitor_pb2.END_STATUS_FINISHED}


def test_columns_arrive_with_their_axes() -> None:
    """Row by row, over the variables that were announced before."""
    with Peer() as monitor:
        fit(compiled(), [MonitorCallback(monitor.target)], epochs=2)

    records = monitor.memory.records
    names = next(r.variables for r in records if r.HasField("variables"))
    sampled = [r.chunk.sampled for r in records if r.HasField("chunk") and r.chunk.sampled.row]
    assert [v.role for v in names.variables] == [monitor_pb2.ROLE_KERNEL, monitor_pb2.ROLE_BIAS] * 2
    assert [v.shape for v in names.variables] == [[12, 16], [16], [16, 5], [5]]
    for columns in sampled:
        assert columns.revision == names.revision
        assert len(columns.grad_norm) == len(columns.row) * len(names.variables)
        assert len(columns.label_count) == len(columns.row) * 5
        assert np.all(np.array(columns.sample_count) == BATCH)


def test_without_a_monitor_the_training_is_the_same() -> None:
    """It neither waits nor fails."""
    alone, watched = compiled(), compiled()

    expected = fit(alone, [])

    assert fit(watched, [MonitorCallback("127.0.0.1:1")]) == expected
