"""A fault of ours never becomes a fault of the training."""

import pytest

from flatline.guard import Guard


def test_an_error_stays_inside_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """The first error is logged with its traceback; later ones are swallowed in silence."""
    guard = Guard("counting")
    for _ in range(3):
        with guard:
            raise ZeroDivisionError

    assert guard.broken
    assert [record.getMessage() for record in caplog.records] == [
        "flatline: counting failed and is off; training goes on"
    ]
    logged = caplog.records[0].exc_info
    assert logged is not None
    assert logged[0] is ZeroDivisionError


def test_without_an_error_nothing_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    """A guard that was never needed is not noticed."""
    guard = Guard("counting")
    with guard:
        pass

    assert not guard.broken
    assert not caplog.records


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_for_the_training_passes(error: type[BaseException]) -> None:
    """Ctrl-C and exit are not ours to swallow."""
    guard = Guard("counting")
    with pytest.raises(error), guard:
        raise error

    assert not guard.broken


def test_a_guarded_function_is_not_called_again_once_it_failed() -> None:
    """What is broken stays off, and returns None."""
    calls = []

    @Guard("counting")
    def count(number: int) -> int:
        calls.append(number)
        return 10 // number

    assert [count(5), count(0), count(5)] == [2, None, None]
    assert calls == [5, 0]
