"""Files of keys and certificates: who may read them, and whether they changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from gateway.signing.keys import fault

LARGEST: Final = 1 << 20
"""Bytes. No key file is near that."""

_FOREIGN: Final = stat.S_IRWXO | stat.S_IWGRP

Mark = tuple[int, ...] | None
"""What changes when a file does: device, inode, size, modification time in ns; None: there is none."""


def mark(path: Path) -> Mark:
    """The mark of a file now."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def read(path: Path, *, private: bool = False) -> bytes:
    """The content of a regular file.

    Raises key.offline if it cannot be read, key.unusable if it is too large or no regular file, or if it is *private*
    and others than its owner and group may touch it, or its group may write it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise fault.offline(f"{path.name}: {error.strerror}") from None
    with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, so that what was checked is what is read
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise fault.unusable(f"{path.name}: not a regular file")
        if private and mode & _FOREIGN:
            raise fault.unusable(f"{path.name}: mode {stat.S_IMODE(mode):04o} lets others at the key; set it to 0600")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise fault.unusable(f"{path.name}: larger than {LARGEST} bytes")
    return content
