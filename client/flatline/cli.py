"""The command `flatline`. What a command needs is loaded when it is called."""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import flatline
from flatline.commands.shapes import ALERT_STATES, SEVERITIES, STATES

if TYPE_CHECKING:
    from flatline.commands.api import Monitor

_FAILED = 1
_INTERRUPTED = 130
_NOBODY_READS = 141
"""What a shell reports of a program that ended by SIGPIPE, as `cat` would."""
_FASTEST_SECONDS = 0.1
_SLOWEST_SECONDS = 3600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, 0 if all is well and 1 if not."""
    given = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # names are in all the scripts of the world
    try:
        status: int = given.command(given)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return _NOBODY_READS
    except OSError as error:  # those of the network have become sentences by now
        _drop_output()
        return _sorry(f"the output cannot be written: {error.strerror or error}")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flatline", description="Streaming training monitor: the client's side."
    )
    parser.add_argument("--version", action="version", version=f"flatline {flatline.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="try the way to the monitor and say where it ends")
    check.add_argument("--target", metavar="HOST:PORT", help="default: FLATLINE_TARGET, else 7511")
    check.add_argument("--token-file", metavar="FILE", help="file that holds the access token")
    check.set_defaults(command=_check)

    runs = _looking(commands, "runs", _runs, "list the runs that the monitor knows")
    runs.add_argument("--state", choices=STATES, help="only these; default: all")

    show = _looking(commands, "show", _show, "show a run: verdict, alerts, causes, remedies")
    _add_run(show)

    report = _looking(commands, "report", _report, "print what a run came to, as Markdown")
    _add_run(report)
    report.add_argument("--output", metavar="FILE", help="write it there; default: print it")

    alerts = _looking(commands, "alerts", _alerts, "list what was found, the most urgent first")
    states = "only these; default: all but inactive"
    alerts.add_argument("--state", choices=ALERT_STATES, help=states)
    alerts.add_argument("--severity", choices=SEVERITIES, help="only these and worse ones")
    alerts.add_argument("--run", metavar="RUN", help="only those of the run whose id begins so")

    tail = _looking(commands, "tail", _tail, "follow a run: print each change until it ends")
    _add_run(tail)
    tail.add_argument(
        "--interval", metavar="SECONDS", type=_interval, default=2.0, help="default: 2"
    )
    tail.add_argument(
        "--exit-status",
        action="store_true",
        help="exit with 1 if the run failed, was interrupted, or is sick",
    )
    return parser


def _looking(
    commands: Any, name: str, command: Callable[[argparse.Namespace], int], purpose: str
) -> argparse.ArgumentParser:
    """Return the parser of a command that looks at a monitor."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
    )
    where = "address of the monitor's pages; default: FLATLINE_URL, else port 7512 here"
    parser.add_argument("--monitor", metavar="URL", help=where)
    parser.add_argument("--json", action="store_true", help="as the JSON API has it")
    parser.set_defaults(command=command)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="id of a run, or how no other id begins")


def _interval(text: str) -> float:
    right = f"it must be a number of seconds from {_FASTEST_SECONDS:g} to {_SLOWEST_SECONDS:g}"
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(right) from None
    if not _FASTEST_SECONDS <= seconds <= _SLOWEST_SECONDS:
        raise argparse.ArgumentTypeError(right)
    return seconds


def _check(given: argparse.Namespace) -> int:
    # grpc and numpy take a moment to load, which no other command needs to wait for.
    from flatline.check import check  # noqa: PLC0415
    from flatline.settings import resolve  # noqa: PLC0415

    try:
        settings = resolve(target=given.target, token_file=given.token_file)
    except ValueError as error:
        return _sorry(str(error))
    outcome = check(settings.target, settings.token_file)
    if not outcome.fine:
        return _sorry(outcome.sentence)
    _print([f"flatline: {outcome.sentence}"])
    return 0


def _runs(given: argparse.Namespace) -> int:
    from flatline.commands.runs import runs  # noqa: PLC0415 - see `_check`

    return _looked(
        given, lambda monitor: runs(monitor, state=given.state, raw=given.json, note=_note)
    )


def _show(given: argparse.Namespace) -> int:
    from flatline.commands.show import show  # noqa: PLC0415 - see `_check`

    return _looked(given, lambda monitor: show(monitor, given.run, raw=given.json))


def _report(given: argparse.Namespace) -> int:
    from flatline.commands.api import MonitorError  # noqa: PLC0415 - see `_check`
    from flatline.commands.report import report  # noqa: PLC0415 - see `_check`
    from flatline.say import shown  # noqa: PLC0415 - see `_check`

    if given.output is None:
        return _looked(given, lambda monitor: report(monitor, given.run, raw=given.json))

    def written(monitor: "Monitor") -> Iterator[str]:
        lines = [*report(monitor, given.run, raw=given.json)]
        try:
            with open(given.output, "w", encoding="utf-8") as file:  # noqa: PTH123 - see `_check`
                file.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            place = f"--output {shown(given.output)}"
            message = f"{place} cannot be written: {error.strerror or error}"
            raise MonitorError(message) from None
        yield f"wrote {given.output}"

    return _looked(given, written)


def _alerts(given: argparse.Namespace) -> int:
    from flatline.commands.alerts import Wanted, alerts  # noqa: PLC0415 - see `_check`

    wanted = Wanted(given.state, given.severity, given.run)
    return _looked(given, lambda monitor: alerts(monitor, wanted, raw=given.json, note=_note))


def _tail(given: argparse.Namespace) -> int:
    from flatline.commands.tail import Pace, Tail  # noqa: PLC0415 - see `_check`

    fine = True

    def follow(monitor: "Monitor") -> Iterator[str]:
        nonlocal fine
        tail = Tail(monitor, given.run, Pace(given.interval), note=_note)
        yield from tail.lines(raw=given.json)
        fine = tail.fine

    status = _looked(given, follow)
    return _FAILED if given.exit_status and not fine else status


def _looked(given: argparse.Namespace, ask: Callable[["Monitor"], Iterable[str]]) -> int:
    """Ask the monitor and print the lines of its answer as they come."""
    from flatline.commands.api import Monitor, MonitorError, address  # noqa: PLC0415 - see `_check`

    try:
        _print(ask(Monitor(address(given.monitor))))
    except MonitorError as error:
        return _sorry(str(error))
    return 0


def _print(lines: Iterable[str]) -> None:
    """Print each line at once, so that whoever reads a pipe has it."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _note(sentence: str) -> None:
    sys.stderr.write(f"flatline: {sentence}\n")
    sys.stderr.flush()


def _sorry(sentence: str) -> int:
    _note(sentence)
    return _FAILED


def _drop_output() -> None:
    """Give up what is still in the buffer: Python would try again at exit, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
