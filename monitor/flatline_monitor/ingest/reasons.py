"""Why something is refused: the constants, and what gRPC calls them."""

import enum
from collections.abc import Mapping

import grpc

_Status = grpc.StatusCode


class Reason(enum.StrEnum):
    """Labels of flatline_reports_rejected_total."""

    # The client should send something else.
    UNDECODABLE = "undecodable"
    INVALID_HELLO = "invalid_hello"
    INVALID_NAME = "invalid_name"
    INVALID_VARIABLES = "invalid_variables"
    INVALID_MODEL = "invalid_model"
    INVALID_CHUNK = "invalid_chunk"
    INVALID_EVALUATION = "invalid_evaluation"
    INVALID_END = "invalid_end"
    OUT_OF_ORDER = "out_of_order"
    TOO_MANY_TAGS = "too_many_tags"
    TOO_MANY_VARIABLES = "too_many_variables"
    TOO_MANY_CLASSES = "too_many_classes"
    TOO_MANY_METRICS = "too_many_metrics"
    TOO_LARGE = "too_large"
    PROTOCOL_VERSION = "protocol_version"
    UNAUTHENTICATED = "unauthenticated"
    NO_HELLO = "no_hello"
    RUN_EXPIRED = "run_expired"
    SUPERSEDED = "superseded"
    # The client should come again later.
    TOO_MANY_RUNS = "too_many_runs"
    TOO_MANY_STREAMS = "too_many_streams"
    SHUTTING_DOWN = "shutting_down"
    # The monitor is at fault.
    INTERNAL = "internal"


_OTHERS = {
    Reason.TOO_LARGE: _Status.RESOURCE_EXHAUSTED,
    Reason.PROTOCOL_VERSION: _Status.FAILED_PRECONDITION,
    Reason.SUPERSEDED: _Status.ABORTED,
    Reason.RUN_EXPIRED: _Status.FAILED_PRECONDITION,
    Reason.UNAUTHENTICATED: _Status.UNAUTHENTICATED,
    Reason.NO_HELLO: _Status.DEADLINE_EXCEEDED,
    Reason.TOO_MANY_RUNS: _Status.RESOURCE_EXHAUSTED,
    Reason.TOO_MANY_STREAMS: _Status.UNAVAILABLE,
    Reason.SHUTTING_DOWN: _Status.UNAVAILABLE,
    Reason.INTERNAL: _Status.INTERNAL,
}

REASONS: Mapping[Reason, grpc.StatusCode] = {
    reason: _OTHERS.get(reason, _Status.INVALID_ARGUMENT) for reason in Reason
}
"""Every reason, and the status that the client sees."""
