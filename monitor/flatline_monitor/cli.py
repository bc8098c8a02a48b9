"""The command flatline-monitor; says what to install where the service's libraries are missing."""

import os
import sys

MISUSED = 2
"""Exit code of wrong arguments, wrong settings, and of a service that cannot start."""


def main() -> int:
    """Run the command line and return its exit code."""
    # The lines of gRPC's C core are no events; what it refuses is counted on /metrics.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from flatline_monitor.commands.main import run  # noqa: PLC0415 - it needs the extra
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith("flatline"):
            raise
        sys.stderr.write(
            f"flatline-monitor: {error.name} is missing: pip install 'flatline[monitor]'\n"
        )
        return MISUSED
    return run()


if __name__ == "__main__":
    sys.exit(main())
