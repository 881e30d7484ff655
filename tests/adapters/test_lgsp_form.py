"""multipart/form-data on bytes: any file survives, and what is malformed is named."""

from __future__ import annotations

import aiohttp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.lgsp import form_decoder
from adapters.lgsp.form import MAX_HEAD, MAX_PARTS, Part, boundary_in, boundary_of, compose, parse
from adapters.lgsp.package import bytes_of, file_in, sent_form
from gateway.errors import Refusal
from gateway.model.document import Document, Organization
from gateway.model.message import Decoded

B = b"XbX"


def field(name: str, content: bytes, *more: str, filename: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    head = "\r\n".join((disposition, *more)).encode()
    return b"--" + B + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n"


def form(*fields: bytes) -> bytes:
    return b"".join(fields) + b"--" + B + b"--\r\n"


def contents(parts: tuple[Part, ...]) -> list[tuple[str, bytes]]:
    return [(part.name, bytes(part.content)) for part in parts]


# ------------------------------------------------------------------------------------------------- what survives


@given(st.lists(st.binary(max_size=100).filter(lambda raw: b"--" + B not in raw), min_size=1, max_size=5))
def test_any_bytes_survive(files: list[bytes]) -> None:
    body = form(*(field(f"f{place}", raw) for place, raw in enumerate(files)))
    assert contents(parse(body, B)) == [(f"f{place}", raw) for place, raw in enumerate(files)]


near = st.lists(
    st.sampled_from([b"\r\n", b"\r", b"\n", b"--", b"-", b"--XbX", b"--Xb", b"XbX", b"XbX--", b"\r\n--Xb", b"a"]),
    max_size=12,
).map(b"".join)


@given(near)
@example(b"\r\n--XbXa\r\n--XbX a\r\n--XbX\r")
@example(b"\r\n--XbX--a")
@example(b"\r\n")
def test_bytes_that_look_like_a_boundary_but_are_none_survive(raw: bytes) -> None:
    ends = [rest.removeprefix(b"--") for rest in (b"\r\n" + raw + b"\r\n").split(b"\r\n--XbX")[1:]]
    if any(rest.lstrip(b" \t").startswith(b"\r\n") for rest in ends):
        return  # a real delimiter: a writer must choose another boundary
    assert contents(parse(form(field("f", raw)), B)) == [("f", raw)]


@given(st.binary(max_size=300))
@example(b"")
@example(b"\r\n--lienthong-")
def test_what_compose_writes_parse_reads(file: bytes) -> None:
    if not file:
        return
    content_type, pieces = compose(file, "edocFile", "a.edxml", {"messageType": "edoc"})
    assert (content_type, pieces) == compose(file, "edocFile", "a.edxml", {"messageType": "edoc"})
    body = b"".join(pieces)
    assert boundary_in(body) == boundary_of(content_type)
    assert sent_form(body, boundary_of(content_type)) == (file, "edoc")


async def test_forms_of_an_independent_writer_are_read() -> None:
    data = aiohttp.FormData(quote_fields=False)
    data.add_field("messageType", "edoc")
    data.add_field("edocFile", bytes(range(256)), filename="Công văn.edxml", content_type="application/xml")
    payload = data()
    written = await payload.as_bytes()
    type, file = parse(written, boundary_of(payload.content_type))
    assert bytes(type.content) == b"edoc"
    assert (file.filename, file.media_type, bytes(file.content)) == (
        "Công văn.edxml",
        "application/xml",
        bytes(range(256)),
    )


def test_the_form_net_writes_is_read() -> None:
    body = (
        b"--9f\r\nContent-Type: application/xml\r\nContent-Disposition: form-data; name=edocFile; filename=a.edxml; "
        b"filename*=utf-8''a.edxml\r\n\r\n<edXML/>\r\n--9f\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=messageType\r\n\r\n"
        b"status\r\n--9f--\r\n"
    )
    assert sent_form(body, boundary_of('multipart/form-data; boundary="9f"')) == (b"<edXML/>", "status")


def test_a_preamble_an_epilogue_and_padding_are_no_content() -> None:
    body = b"preamble\r\n" + form(field("a", b"1")).replace(b"--XbX\r\n", b"--XbX \t\r\n", 1) + b"epilogue --XbX"
    assert contents(parse(body, B)) == [("a", b"1")]
    assert contents(parse(b"\r\n" + form(field("a", b"1")), B)) == [("a", b"1")]
    assert contents(parse(form(field("a", b"1"))[:-2], B)) == [("a", b"1")]


def test_names_are_unescaped_as_browsers_and_java_escape_them() -> None:
    body = form(field("a%22b%0D%0A", b"1"), field('q\\"t', b"2", filename="x\\\\y"))
    assert [(part.name, part.filename) for part in parse(body, B)] == [('a"b\r\n', ""), ('q"t', "x\\y")]


def test_parts_are_views_of_the_body() -> None:
    body = form(field("f", b"x" * 1000))
    assert parse(body, B)[0].content.obj is body


# ------------------------------------------------------------------------------------------------- what is refused

BAD_TYPES = [
    ("", "http.media_type"),
    ("application/xml", "http.media_type"),
    ("multipart/mixed; boundary=a", "http.media_type"),
    ("multipart/form-data", "http.request"),
    ("multipart/form-data; boundary=", "http.request"),
    ('multipart/form-data; boundary=""', "http.request"),
    ("multipart/form-data; boundary=" + "a" * 71, "http.request"),
    ('multipart/form-data; boundary="a\r\nb"', "http.request"),
    ('multipart/form-data; boundary="a "', "http.request"),
    ("multipart/form-data; boundary=é", "http.request"),
    ("multipart/form-data; boundary=a; boundary=b", "http.request"),
    ('multipart/form-data; boundary="a', "http.request"),
]


@pytest.mark.parametrize(("content_type", "code"), BAD_TYPES)
def test_a_content_type_without_a_usable_boundary_is_refused(content_type: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        boundary_of(content_type)
    assert caught.value.code == code


BAD_BODIES = {
    "empty": b"",
    "no boundary": b"<edXML/>",
    "another boundary": form(field("a", b"1")).replace(B, b"YbY"),
    "cut in the content": form(field("a", b"12345"))[:-12],
    "cut in the headers": field("a", b"")[:20],
    "closing boundary missing": field("a", b"1"),
    "line feeds only": form(field("a", b"1")).replace(b"\r\n", b"\n"),
    "no disposition": b"--XbX\r\n\r\n1\r\n--XbX--\r\n",
    "attachment": form(field("a", b"1")).replace(b"form-data", b"attachment"),
    "no name": form(field("a", b"1")).replace(b'name="a"', b'nom="a"'),
    "name twice": form(field("a", b"1")).replace(b'name="a"', b'name="a"; name="b"'),
    "header twice": form(field("a", b"1", "Content-Disposition: form-data; name=b")),
    "header malformed": form(field("a", b"1", "no colon")),
    "header folded": form(field("a", b"1", "X: 1", " folded")),
    "NUL in a header": form(field("a", b"1", "X: \0")),
    "base64 inside": form(field("a", b"MTIz", "Content-Transfer-Encoding: base64")),
    "quoted-printable inside": form(field("a", b"1", "content-transfer-encoding: quoted-printable")),
    "unquoted blank": form(field("a", b"1")).replace(b'name="a"', b"name=a b"),
    "quote not closed": form(field("a", b"1")).replace(b'name="a"', b'name="a'),
    "headers too long": form(field("a", b"1", "X: " + "a" * MAX_HEAD)),
    "a boundary that is in the content all the time": form(field("a", b"\r\n--XbXa" * 1001)),
    "endless padding": form(field("a", b"1")).replace(b"--XbX\r\n", b"--XbX" + b" " * 65 + b"\r\n", 1),
    "too many parts": form(*(field("a", b"1") for _ in range(MAX_PARTS + 1))),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_malformed_form_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        parse(BAD_BODIES[name], B)
    assert caught.value.code == "http.request"
    assert caught.value.where and caught.value.detail


@given(st.binary(max_size=200), st.binary(max_size=60))
def test_arbitrary_bytes_are_parsed_or_refused_and_nothing_else(body: bytes, tail: bytes) -> None:
    for raw in (body, b"--XbX\r\n" + body, field("a", body) + tail, body + form(field("a", tail))):
        try:
            parse(raw, B)
        except Refusal as refusal:
            assert refusal.code == "http.request"


BAD_FORMS = {
    "no file": form(field("messageType", b"edoc")),
    "two files": form(field("edocFile", b"1"), field("edocFile", b"2")),
    "an empty file": form(field("edocFile", b"", filename="a")),
    "the type twice": form(field("edocFile", b"1"), field("messageType", b"edoc"), field("messageType", b"edoc")),
    "no parts": b"--XbX--\r\n",
}


@pytest.mark.parametrize("name", BAD_FORMS)
def test_a_form_without_exactly_one_file_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        sent_form(BAD_FORMS[name], B)
    assert caught.value.code == "http.request"


def test_a_form_from_quarantine_is_read_again_without_its_header() -> None:
    read: list[bytes] = []

    def decode(raw: bytes) -> Decoded:
        read.append(raw)
        return Decoded(Document(Organization("G22"), (), "id"))

    stored = form(field("messageType", b"edoc"), field("edocFile", b"\x00<edXML/>\r\n", filename="a"))
    form_decoder(decode)(stored)
    assert read == [b"\x00<edXML/>\r\n"] == [file_in(stored, boundary_in(stored))]
    with pytest.raises(Refusal):
        form_decoder(decode)(b"<edXML/>")


# ------------------------------------------------------------------------------------------------- text and base64


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ("<edXML>ế</edXML>", "<edXML>ế</edXML>".encode()),
        ("\ufeff<edXML/>", "\ufeff<edXML/>".encode()),
        ("\r\n <edXML/>", b"\r\n <edXML/>"),
        ("PGVkWE1MLz4=", b"<edXML/>"),
        ("PGVk\r\nWE1M Lz4=\n", b"<edXML/>"),
        ('<?xml version="1.0" encoding="utf-8"?><a/>', b'<?xml version="1.0" encoding="utf-8"?><a/>'),
    ],
)
def test_a_package_is_taken_as_text_or_as_base64(text: str, raw: bytes) -> None:
    assert bytes_of(text) == raw


def test_text_that_declares_utf_16_becomes_utf_16() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><a>ế</a>'
    assert bytes_of(text).decode("utf-16") == text
    assert bytes_of("\ufeff" + text) == bytes_of(text)


@pytest.mark.parametrize("text", ["PGVkWE1MLz4", "không phải", "{}", "PGVk=WE1M"])
def test_what_is_neither_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        bytes_of(text)
