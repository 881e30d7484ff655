"""Processes of this package: a fresh interpreter (never a fork of ours) at the end of one socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import gateway

_HOME = str(Path(gateway.__file__).resolve().parents[1])


def spawn(module: str, *secrets: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run the `main` of *module* in a process whose standard input is the other end of the socket. Blocks a few ms.

    It inherits no descriptor (so no listening socket lives on in it), no signal of our terminal, and no variable that
    holds one of *secrets*; its command line names the module and nothing else. It must end when the socket does.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 - our interpreter, our module
                [sys.executable, "-P", "-c", f"from {module} import main; main()"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(os.environ, secrets),
                close_fds=True,
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            raise
    return process, ours


def _environment(ours: Mapping[str, str], secrets: tuple[str, ...]) -> dict[str, str]:
    """A vendor's module reads variables of its own, so all are passed on but those with a secret in them."""
    kept = {name: value for name, value in ours.items() if not any(secret and secret in value for secret in secrets)}
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (_HOME, ours.get("PYTHONPATH"))))
    return kept
