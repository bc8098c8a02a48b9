"""The program itself: started, used, stopped, killed, and started again."""

import math
import signal
import threading
import urllib.error
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from flatline.v1 import monitor_pb2 as pb
from flatline.v1.monitor_pb2_grpc import MonitorServiceStub
from tests.monitor.ingest.wire import chunk, hello, variables
from tests.system.service import Service, metric

RUN = "brave-otter-1a2b"
SICK = (
    hello(plan_steps=100),
    variables(1),
    *(
        chunk(i + 2, n=10, first_step=10 * i, loss=[math.nan] * 10, sampled={"row": [5]})
        for i in range(6)
    ),
)


def send(service: Service, messages: Sequence[bytes], token: str = "") -> list[pb.WatchResponse]:
    """Send messages on one stream and return all that was answered."""
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(service.grpc) as channel:
        stub = MonitorServiceStub(channel)
        requests = map(pb.WatchRequest.FromString, messages)
        return list(stub.Watch(requests, metadata=metadata, timeout=30))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(tmp_path) as service:
        yield service


def test_it_serves_pages_metrics_and_runs_and_stops_when_asked(service: Service) -> None:
    """One process, two ports; SIGTERM is a success, and nothing is written but events."""
    assert service.get("/healthz") == "alive\n"
    assert service.get("/readyz") == "ready\n"
    answers = send(service, [hello(), variables(1), chunk(2)])
    page = service.get("/metrics")

    assert answers[0].welcome.run_url == f"http://{service.http}/runs/{RUN}"
    assert answers[-1].ack.durable_sequence == 2
    assert RUN in service.get(f"/runs/{RUN}")
    assert metric(page, "flatline_run_state", run=RUN, state="running") == 1
    assert metric(page, "flatline_reports_rejected_total", reason="too_large") == 0
    assert service.terminate() == 0
    assert all(line.startswith("{") for line in service.log().splitlines()), service.log()
    assert service.events()[-1]["event"] == "stopped"


def test_what_was_acknowledged_survives_a_kill(service: Service) -> None:
    """A firing alert goes on firing, and the client is not asked for what is durable."""
    answers = send(service, SICK)
    active = {"run": RUN, "detector": "non_finite"}
    before = service.get("/metrics")
    assert answers[-1].ack.durable_sequence == len(SICK) - 1
    assert metric(before, "flatline_alert_active", **active, severity="critical") == 1

    service.kill()
    service.restart()

    page = service.get("/metrics")
    assert metric(page, "flatline_alert_active", **active, severity="critical") == 1
    assert send(service, [hello()])[0].welcome.next_sequence == len(SICK)
    assert send(service, SICK)[-1].ack.durable_sequence == len(SICK) - 1


def test_an_open_stream_is_acknowledged_and_sent_away_when_it_stops(service: Service) -> None:
    """The client hears what is durable, and that it should come again."""
    heard: list[pb.WatchResponse] = []
    records = [pb.WatchRequest.FromString(raw) for raw in (hello(), variables(1))]

    def training() -> Iterator[pb.WatchRequest]:
        yield from records
        over.wait(30)

    over = threading.Event()
    with grpc.insecure_channel(service.grpc) as channel:
        answers = MonitorServiceStub(channel).Watch(training(), timeout=30)
        heard += [next(answers), next(answers)]
        stop = threading.Thread(target=service.terminate)
        heard.append(next(answers))
        stop.start()
        with pytest.raises(grpc.RpcError) as refusal:
            heard.extend(answers)
        over.set()
        stop.join()

    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
    assert "shutting down" in str(refusal.value)
    assert heard[-1].ack.durable_sequence == 1


def test_a_second_service_does_not_start(service: Service, tmp_path: Path) -> None:
    """Neither in the same directory nor on the same port; one sentence, exit code 2."""
    same_directory = Service(tmp_path / "second", f"--data-dir={service.data_dir}")
    with pytest.raises(AssertionError, match=r"is in use by process \d+; stop that monitor"):
        same_directory.start()
    for flag in (f"--grpc-address={service.grpc}", f"--http-address={service.http}"):
        same_port = Service(tmp_path / flag[2:6], flag)
        with pytest.raises(AssertionError, match="cannot be listened on") as failure:
            same_port.start()
        assert "Traceback" not in str(failure.value)
        assert same_port._end(signal.SIGTERM) == 2


def test_tokens_are_asked_for(tmp_path: Path) -> None:
    """With a token file it may listen to everybody, and takes runs only from who knows one."""
    (tmp_path / "tokens").write_text("good-token\n")
    flags = f"--token-file={tmp_path / 'tokens'}"

    with Service(tmp_path / "service", flags) as service:
        assert send(service, [hello()], "good-token")
        with pytest.raises(grpc.RpcError) as refusal:
            send(service, [hello()], "bad-token")
        assert refusal.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "bad-token" not in service.log()
        page = service.get("/metrics")
        assert metric(page, "flatline_reports_rejected_total", reason="unauthenticated") == 1


def test_refused_messages_do_not_fill_the_log(service: Service) -> None:
    """Two thousand messages of nonsense are a handful of lines, refused by us or by gRPC."""
    with grpc.insecure_channel(service.grpc) as channel:
        watch: Any = channel.stream_stream("/flatline.v1.MonitorService/Watch")
        for _ in range(2000):
            with pytest.raises(grpc.RpcError):
                list(watch(iter([b"\xff\xff"])))
        for _ in range(30):
            with pytest.raises(grpc.RpcError, match="larger than max"):
                list(watch(iter([bytes(9 * 2**20)]), compression=grpc.Compression.Gzip))

    assert len(service.log().splitlines()) < 20


def test_pages_that_are_not_there_are_no_fault(service: Service) -> None:
    """A scanner leaves no traceback."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        service.get("/runs/nobody")
    assert "Traceback" not in service.log()
