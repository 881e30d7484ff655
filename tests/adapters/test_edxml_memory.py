"""Memory of the codec for a 20 MB attachment, measured in a process of its own (libxml2 counts too)."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")

PROGRAM = """
import os, sys
from adapters.vxp import codec
from gateway.model.document import Attachment, Document, Organization

def kilobytes(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))

def empty(*attachments):
    return Document(Organization("H01"), (Organization("H02"),), "id", attachments=attachments)

codec.decode(codec.encode(empty()))
before = kilobytes("VmRSS")
content = os.urandom(20 << 20)
raw = codec.encode(empty(Attachment("a.pdf", content)))
if sys.argv[1] == "decode":
    del content
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    codec.decode(raw)
print((kilobytes("VmHWM") - before) * 1024 / len(raw))
"""


@pytest.mark.parametrize("step", ["encode", "decode"])
def test_a_twenty_megabyte_attachment_needs_less_than_four_times_the_body(step: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, step], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 4
