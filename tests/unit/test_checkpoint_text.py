"""Checkpoint text as C2SP tlog-checkpoint has it. Origin of the example: c2sp.org/tlog-checkpoint (CC BY 4.0)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.checkpoint import Checkpoint, InvalidCheckpoint, format_checkpoint, parse_checkpoint

EXAMPLE = b"example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")


def test_the_specifications_example_reads_and_writes() -> None:
    checkpoint = parse_checkpoint(EXAMPLE)
    assert checkpoint == Checkpoint("example.com/behind-the-sofa", 20852163, ROOT)
    assert format_checkpoint(checkpoint) == EXAMPLE


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_every_checkpoint_reads_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint("lienthong.example/nhat-ky", size, root)
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


def test_foreign_origins_and_extension_lines_are_read() -> None:
    text = EXAMPLE.replace(b"example.com/behind-the-sofa", "nhật ký + 1".encode()) + b"an extension\n"
    assert parse_checkpoint(text).extensions == ("an extension",)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        EXAMPLE[:-1],
        EXAMPLE + b"\n",
        EXAMPLE.replace(b"20852163", b"020852163"),
        EXAMPLE.replace(b"20852163", b"+20852163"),
        EXAMPLE.replace(b"20852163", b"-1"),
        EXAMPLE.replace(b"20852163", "２".encode()),
        EXAMPLE.replace(b"20852163", b"9" * 19),
        EXAMPLE.replace(b"20852163", b""),
        EXAMPLE.replace(b"example.com/behind-the-sofa", b""),
        EXAMPLE.replace(b"q2I=", b"q2J="),
        EXAMPLE.replace(b"q2I=", b"q2I"),
        EXAMPLE.replace(b"CsUY", b"CsU "),
        EXAMPLE.replace(b"CsUYapGGPo4d", b""),
        EXAMPLE.replace(b"\n", b"\r\n"),
        b"\xff" + EXAMPLE,
    ],
)
def test_any_other_form_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidCheckpoint):
        parse_checkpoint(text)


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "line\nbreak"])
def test_we_write_no_origin_that_could_be_misread(origin: str) -> None:
    with pytest.raises(InvalidCheckpoint):
        format_checkpoint(Checkpoint(origin, 1, ROOT))
