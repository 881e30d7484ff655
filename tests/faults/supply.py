"""Power loss on demand: what was never fsynced is gone, or gone in part, as the dice say.

    supply = PowerSupply(data_dir, tmp_path / "disk", library, Random(7))
    supply.settle()                                  # all that lies there now is durable
    environment |= supply.environment                # for the process that is to lose its power
    supply.lose(survival=0.5)                        # after it was killed: the data directory as a real disk shows it

`power/shim.c` says what counts as durable and how the shadow is laid out.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

BLOCK = 4096
"""Bytes that a disk writes whole or not at all."""

SHIM = Path(__file__).parent / "power" / "shim.c"

_SYNC_EVERYTHING = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for path in [folder, *(os.path.join(folder, name) for name in names)]:
        if os.path.isdir(path) or os.path.isfile(path):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
"""


def compiler() -> str | None:
    """The machine's C compiler, if it has one."""
    return shutil.which("gcc") or shutil.which("cc")


def build_shim(folder: Path) -> Path:
    """Compile the shim into *folder*. Raises CalledProcessError; AssertionError without a compiler."""
    found = compiler()
    assert found, "a C compiler is needed"
    library = folder / "power_shim.so"
    subprocess.run([found, "-shared", "-fPIC", "-O2", "-o", library, SHIM, "-ldl", "-lpthread"], check=True)
    return library


@dataclass(frozen=True, slots=True)
class Disk:
    """One shadow: contents and folders by key (inode and birth time)."""

    root: Path

    def content(self, key: str) -> bytes | None:
        path = self.root / "content" / key
        return path.read_bytes() if path.exists() else None

    def names(self, key: str) -> dict[str, tuple[str, str]]:
        """Name to ("d" or "f", key); shared memory files are not on any disk."""
        path = self.root / "folders" / key
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        rows = [line.split(" ", 2) for line in lines]
        return {name: (kind, key) for kind, key, name in rows if not name.endswith("-shm")}

    def clear(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        for shelf in ("content", "folders"):
            (self.root / shelf).mkdir(parents=True)


class PowerSupply:
    """The disk under one data directory. With *ignores_fsync* it lies about every flush (negative control)."""

    def __init__(
        self, data_dir: Path, shadow: Path, library: Path, dice: Random, *, ignores_fsync: bool = False
    ) -> None:
        self._data_dir = data_dir.resolve()
        self._durable = Disk(shadow / "durable")
        self._present = Disk(shadow / "present")
        self._library = library
        self._dice = dice
        self._ignores_fsync = ignores_fsync
        self.losses = 0

    @property
    def environment(self) -> Mapping[str, str]:
        """What the process must be started with."""
        return {**self._shimmed(self._durable), "POWER_IGNORE": "1" if self._ignores_fsync else "0"}

    def settle(self) -> None:
        """Make everything that lies in the data directory durable. No process may be writing there."""
        self._flush_to(self._durable)

    def lose(self, survival: float) -> None:
        """Give the data directory of a killed process the content that the disk has. Of each block, name and length
        that was not flushed, the newer state survives with probability *survival*.
        """
        self._flush_to(self._present)
        restored = self._data_dir.with_name(self._data_dir.name + ".restored")
        shutil.rmtree(restored, ignore_errors=True)
        self._restore(self._root_key(), restored, survival)
        shutil.rmtree(self._data_dir)
        restored.rename(self._data_dir)
        self.losses += 1
        self.settle()

    def _shimmed(self, disk: Disk) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "POWER_DATA": str(self._data_dir), "POWER_SHADOW": str(disk.root)}

    def _flush_to(self, disk: Disk) -> None:
        """Let the shim itself record the present state, so that there is one opinion about keys."""
        disk.clear()
        command = [sys.executable, "-I", "-S", "-c", _SYNC_EVERYTHING, str(self._data_dir)]
        subprocess.run(command, check=True, env={**os.environ, **self._shimmed(disk)})

    def _root_key(self) -> str:
        """The data directory itself, by its inode: it outlives every loss until it is replaced."""
        inode = self._data_dir.stat().st_ino
        (found,) = [path.name for path in (self._present.root / "folders").glob(f"{inode}-*")]
        return found

    def _restore(self, key: str, target: Path, survival: float) -> None:
        target.mkdir(mode=0o700)
        for name, (kind, child) in self._surviving(key, survival):
            if kind == "d":
                self._restore(child, target / name, survival)
            else:
                (target / name).write_bytes(self._mixed(child, survival))
                (target / name).chmod(0o600)

    def _surviving(self, key: str, survival: float) -> Iterator[tuple[str, tuple[str, str]]]:
        """The folder's names: each that was flushed and still holds, each change that was not with the dice."""
        flushed, present = self._durable.names(key), self._present.names(key)
        for name in sorted(flushed.keys() | present.keys()):
            old, new = flushed.get(name), present.get(name)
            chosen = new if old != new and self._dice.random() < survival else old
            if chosen:
                yield name, chosen

    def _mixed(self, key: str, survival: float) -> bytes:
        """A file's content: per block and for its length, flushed or newer."""
        flushed, present = self._durable.content(key) or b"", self._present.content(key)
        if present is None or present == flushed or not survival:
            return flushed
        length = len(present) if self._dice.random() < survival else len(flushed)
        blocks = []
        for start in range(0, length, BLOCK):
            old, new = (source[start : start + BLOCK].ljust(BLOCK, b"\0") for source in (flushed, present))
            blocks.append(new if self._dice.random() < survival else old)
        return b"".join(blocks)[:length]
