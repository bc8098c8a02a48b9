"""A second trace of a program's own tf.function, which measures.

The function is found on the stack while it is traced. From then on its calls are looked at: a
sampled one goes to its twin, all others to the function itself, in which there is nothing of ours.
"""

import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Protocol

import tensorflow as tf

from flatline.capture.dice import draws_seeded
from flatline.capture.likeness import same_program
from flatline.guard import Guard

Function: Any = type(tf.function(lambda: None))
_PAIR = "_flatline_pair"
_MOST_UNLIKE = 8
_local = threading.local()


class Owner(Protocol):
    """Who has something measured."""

    guard: Guard
    due: bool
    """Whether calls are to be measured, from now until it says otherwise."""

    def measured(self, *, traced: bool = False) -> None:
        """Take note that a call was measured."""

    def refuse(self, why: str) -> None:
        """Say once that something is not measured."""


def is_measuring() -> bool:
    """Say whether this thread traces, or runs, a twin."""
    return getattr(_local, "measuring", False)


def traced_functions() -> list[Any]:
    """Return the program's tf.functions that this thread is tracing now."""
    found: dict[int, Any] = {}
    frame = inspect.currentframe()
    while frame is not None:
        candidate = frame.f_locals.get("self")
        # Of a proxy isinstance would ask what it stands for.
        if issubclass(type(candidate), Function):
            found[id(candidate)] = candidate
        frame = frame.f_back
    return list(found.values())


def is_compiled(function: Any) -> bool:
    """Say whether XLA compiles a tf.function as a whole."""
    return bool(getattr(function, "_jit_compile", None))


def divert(function: Any, owner: Owner) -> "Pair | None":
    """Let an owner's sampled calls of a function go to its twin; None: it is of another kind."""
    if type(function) not in {Function, Diverted}:
        return None
    pair: Pair = vars(function).setdefault(_PAIR, Pair(function))
    function.__class__ = Diverted
    pair.join(owner)
    return pair


class Diverted(Function):  # type: ignore[misc]
    """A tf.function whose calls may go to a twin. In all else it is what it was."""

    autograph_info__: ClassVar[dict[str, Any]] = {}
    """AutoGraph calls it as it is, like any tf.function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, or its twin."""
        pair = vars(self).get(_PAIR)
        bare = super().__call__
        return bare(*args, **kwargs) if pair is None else pair.call(bare, args, kwargs)

    def __getstate__(self) -> Any:
        """Leave out, of a copy, what is ours."""
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != _PAIR}


class Pair:
    """A function and its twin. It lives on the function, and as long."""

    def __init__(self, function: Any) -> None:
        self._function: Any = function
        self._owners: list[Owner] = []
        self._twin: Any = None
        self._known: dict[tuple[int, int], tuple[Any, Any, bool]] = {}
        """Traces of both for the same arguments, by id, and whether they are alike."""
        self._ran = False
        self._calls, self._pace = 0, 1

    def call(self, bare: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Take a call of the function."""
        if not tf.executing_eagerly():
            # It is a part of another function, which is measured as a whole or not at all.
            return self._made()(*args, **kwargs) if is_measuring() else bare(*args, **kwargs)
        self._calls += 1
        if self._calls < self._pace or not any(owner.due for owner in self._owners):
            return bare(*args, **kwargs)
        owners = [owner for owner in self._owners if owner.due and not owner.guard.broken]
        traces, ready = self._traces, False
        if owners:
            with owners[0].guard:
                ready = self._ready(args, kwargs)
        if not ready:
            return bare(*args, **kwargs)
        try:
            with _measuring():
                result = self._twin(*args, **kwargs)
        except tf.errors.OpError as error:
            # Compiled by XLA it fails before it has begun; else it is the program's own failure.
            if self._ran or not is_compiled(self._function):
                raise
            self._give_up(owners, str(error))
            return bare(*args, **kwargs)
        self._ran = True
        for owner in owners:
            owner.measured(traced=traces != self._traces)
        return result

    def turn(self) -> None:
        """Take note that a step was logged: of the calls until the next one the last counts."""
        if self._calls:
            self._pace, self._calls = self._calls, 0

    def join(self, owner: Owner) -> None:
        """Have the twin measure for somebody else too."""
        if owner not in self._owners:
            self._owners.append(owner)
            self.renew()

    def leave(self, owner: Owner) -> None:
        """Measure no more for somebody; without anybody the function is as it was."""
        self._owners = [other for other in self._owners if other is not owner]
        self.renew()
        if not self._owners and type(self._function) is Diverted:
            self._function.__class__ = Function
            delattr(self._function, _PAIR)

    def renew(self) -> None:
        """Let the twin be traced again: something else is to be measured."""
        self._twin, self._known, self._ran = None, {}, False

    @property
    def _traces(self) -> int:
        return 0 if self._twin is None else int(self._twin.experimental_get_tracing_count())

    def _made(self) -> Any:
        if self._twin is None:
            self._twin = Function._clone(self._function, None)  # noqa: SLF001 - keeps all settings
            # The traces of both would count as one function's that is traced too often.
            self._twin._key_for_call_stats = self._twin  # noqa: SLF001
        return self._twin

    def _ready(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Say whether the twin may take a call: it is what the function is.

        Traces are compared while the function has some that the twin has not, or may have.
        """
        twin, known = self._made(), self._known
        settled = len(known) == self._traces >= self._function.experimental_get_tracing_count()
        if settled and all(alike for _, _, alike in known.values()):
            return True
        try:
            with _measuring():
                trace = _traced(twin, args, kwargs)
        except Exception as error:  # noqa: BLE001 - the program's own code, which did run once
            self._give_up(self._owners, f"it cannot be traced a second time: {error}")
            return False
        own = _traced(self._function, args, kwargs)
        key = id(own), id(trace)
        if key not in known:
            known[key] = own, trace, same_program(own, trace)
            self._judge(key)
        return bool(self._owners) and known[key][2]

    def _judge(self, key: tuple[int, int]) -> None:
        """Give up where no trace of the twin can be used, or hardly one."""
        own, trace, alike = self._known[key]
        if not is_compiled(self._function) and draws_seeded(own.graph.as_graph_def()):
            self._give_up(self._owners, "a second trace would draw the same random numbers again")
        elif not alike:
            # One may be for batches of any size, and the other not.
            for_same = own.structured_input_signature == trace.structured_input_signature
            if for_same or len(self._known) >= _MOST_UNLIKE:
                self._give_up(self._owners, "traced again it is another program by now")

    def _give_up(self, owners: Sequence[Owner], why: str) -> None:
        for owner in list(owners):
            owner.refuse(f"{self._name}: {why}"[:300])
            self.leave(owner)

    @property
    def _name(self) -> str:
        return str(getattr(self._function, "name", "") or "a tf.function")


def _traced(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return the trace for these arguments, which exists mostly; the public method leaks it."""
    trace = getattr(function, "_get_concrete_function_garbage_collected", None)
    return (trace or function.get_concrete_function)(*args, **kwargs)


@contextmanager
def _measuring() -> Iterator[None]:
    before, _local.measuring = is_measuring(), True
    try:
        yield
    finally:
        _local.measuring = before
