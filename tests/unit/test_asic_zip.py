"""A container is opened only where every reader of ZIP must see the same files in it."""

from __future__ import annotations

import io
import struct
import time
import zipfile
import zlib
from collections.abc import Callable

import pytest
from asic_maker import container
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.formats.zipcontainer import MAX_UNFOLDED, ContainerFault, open_container

GOOD = {"mimetype": b"application/vnd.etsi.asic-s+zip", "a.txt": b"noi dung " * 20, "META-INF/signature.p7s": b"\x30"}


def fault(raw: bytes) -> str:
    with pytest.raises(ContainerFault) as caught:
        open_container(raw)
    return caught.value.kind


def streamed(members: dict[str, bytes]) -> bytes:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.whole = b""

        def writable(self) -> bool:
            return True

        def write(self, piece: bytes) -> int:  # type: ignore[override]
            self.whole += bytes(piece)
            return len(piece)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return pipe.whole


def changed(raw: bytes, mark: bytes, offset: int, put: bytes, nth: int = 0) -> bytes:
    """*raw* with *put* at *offset* of its nth header with *mark*."""
    at = -1
    for _ in range(nth + 1):
        at = raw.index(mark, at + 1)
    return raw[: at + offset] + put + raw[at + offset + len(put) :]


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def test_every_file_is_read_in_its_order_with_the_comment() -> None:
    found = open_container(container(GOOD, b"mimetype=x"))
    assert list(found.files.items()) == list(GOOD.items())
    assert found.comment == b"mimetype=x"


def test_folders_are_no_files_and_descriptors_are_understood() -> None:
    assert list(open_container(container({"META-INF/": b"", "META-INF/a": b"x"})).files) == ["META-INF/a"]
    assert dict(open_container(streamed(GOOD)).files) == GOOD


def test_vietnamese_names_are_read_with_or_without_the_flag() -> None:
    raw = container({"Quyết định.pdf": b"x"})
    assert list(open_container(raw).files) == ["Quyết định.pdf"]
    bare = changed(changed(raw, LOCAL, 6, b"\0\0"), CENTRAL, 8, b"\0\0")
    assert list(open_container(bare).files) == ["Quyết định.pdf"]


@pytest.mark.parametrize(
    "names",
    [
        ["a.txt", "a.txt"],
        ["a.txt", "A.TXT"],
        ["\u1ec7.txt", "e\u0323\u0302.txt"],
        ["ﬁle.txt", "file.txt"],
        ["straße", "STRASSE"],
        ["a", "a/b"],
        ["a/b", "a"],
        ["a/", "a"],
        ["META-INF/x", "meta-inf/X"],
    ],
)
def test_two_files_that_some_system_takes_for_one_are_refused(names: list[str]) -> None:
    with pytest.warns(UserWarning, match="Duplicate") if names[0] == names[1] else _nothing():
        raw = container([(name, b"" if name.endswith("/") else b"x") for name in names])
    assert fault(raw) == "malformed"


class _nothing:
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    "name",
    ["../a", "a/../b", "/a", "a//b", "./a", "a/.", "C:/a", "a\\b", "a\nb", "a\u202eb", "a\u200bb", "..", "a/../../b"],
)
def test_a_name_that_is_no_plain_path_is_refused(name: str) -> None:
    assert fault(container({name: b"x"})) == "malformed"


def test_a_name_that_is_not_unicode_or_too_long_or_empty_is_refused() -> None:
    raw = container({"ab": b"x"})
    assert fault(raw.replace(b"ab", b"\xff\xfe")) == "malformed"
    assert fault(container({"a" * 600: b"x"})) == "limit"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: b"junk" + raw,
        lambda raw: raw + b"junk",
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"",
        lambda raw: raw.replace(END, b"PK\x05\x07"),
        lambda raw: changed(raw, LOCAL, 30, b"b.txt!!!", 0),
        lambda raw: changed(raw, LOCAL, 14, b"\0\0\0\0", 1),
        lambda raw: changed(raw, LOCAL, 18, b"\1\0\0\0", 1),
        lambda raw: changed(raw, LOCAL, 8, b"\0\0", 1),
        lambda raw: changed(raw, CENTRAL, 16, b"\1\2\3\4", 1),
        lambda raw: changed(raw, CENTRAL, 42, b"\0\0\0\0", 1),
        lambda raw: changed(raw, END, 8, b"\2\0\2\0"),
        lambda raw: changed(raw, END, 4, b"\1\0"),
        lambda raw: changed(raw, END, 20, b"\1\0"),
    ],
)
def test_an_archive_whose_parts_contradict_each_other_is_refused(spoil: Callable[[bytes], bytes]) -> None:
    raw = container(GOOD)
    spoilt = spoil(raw)
    assert spoilt != raw
    assert fault(spoilt) == "malformed"


def test_bytes_hidden_between_the_entries_are_refused() -> None:
    raw = container(GOOD)
    start = struct.unpack_from("<L", raw, raw.index(END) + 16)[0]
    hidden = raw[:start] + b"hidden" + raw[start:]
    at = hidden.index(END) + 16
    hidden = hidden[:at] + struct.pack("<L", start + 6) + hidden[at + 4 :]
    assert fault(hidden) == "malformed"


def test_an_entry_that_is_not_in_the_directory_is_refused() -> None:
    one, two = container({"a": b"1"}), container({"a": b"1", "b": b"2"})
    end_of_files = two.index(CENTRAL)
    directory = one[one.index(CENTRAL) :]
    at = directory.index(END) + 16
    directory = directory[:at] + struct.pack("<L", end_of_files) + directory[at + 4 :]
    assert fault(two[:end_of_files] + directory) == "malformed"


def test_a_second_name_in_an_extra_field_is_refused() -> None:
    other = b"\x01" + struct.pack("<L", zlib.crc32(b"a")) + b"b"
    entry = zipfile.ZipInfo("a")
    entry.extra = struct.pack("<HH", 0x7075, len(other)) + other
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(entry, b"x")
    assert fault(whole.getvalue()) == "malformed"


@pytest.mark.parametrize("flag", [0x0001, 0x0020, 0x0040, 0x2000])
def test_encrypted_and_patched_entries_are_not_read(flag: int) -> None:
    raw = container({"a": b"x"})
    put = struct.pack("<H", flag)
    assert fault(changed(changed(raw, LOCAL, 6, put), CENTRAL, 8, put)) == "unsupported"


def test_other_compression_and_zip64_are_not_read() -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a", b"x" * 100)
    assert fault(whole.getvalue()) == "unsupported"
    raw = container({"a": b"x"})
    assert fault(changed(raw, END, 16, b"\xff" * 4)) == "unsupported"


def test_a_bomb_is_refused_by_ratio_by_sum_and_when_its_header_lies() -> None:
    bomb = container({"a": bytes(30 << 20)})
    started = time.perf_counter()
    assert fault(bomb) == "limit"
    assert fault(changed(changed(bomb, LOCAL, 22, b"\x64\0\0\0"), CENTRAL, 24, b"\x64\0\0\0")) == "malformed"
    many = container({f"{number}": bytes(1 << 20) for number in range((MAX_UNFOLDED >> 20) + 1)})
    assert fault(many) == "limit"
    assert fault(container({f"{number}": b"" for number in range(1001)})) == "limit"
    assert time.perf_counter() - started < 2


def test_an_archive_in_a_comment_is_not_taken_for_the_archive() -> None:
    inner = container({"b": b"other"})
    assert fault(container({"a": b"x"}, inner)) == "malformed"


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_changes_no_content(place: int, change: int) -> None:
    raw = bytearray(container(GOOD))
    raw[place % len(raw)] ^= change
    try:
        found = open_container(bytes(raw)).files
    except ContainerFault:
        return
    assert list(found.values()) == list(GOOD.values())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_order(raw: bytes) -> None:
    for candidate in (raw, LOCAL + raw, raw + END + bytes(18)):
        try:
            assert not open_container(candidate).files
        except ContainerFault:
            continue
