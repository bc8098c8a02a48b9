"""The main job: a real training, the real client, the real service, and what Prometheus reads."""

import json
import shutil
import socket
import sqlite3
import subprocess

import keras
import numpy as np
import pytest
from keras import layers

from flatline.keras import MonitorCallback
from flatline.v1 import monitor_pb2
from tests.gallery.programs import blobs, classifier, only_one_class
from tests.system.service import Service, metric

STEPS = 800


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as running:
        yield running


def run_of(service, callback):
    return json.loads(service.get(f"/api/v1/runs/{callback.run_id}"))


def firing(run):
    return {a["detector"]: a["severity"] for a in run["alerts"] if a["state"] == "firing"}


def only_one_class_run(*callbacks):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    only_one_class(0, callbacks)


def active(page, callback, detector):
    return metric(
        page,
        "flatline_alert_active",
        run=callback.run_id or "",
        detector=detector,
        severity="critical",
    )


def test_a_sick_training_reaches_prometheus_and_its_own_log(service, caplog):
    """Alert, verdict, state and step of a real fit are on /metrics; promtool has no complaint."""
    callback = MonitorCallback(service.grpc, name="one class", project="tests")
    with caplog.at_level("INFO"):
        only_one_class_run(callback)
    page, run_id = service.get("/metrics"), callback.run_id or ""

    assert active(page, callback, "class_collapse") == 1
    assert active(page, callback, "non_finite") == 0
    assert metric(page, "flatline_run_state", run=run_id, state="finished") == 1
    assert metric(page, "flatline_run_verdict", run=run_id, verdict="sick") == 1
    said = [record.getMessage() for record in caplog.records]
    assert [line for line in said if line.startswith("flatline: SICK: ")]
    closing = [line for line in said if line.startswith("flatline: verdict: sick: ")]
    assert said.index(closing[0]) > next(i for i, line in enumerate(said) if " finished: " in line)
    story, remedy = said[said.index(closing[0]) + 1 :][:2]
    assert story.startswith("flatline: story: ")
    assert "class_collapse step 79" in story
    assert remedy.startswith("flatline: remedy: ")
    assert metric(page, "flatline_run_step", run=run_id) == STEPS - 1
    assert metric(page, "flatline_report_gaps_total") == 0
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: make tools"
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=page, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_the_page_of_a_run_says_what_is_wrong(service):
    """The sentence of the alert and the name that the user gave, as a person reads them."""
    callback = MonitorCallback(service.grpc, name="<b>one & only</b>")
    only_one_class_run(callback)
    page = service.get(f"/runs/{callback.run_id}")

    assert "&lt;b&gt;one &amp; only&lt;/b&gt;" in page
    assert "100.0% of them are class 0" in page
    assert "class_collapse" in page


def test_a_healthy_training_is_left_alone(service):
    """Nothing fires on a network that learns, and validation results arrive with their n."""
    callback = MonitorCallback(service.grpc)
    keras.utils.set_random_seed(0)
    x, y = blobs(600, 10, 0)
    classifier(10, 16).fit(x, y, epochs=10, validation_split=0.2, verbose=0, callbacks=[callback])
    page = service.get(f"/runs/{callback.run_id}")

    assert firing(run_of(service, callback)) == {}
    assert "val" in page.lower()
    assert "120" in page


def test_a_training_that_dies_is_failed_by_name(service):
    """The exception is the user's and reaches the user; its type reaches the monitor."""
    callback = MonitorCallback(service.grpc)
    x = np.zeros((64, 4), "float32")
    model = keras.Sequential([layers.Input((4,)), layers.Embedding(3, 2), layers.Flatten()])
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    x[40:] = 7
    with pytest.raises(Exception, match="not in") as error:
        model.fit(x, x[:, 0], batch_size=8, shuffle=False, verbose=0, callbacks=[callback])
    run = run_of(service, callback)

    assert run["state"] == "failed"
    assert type(error.value).__name__ in service.get(f"/runs/{callback.run_id}")


def test_a_second_fit_goes_on_with_the_run(service):
    """The same callback and model: one run, whose steps go on."""
    callback = MonitorCallback(service.grpc)
    keras.utils.set_random_seed(0)
    x, y = blobs(320, 10, 0)
    model = classifier(10, 16)
    model.fit(x, y, epochs=3, verbose=0, callbacks=[callback])
    first = callback.run_id
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callback])

    assert callback.run_id == first
    assert run_of(service, callback)["step"] == 5 * 10 - 1
    assert run_of(service, callback)["state"] == "finished"


def test_kill_9_in_mid_run_loses_nothing(tmp_path):
    """The service dies and comes back while a model trains: run and alert go on, no step lost."""
    with Service(tmp_path) as service:
        callback = MonitorCallback(service.grpc)

        class Fate(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
            def on_epoch_end(self, epoch, logs=None):
                if epoch == 100:
                    service.kill()
                if epoch == 120:
                    service.restart()

        only_one_class_run(callback, Fate())
        run = run_of(service, callback)
        page = service.get("/metrics")

        assert (run["state"], run["step"]) == ("finished", STEPS - 1)
        assert firing(run)["class_collapse"] == "critical"
        assert active(page, callback, "class_collapse") == 1
        assert metric(page, "flatline_report_gaps_total") == 0
        assert steps_in_journal(service.data_dir / "flatline.db") == list(range(STEPS))


def steps_in_journal(path):
    """Every step of the only run, in the order of its records."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("select raw from journal order by id").fetchall()
    steps: list[int] = []
    for (raw,) in rows:
        request = monitor_pb2.WatchRequest.FromString(raw)
        if request.HasField("chunk"):
            first = request.chunk.first_step
            steps += range(first, first + request.chunk.n)
    return steps


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_without_a_monitor_training_is_what_it_was():
    """Weights and history are those of a training that knows nothing of flatline."""
    bare, watched = trained(), trained(MonitorCallback(f"127.0.0.1:{free_port()}"))

    assert watched[0] == bare[0]
    for ours, theirs in zip(watched[1], bare[1], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def trained(*callbacks):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    x, y = blobs(320, 10, 0)
    model = classifier(10, 16)
    history = model.fit(x, y, epochs=5, verbose=0, callbacks=list(callbacks))
    return history.history, model.get_weights()
