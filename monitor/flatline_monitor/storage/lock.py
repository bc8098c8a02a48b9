"""One service for one data directory."""

import fcntl
import os
from pathlib import Path

from flatline_monitor.storage.errors import StoreError

_NAME = "flatline.lock"


class DirectoryLock:
    """Holds a directory until `release`, or until the process dies, however it does.

    The directory is made if it is not there. Raises StoreError if another service holds it or if
    it cannot be written to.
    """

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            msg = (
                f"data_dir {directory} cannot be written to ({error.strerror}); "
                "it must be a directory that this user may write"
            )
            raise StoreError(msg) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 32).decode(errors="replace").strip()
            os.close(self._file)
            msg = (
                f"data_dir {directory} is in use by process {holder or 'unknown'}; "
                "stop that monitor, or give this one a data_dir of its own"
            )
            raise StoreError(msg) from error
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let another service have the directory."""
        os.close(self._file)
