"""Hostile attachments: bombs, broken base64, archives of all kinds inside a package."""

from __future__ import annotations

import base64
import io
import random
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.vxp import codec
from gateway.errors import Refusal
from gateway.formats import zipsafe
from gateway.model.document import Attachment, Document, Organization

UUID = "32da2890-1a55-4ccd-9ac9-cd0d98559e67"
WHERE = "/edXML/AttachmentEncoded/Attachment/ContentTransferEncoded"


def package(name: str, *payloads: str) -> bytes:
    one = codec.encode(Document(Organization("H01"), (), "id", attachments=(Attachment(name, b"?"),)), wrap=False)
    start, end = one.index(b"    <Attachment>"), one.index(b"  </AttachmentEncoded>")
    block = one[start:end]
    return one[:start] + b"".join(block.replace(b">Pw==<", f">{text}<".encode()) for text in payloads) + one[end:]


def zipped(*entries: tuple[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as out:
        for entry, content in entries:
            out.writestr(entry, content)
    return whole.getvalue()


def coded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def refusal(raw: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        codec.decode(raw)
    return caught.value


def test_a_bomb_is_refused_at_its_place_without_being_unfolded() -> None:
    raw = package("a.pdf", coded(zipped((f"{UUID}.pdf", bytes(40 << 20)))))
    tracemalloc.start()
    try:
        caught = refusal(raw)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert (caught.code, caught.where) == ("zip.limit", WHERE)


def test_many_small_bombs_share_one_budget() -> None:
    noise = random.Random(1)
    piece = zipped((f"{UUID}.pdf", b"".join(noise.randbytes(8) + bytes(1016) for _ in range(20 << 10))))
    count = zipsafe.MAX_SIZE // (20 << 20) + 1
    assert zipsafe.undo_wrapping("a.pdf", piece)[1] is not None
    assert refusal(package("a.pdf", *[coded(piece)] * count)).code == "zip.limit"


@pytest.mark.parametrize(
    "payload",
    [
        zipped((f"{UUID}.pdf", b"x"), (f"{UUID}.doc", b"y")),
        zipped((f"../../{UUID}.pdf", b"x")),
        zipped((f"{UUID}.pdf", b"x"))[:-1],
        b"PK\x03\x04" + bytes(100),
        b"PK\x03\x04" + bytes(100) + b"PK\x05\x06" + bytes(18),
        b"PK\x03\x04PK\x05\x06" + b"\xff" * 18,
        bytes(100),
    ],
    ids=range(7),
)
def test_archives_that_are_no_wrapping_arrive_byte_for_byte(payload: bytes) -> None:
    content = codec.decode(package("a.pdf", coded(payload))).content
    assert isinstance(content, Document)
    assert content.attachments[0].content == payload
    assert content.attachments[0].wrapping is None


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "AA",
        "AAA",
        "AAAA=",
        "AAAA====",
        "AAA====",
        "====",
        "AA=A",
        "AA==AA==",
        "AAA-",
        "AAA_",
        "ẾAAA",
        "AAAA\u200bAAAA",
        "&lt;AA",
        "=AAA",
    ],
)
def test_damaged_base64_is_refused_at_its_place(text: str) -> None:
    caught = refusal(package("a.pdf", text))
    assert (caught.code, caught.where) == ("edxml.base64", WHERE)


def test_every_truncation_of_base64_that_shows_is_refused() -> None:
    text = coded(zipped((f"{UUID}.pdf", b"noi dung")))
    for end in range(len(text)):
        if end % 4:
            assert refusal(package("a.pdf", text[:end])).code == "edxml.base64"
        else:
            content = codec.decode(package("a.pdf", text[:end])).content
            assert isinstance(content, Document) and content.attachments[0].wrapping is None


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_archive_is_undone_left_or_refused(data: st.DataObject) -> None:
    raw = zipped((f"{UUID}.pdf", b"noi dung " * 20))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.binary(max_size=4)) + raw[at + data.draw(st.integers(0, 4)) :]
    try:
        content, wrapping = zipsafe.undo_wrapping("a.pdf", raw)
    except Refusal as caught:
        assert caught.code == "zip.limit"
    else:
        assert wrapping is not None or content == raw
