"""The ZIP layer: undone only when it is surely the axis' wrapping, never beyond its limits, never losing a byte."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Refusal
from gateway.formats import zipsafe

UUID = "32da2890-1a55-4ccd-9ac9-cd0d98559e67"


def archive(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", method) as out:
        for name, content in entries:
            out.writestr(name, content)
        out.comment = comment
    return whole.getvalue()


def streamed(name: str, content: bytes) -> bytes:
    """As Java writes: sizes in a data descriptor behind the bytes."""

    class Forward(io.RawIOBase):
        def __init__(self) -> None:
            self.whole = b""

        def writable(self) -> bool:
            return True

        def write(self, piece) -> int:
            self.whole += bytes(piece)
            return len(piece)

    target = Forward()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(name, content)
    return target.whole


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        (f"{UUID}.pdf", "Quyết định.pdf"),
        (f"{UUID.upper()}.PDF", "a.pdf"),
        (UUID, "không đuôi"),
        ("Tờ trình.docx", "Tờ trình.docx"),
        ("a.zip", "a.zip"),
    ],
)
def test_one_entry_of_the_same_extension_and_a_uuid_or_the_same_name_is_undone(entry: str, name: str) -> None:
    raw = archive((entry, b"noi dung"))
    content, wrapping = zipsafe.undo_wrapping(name, raw)
    assert content == b"noi dung"
    assert wrapping is not None
    assert (wrapping.raw, wrapping.sha256) == (raw, hashlib.sha256(raw).hexdigest())


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (archive((f"{UUID}.pdf", b"x")), "a.doc"),
        (archive((f"{UUID}.pdf", b"x")), "a"),
        (archive(("other.pdf", b"x")), "a.pdf"),
        (archive((f"{UUID}.pdf", b"x"), ("other.pdf", b"y")), "a.pdf"),
        (archive(), "a.pdf"),
        (archive((f"{UUID}.pdf/", b"")), "a.pdf"),
        (archive((f"dir/{UUID}.pdf", b"x")), "a.pdf"),
        (archive((f"../{UUID}.pdf", b"x")), "a.pdf"),
        (archive((f"{UUID}.pdf", b"x"), comment=b"signed"), "a.pdf"),
        (b"junk" + archive((f"{UUID}.pdf", b"x")), "a.pdf"),
        (archive((f"{UUID}.pdf", b"x")) + b"junk", "a.pdf"),
        (archive((f"{UUID}.pdf", b"x" * 99), method=zipfile.ZIP_BZIP2), "a.pdf"),
        (archive((f"{UUID}.pdf", b"x"))[:-10], "a.pdf"),
        (b"PK\x03\x04", "a.pdf"),
        (b"%PDF-1.7", "a.pdf"),
        (b"", "a.pdf"),
    ],
)
def test_anything_else_is_somebodys_file_and_stays(raw: bytes, name: str) -> None:
    assert zipsafe.undo_wrapping(name, raw) == (raw, None)


def test_at_most_one_layer_is_undone() -> None:
    inner = archive((f"{UUID}.zip", b"x"))
    content, _ = zipsafe.undo_wrapping("a.zip", archive((f"{UUID}.zip", inner)))
    assert content == inner


def test_a_data_descriptor_is_understood() -> None:
    raw = streamed(f"{UUID}.pdf", b"x" * 1000)
    assert raw[6] & 0x08
    assert zipsafe.undo_wrapping("a.pdf", raw)[0] == b"x" * 1000


def test_names_without_the_utf8_flag_are_compared_as_utf8_too() -> None:
    raw = bytearray(archive(("Tệp.pdf", b"x")))
    raw[7] &= ~0x08
    raw[raw.index(b"PK\x01\x02") + 9] &= ~0x08
    assert zipsafe.undo_wrapping("Tệp.pdf", bytes(raw))[0] == b"x"


def test_a_flipped_bit_leaves_the_archive_as_it_is() -> None:
    good = archive((f"{UUID}.pdf", b"noi dung noi dung"))
    start = good.index(b".pdf") + 4
    for at in range(start, start + 10):
        bad = good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :]
        assert zipsafe.undo_wrapping("a.pdf", bad) == (bad, None)


def test_an_encrypted_entry_stays() -> None:
    raw = bytearray(archive((f"{UUID}.pdf", b"x")))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    assert zipsafe.undo_wrapping("a.pdf", bytes(raw)) == (bytes(raw), None)


def test_hidden_bytes_between_entry_and_directory_keep_the_archive_whole() -> None:
    good = archive((f"{UUID}.pdf", b"x"))
    directory = good.index(b"PK\x01\x02")
    bad = bytearray(good[:directory] + b"h" * 40 + good[directory:])
    bad[-6:-2] = struct.pack("<I", directory + 40)
    assert zipsafe.undo_wrapping("a.pdf", bytes(bad)) == (bytes(bad), None)


def test_a_bomb_is_refused_by_ratio_by_size_and_when_its_header_lies() -> None:
    bomb = archive((f"{UUID}.pdf", bytes(30 << 20)))
    small = archive((f"{UUID}.pdf", bytes(2000)))
    lying = bytearray(bomb)
    at = lying.index(b"PK\x01\x02") + 24
    lying[at : at + 4] = struct.pack("<I", 100)
    for raw, options in ((bomb, {}), (small, {"max_size": 1999}), (bytes(lying), {})):
        with pytest.raises(Refusal) as caught:
            zipsafe.undo_wrapping("a.pdf", raw, **options)
        assert caught.value.code == "zip.limit"


def test_a_bomb_that_would_not_be_undone_is_no_concern() -> None:
    bomb = archive(("other.pdf", bytes(30 << 20)))
    assert zipsafe.undo_wrapping("a.pdf", bomb) == (bomb, None)


def test_wrapping_is_deterministic_and_deflated_under_a_uuid() -> None:
    raw = zipsafe.wrap("Quyết định.PDF", b"noi dung")
    assert raw == zipsafe.wrap("khác.pdf", b"noi dung")
    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        (entry,) = opened.infolist()
    assert entry.compress_type == zipfile.ZIP_DEFLATED
    assert entry.filename.endswith(".pdf") and len(entry.filename) == 40
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)


@settings(deadline=None)
@given(st.text(max_size=40).filter(lambda name: name.isprintable()), st.binary(max_size=300))
def test_what_is_wrapped_is_undone(name: str, content: bytes) -> None:
    raw = zipsafe.wrap(name, content)
    inner, wrapping = zipsafe.undo_wrapping(name, raw)
    assert inner == content
    assert wrapping is not None and wrapping.raw == raw


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.PDF", "pdf"),
        ("a", ""),
        ("", ""),
        ("a.", ""),
        (".pdf", "pdf"),
        ("a.b/c", ""),
        ("a.b\\c.d", "d"),
        ("a.tar.gz", "gz"),
        ("a." + "x" * 256, ""),
        ("a.Ệ", "ệ"),
    ],
)
def test_the_extension_is_that_of_the_last_path_part(name: str, wanted: str) -> None:
    assert zipsafe.extension(name) == wanted
