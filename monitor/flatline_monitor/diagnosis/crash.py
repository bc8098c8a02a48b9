"""Why a run ended that did not end by itself: its class, from the exception's type and text.

The table is read from the top, the first row that fits counts. What is peculiar comes first:
TensorFlow says ResourceExhaustedError of memory and of disks, and InvalidArgumentError of almost
everything. Sources of the texts: [tf] raised by TensorFlow 2.21, [keras] by Keras 3, [py] by
Python and NumPy, each in tests/monitor/diagnosis/test_crash.py or its table; [torch], [jax] and
[nccl] as their documentation has them.
"""

import enum
import re
from dataclasses import dataclass


class CrashKind(enum.StrEnum):
    """What ended a run."""

    OUT_OF_MEMORY = "out_of_memory"
    DISK_FULL = "disk_full"
    NAN_ASSERTION = "nan_assertion"
    NETWORK = "network"
    DATA_ERROR = "data_error"
    KILLED = "killed"
    INTERRUPTED = "interrupted"
    PROGRAM_ERROR = "program_error"


@dataclass(frozen=True, slots=True)
class Crash:
    """What ended a run, and what to do about it."""

    kind: CrashKind
    title: str
    advice: str
    exception_type: str = ""
    exception_text: str = ""


TITLES: dict[CrashKind, tuple[str, str]] = {
    CrashKind.OUT_OF_MEMORY: (
        "out of memory",
        (
            "Lower the batch size or the size of the inputs, use mixed precision or accumulate "
            "gradients, and look whether another process holds the memory."
        ),
    ),
    CrashKind.DISK_FULL: (
        "no space left on a disk",
        (
            "Free space where checkpoints, caches and logs are written, keep fewer checkpoints, "
            "and go on from the last one that is whole."
        ),
    ),
    CrashKind.NAN_ASSERTION: (
        "a check found numbers that are not finite",
        (
            "Look where the numbers went bad first; then lower the learning rate, clip the "
            "gradients, or mend the sample or the function that gave the first of them."
        ),
    ),
    CrashKind.NETWORK: (
        "a connection was lost or refused",
        (
            "See that the other machine is up and can be reached, let the program try again, "
            "and go on from the last checkpoint."
        ),
    ),
    CrashKind.DATA_ERROR: (
        "the data is not what the model or the pipeline takes",
        (
            "Look at the batch or the file that the message names: shapes, labels within the "
            "classes, files that exist and are whole; try the pipeline without the model."
        ),
    ),
    CrashKind.KILLED: (
        "killed or lost: it stopped without a word",
        (
            "Look at what the machine says of the process (out-of-memory killer, time limit or "
            "preemption of the scheduler, a reboot), and go on from the last checkpoint."
        ),
    ),
    CrashKind.INTERRUPTED: (
        "interrupted by a person or the system",
        "Go on from the last checkpoint if it was not meant to end.",
    ),
    CrashKind.PROGRAM_ERROR: (
        "an error of the program",
        "Read the message and the traceback in the training's own log.",
    ),
}
"""What each class is called, and what to do."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One row of the table: the kind that an exception has whose type or text fits."""

    kind: CrashKind
    types: frozenset[str]
    text: re.Pattern[str]


def _sign(kind: CrashKind, types: str, *texts: str) -> Sign:
    return Sign(
        kind, frozenset(types.split()), re.compile("|".join(texts) or "(?!)", re.IGNORECASE)
    )


SIGNS = (
    _sign(
        CrashKind.DISK_FULL,
        "",
        r"no space left on device",  # [tf] ResourceExhaustedError, [py] OSError 28
        r"disk quota exceeded",  # [py] OSError 122
        r"not enough free (?:disk )?space|there is not enough space on the disk",  # [py] Windows
    ),
    _sign(
        CrashKind.OUT_OF_MEMORY,
        "MemoryError _ArrayMemoryError OutOfMemoryError",  # [py], NumPy's, [torch]
        r"\boom when allocating",  # [tf] ResourceExhaustedError
        r"out of memory",  # [jax] RESOURCE_EXHAUSTED, [torch] CUDA out of memory
        r"unable to allocate \S+ \S+ for an array",  # [py] NumPy
        r"failed to (?:allocate|alloc) (?:memory|request|\d)",  # [tf] allocators
        r"cannot allocate memory",  # [py] OSError 12
        r"cuda(?:_error)?_out_of_memory|cublas_status_alloc_failed|cudnn_status_alloc_failed",
    ),
    _sign(
        CrashKind.NAN_ASSERTION,
        "FloatingPointError NanLossDuringTrainingError",  # [py] np.errstate, [tf] Estimator's hook
        r"tensor had (?:nan|inf|-inf)",  # [tf] check_numerics, assert_all_finite
        r"detected infinity or nan",  # [tf] enable_check_numerics
        r"found inf or nan global norm",  # [tf] clip_by_global_norm
        r"nan loss|loss (?:is|was|became|went) (?:nan|inf|not finite|non-finite)",
        r"(?:invalid|nan or inf|non-?finite) (?:loss|gradient)",
        r"returned nan values in its",  # [torch] detect_anomaly
    ),
    _sign(
        CrashKind.NETWORK,
        "UnavailableError AbortedError DeadlineExceededError ConnectionError BrokenPipeError "
        "ConnectionResetError ConnectionRefusedError ConnectionAbortedError TimeoutError gaierror "
        "URLError RemoteDisconnected IncompleteRead SSLError DistBackendError",
        r"connection (?:refused|reset|aborted|closed|timed out)",  # [py], [tf] grpc
        r"name or service not known|temporary failure in name resolution|no route to host",  # [py]
        r"network is unreachable|socket closed|failed to connect to all addresses",  # [tf] grpc
        r"nccl (?:communicator|error|operation)|collective operation timeout",  # [nccl]
        r"coordination service|heartbeat timeout",  # [tf], [jax] between workers
    ),
    _sign(
        CrashKind.DATA_ERROR,
        "OutOfRangeError DataLossError UnidentifiedImageError JSONDecodeError UnicodeDecodeError "
        "FileNotFoundError NotADirectoryError IsADirectoryError BadZipFile EOFError ParserError "
        "ParseError NotFoundError UnpicklingError",
        r"received a label value",  # [tf] sparse cross-entropy
        r"must have the same (?:shape|rank|first dimension)",  # [keras] losses
        r"is incompatible with the layer|expected axis -?\d+ of input shape",  # [keras]
        r"data cardinality is ambiguous",  # [keras] x and y of different lengths
        r"no such file or directory",  # [tf] NotFoundError, [py]
        r"corrupted record|truncated record|unknown image file format",  # [tf] TFRecord, images
        r"invalid (?:jpeg|png|gif) data|could not parse example|is required but could not be found",
        r"can'?t parse serialized example",  # [tf]
        r"indices\[.*\] = .* is not in \[",  # [tf] embeddings and gathers
        r"cannot batch tensors with different shapes",  # [tf] tf.data
        r"generator_py_func|node pyfunc|iteratorgetnext",  # [tf] what a generator raised
        r"generator yielded an element|must be a (?:structure|shape) that matches",  # [tf], [keras]
        r"matrix size-incompatible|incompatible shapes|dimensions must be equal",  # [tf]
        r"shapes .* (?:are|is) incompatible|logits and labels must",  # [tf]
        r"could not broadcast|inhomogeneous shape|could not convert string to float",  # [py] NumPy
        r"found array with|your input ran out of data",  # [keras], sklearn
    ),
)
"""Which exceptions are of which class; every other is an error of the program."""


def crash_of(exception_type: str, exception_text: str) -> Crash:
    """Return why an exception of this type, which says this, ended a run."""
    kind = next(
        (s.kind for s in SIGNS if exception_type in s.types or s.text.search(exception_text)),
        CrashKind.PROGRAM_ERROR,
    )
    if exception_type in {"KeyboardInterrupt", "InterruptedError", "CancelledError"}:
        kind = CrashKind.INTERRUPTED
    return Crash(kind, *TITLES[kind], exception_type, exception_text)


def crash_without(kind: CrashKind) -> Crash:
    """Return what ended a run of which no exception is known."""
    return Crash(kind, *TITLES[kind])
