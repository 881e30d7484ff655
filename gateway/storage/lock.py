"""One process per data directory (DESIGN §5, §6)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from gateway.errors import GatewayError


class DataDirectoryLocked(GatewayError):
    """Another process holds the data directory; *pid* is what it wrote into the lock file, 0 if unreadable."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        self.pid = pid
        super().__init__(f"{data_dir} is in use by process {pid or 'unknown'}")


class DirectoryLock:
    """An exclusive flock on ``data_dir/lock``; the kernel drops it with the process, however that ends."""

    def __init__(self, data_dir: Path) -> None:
        """Create *data_dir* (mode 0700) if need be and take the lock. Raises DataDirectoryLocked."""
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._fd, 32).strip()
            os.close(self._fd)
            raise DataDirectoryLocked(data_dir, int(holder) if holder.isdigit() else 0) from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, b"%d\n" % os.getpid())

    def release(self) -> None:
        """Let the next process in. Releasing twice does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
