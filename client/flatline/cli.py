"""The command `flatline`."""

import argparse
import sys
from collections.abc import Sequence

import flatline
from flatline.settings import resolve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status, 0 if all is well and 1 if not."""
    given = _parser().parse_args(arguments)
    return _check(given.target, given.token_file)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="flatline", description="Streaming training monitor: the client's side."
    )
    parser.add_argument("--version", action="version", version=f"flatline {flatline.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="try the way to the monitor and say where it ends")
    check.add_argument("--target", metavar="HOST:PORT", help="default: FLATLINE_TARGET, else 7511")
    check.add_argument("--token-file", metavar="FILE", help="file that holds the access token")
    return parser


def _check(target: str | None, token_file: str | None) -> int:
    # grpc takes a moment to load, which --help and --version need not wait for.
    from flatline.check import check  # noqa: PLC0415

    try:
        settings = resolve(target=target, token_file=token_file)
    except ValueError as error:
        print(f"flatline: {error}", file=sys.stderr)  # noqa: T201 - a command speaks on stderr
        return 1
    outcome = check(settings.target, settings.token_file)
    stream = sys.stdout if outcome.fine else sys.stderr
    print(f"flatline: {outcome.sentence}", file=stream)
    return 0 if outcome.fine else 1


if __name__ == "__main__":
    sys.exit(main())
