"""Dialect "rest-json": strict going in, complete coming out, and in agreement with its published schema."""

from __future__ import annotations

import base64
import copy
import json
import tracemalloc
import unicodedata
from datetime import date, datetime
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.rest.codec import decode, encode
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.model.digest import content_digest
from gateway.model.document import (
    Attachment,
    Business,
    BusinessType,
    Code,
    Document,
    DocumentChange,
    DocumentStatus,
    DocumentType,
    Organization,
    OtherInfo,
    Promulgation,
    Receiver,
    Replacement,
    ResponseFor,
    Signer,
    Staff,
    TraceHeader,
)
from schemas.rest import document_schema

SCHEMA = jsonschema.Draft202012Validator(document_schema(), format_checker=jsonschema.FormatChecker(["date"]))

FULL: dict[str, Any] = {
    "document_id": "H53.01,2026/11/20,125/SNV-VP",
    "from": {
        "organ_id": "H53.01",
        "name": "Sở Nội vụ",
        "in_charge": "UBND tỉnh",
        "address": "1 Phạm Tung",
        "email": "snv@example.vn",
        "telephone": "0276",
        "fax": "0277",
        "website": "https://snv.example.vn",
    },
    "to": [{"organ_id": "G22", "name": "Văn phòng Chính phủ"}, {"organ_id": "000.00.11.H53"}],
    "code": {"number": "125", "notation": "SNV-VP"},
    "promulgation": {"place": "Tây Ninh", "on": "2026-11-20"},
    "type": {"type": 18, "detail": 0, "name": "Công văn"},
    "subject": "V/v báo cáo",
    "content": "Nội dung",
    "signer": {"competence": "KT. GIÁM ĐỐC", "position": "Phó Giám đốc", "full_name": "Nguyễn Văn A"},
    "due": "2026-12-01",
    "other": {
        "priority": 3,
        "sphere": "Lưu hành nội bộ",
        "typer_notation": "TVC",
        "copies": 0,
        "pages": 2,
        "direction": True,
        "appendixes": ["Phụ lục 1", "Phụ lục 2"],
    },
    "responses": [{"organ_id": "G22", "code": "7816/VPCP-TTĐT", "document_id": "G22,x", "on": "2026-11-01"}],
    "steering": 1,
    "task_code": "NV-1",
    "application_type": "QLVB",
    "to_places": ["Như trên", "Lưu: VT"],
    "trace": [{"organ_id": "H53.01", "at": "2026-11-20T07:31:02+07:00"}],
    "business": {
        "type": 2,
        "reason": "sai số",
        "document_id": "H53.01,2026/11/19,124/SNV-VP",
        "paper": True,
        "change": {
            "document_changed": True,
            "receivers_changed": True,
            "receivers": [{"organ_id": "G22", "type": 1}],
        },
        "replacements": [{"document_id": "cũ", "organ_ids": ["G22"]}],
        "staff": {
            "department": "Văn thư",
            "department_id": "VT",
            "staff": "Trần B",
            "staff_id": "b",
            "email": "b@example.vn",
            "mobile": "09",
        },
    },
    "attachments": [
        {"name": "cv.pdf", "media_type": "application/pdf", "description": "bản ký số", "content": "JVBERi0xLjcK"}
    ],
}

STATUS: dict[str, Any] = {
    "status": 3,
    "from": {"organ_id": "H53.01"},
    "about": {"organ_id": "G22", "code": "7816/VPCP-TTĐT", "document_id": "G22,2026/11/19,7816/VPCP-TTĐT"},
    "description": "Đã vào sổ",
    "at": "2026-11-20T08:05:00+07:00",
    "staff": {"staff": "Trần B"},
}

_REMOVED = object()


def raw(value: object) -> bytes:
    return json.dumps(value).encode()


def changed(base: dict[str, Any], pointer: str, value: object) -> dict[str, Any]:
    """*base* with the member at *pointer* set to *value*, or removed."""
    result = copy.deepcopy(base)
    *path, last = pointer.removeprefix("/").split("/")
    place: Any = result
    for step in path:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is _REMOVED:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return result


def refusal_of(value: object) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode(raw(value))
    return caught.value


# ------------------------------------------------------------------------------------------------- reading


def test_every_member_reaches_its_field() -> None:
    document = decode(raw(FULL)).content
    assert document == Document(
        sender=Organization(
            "H53.01",
            "Sở Nội vụ",
            "UBND tỉnh",
            "1 Phạm Tung",
            "snv@example.vn",
            "0276",
            "0277",
            "https://snv.example.vn",
        ),
        recipients=(Organization("G22", "Văn phòng Chính phủ"), Organization("000.00.11.H53")),
        document_id="H53.01,2026/11/20,125/SNV-VP",
        code=Code("125", "SNV-VP"),
        promulgation=Promulgation("Tây Ninh", date(2026, 11, 20)),
        type=DocumentType(18, 0, "Công văn"),
        subject="V/v báo cáo",
        content="Nội dung",
        signer=Signer("KT. GIÁM ĐỐC", "Phó Giám đốc", "Nguyễn Văn A"),
        due=date(2026, 12, 1),
        other=OtherInfo(3, "Lưu hành nội bộ", "TVC", 0, 2, True, ("Phụ lục 1", "Phụ lục 2")),
        responses=(ResponseFor("G22", "7816/VPCP-TTĐT", "G22,x", date(2026, 11, 1)),),
        steering=1,
        task_code="NV-1",
        application_type="QLVB",
        to_places=("Như trên", "Lưu: VT"),
        trace=(TraceHeader("H53.01", datetime(2026, 11, 20, 7, 31, 2, tzinfo=VIETNAM)),),
        business=Business(
            BusinessType.UPDATE,
            "sai số",
            "H53.01,2026/11/19,124/SNV-VP",
            True,
            DocumentChange(True, True, (Receiver("G22", 1),)),
            (Replacement("cũ", ("G22",)),),
            Staff("Văn thư", "VT", "Trần B", "b", "b@example.vn", "09"),
        ),
        attachments=(Attachment("cv.pdf", b"%PDF-1.7\n", "application/pdf", "bản ký số"),),
    )


def test_a_status_is_recognised_by_its_code() -> None:
    status = decode(raw(STATUS)).content
    assert isinstance(status, DocumentStatus)
    assert status.status == 3
    assert status.about.document_id == "G22,2026/11/19,7816/VPCP-TTĐT"
    assert status.at == datetime(2026, 11, 20, 8, 5, tzinfo=VIETNAM)


def test_the_least_document_is_sender_recipient_subject_and_id() -> None:
    least = {"document_id": "x", "from": {"organ_id": "A"}, "to": [{"organ_id": "B"}], "subject": "s"}
    assert decode(raw(least)).content == Document(Organization("A"), (Organization("B"),), "x", subject="s")


def test_an_absent_document_id_is_derived_in_the_canonical_form() -> None:
    document = decode(raw(changed(FULL, "/document_id", _REMOVED))).content
    assert isinstance(document, Document)
    assert document.document_id == "H53.01,2026/11/20,125/SNV-VP"


@pytest.mark.parametrize("missing", ["/code", "/code/number", "/code/notation", "/promulgation", "/promulgation/on"])
def test_without_the_parts_of_a_document_id_it_must_be_given(missing: str) -> None:
    broken = changed(changed(FULL, "/document_id", _REMOVED), missing, _REMOVED)
    assert (refusal_of(broken).code, refusal_of(broken).where) == ("json.value", "/document_id")
    assert not SCHEMA.is_valid(broken)


def test_text_becomes_nfc_and_the_digest_does_not_depend_on_the_form_typed() -> None:
    composed, decomposed = (unicodedata.normalize(form, "Quyết định số 7") for form in ("NFC", "NFD"))
    assert composed != decomposed
    one, other = (decode(raw(changed(FULL, "/subject", text))).content for text in (composed, decomposed))
    assert isinstance(other, Document)
    assert other.subject == composed
    assert content_digest(one) == content_digest(other)


def test_white_space_around_text_is_dropped_as_in_edxml() -> None:
    document = decode(raw(changed(FULL, "/subject", " \r\n V/v báo cáo\n"))).content
    assert document == decode(raw(FULL)).content


def test_white_space_inside_base64_is_skipped() -> None:
    payload = bytes(range(256))
    folded = base64.encodebytes(payload).decode().replace("\n", "\r\n\t ")
    document = decode(raw(changed(FULL, "/attachments/0/content", folded))).content
    assert isinstance(document, Document)
    assert document.attachments[0].content == payload


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-20T07:31:02", datetime(2026, 11, 20, 7, 31, 2, tzinfo=VIETNAM)),
        ("2026-11-20T00:31:02Z", datetime(2026, 11, 20, 7, 31, 2, tzinfo=VIETNAM)),
        ("2026-11-20T09:31:02+09:00", datetime(2026, 11, 20, 7, 31, 2, tzinfo=VIETNAM)),
    ],
)
def test_moments_are_vietnamese_time(written: str, read: datetime) -> None:
    status = decode(raw(changed(STATUS, "/at", written))).content
    assert isinstance(status, DocumentStatus)
    assert status.at is not None
    assert status.at.isoformat() == read.isoformat()


# ------------------------------------------------------------------------------------------------- bad input

BAD_DOCUMENTS: list[tuple[str, object, str]] = [
    ("/from", _REMOVED, "/from"),
    ("/from", "H53.01", "/from"),
    ("/from/organ_id", _REMOVED, "/from/organ_id"),
    ("/from/organ_id", "", "/from/organ_id"),
    ("/from/organ_id", " H53", "/from/organ_id"),
    ("/from/organ_id", "H" * 256, "/from/organ_id"),
    ("/from/organ_id", 53, "/from/organ_id"),
    ("/from/organId", "H53", "/from/organId"),
    ("/from/name", None, "/from/name"),
    ("/to", _REMOVED, "/to"),
    ("/to", [], "/to"),
    ("/to", {"organ_id": "G22"}, "/to"),
    ("/to/1", "G22", "/to/1"),
    ("/to/1/organ_id", _REMOVED, "/to/1/organ_id"),
    ("/subject", _REMOVED, "/subject"),
    ("/subject", " \n", "/subject"),
    ("/subject", None, "/subject"),
    ("/subject", ["a"], "/subject"),
    ("/subject", "a\u0000b", "/subject"),
    ("/subject", "a\u001bb", "/subject"),
    ("/subject", "a\ufffeb", "/subject"),
    ("/document_id", "", "/document_id"),
    ("/document_id", "x" * 256, "/document_id"),
    ("/document_id", "a\nb", "/document_id"),
    ("/code", [], "/code"),
    ("/code/number", 125, "/code/number"),
    ("/promulgation/on", "20/11/2026", "/promulgation/on"),
    ("/promulgation/on", "20261120", "/promulgation/on"),
    ("/promulgation/on", "2026-02-30", "/promulgation/on"),
    ("/promulgation/on", 20261120, "/promulgation/on"),
    ("/due", "", "/due"),
    ("/type/type", "18", "/type/type"),
    ("/type/type", True, "/type/type"),
    ("/type/detail", -1, "/type/detail"),
    ("/other/priority", 5, "/other/priority"),
    ("/other/priority", -1, "/other/priority"),
    ("/other/priority", 1.5, "/other/priority"),
    ("/other/pages", 2**31, "/other/pages"),
    ("/other/pages", 1e300, "/other/pages"),
    ("/other/direction", "true", "/other/direction"),
    ("/other/direction", 1, "/other/direction"),
    ("/other/appendixes", "one", "/other/appendixes"),
    ("/other/appendixes/1", 2, "/other/appendixes/1"),
    ("/other/urgent", True, "/other/urgent"),
    ("/responses/0/on", "hôm qua", "/responses/0/on"),
    ("/responses/0/document_id", "", "/responses/0/document_id"),
    ("/responses/0/extra", 1, "/responses/0/extra"),
    ("/steering", 3, "/steering"),
    ("/to_places", "VT", "/to_places"),
    ("/to_places/0", None, "/to_places/0"),
    ("/trace/0/at", "2026/11/20 07:31:02", "/trace/0/at"),
    ("/trace/0/at", "2026-11-20T07:31:02.5+07:00", "/trace/0/at"),
    ("/business/type", _REMOVED, "/business/type"),
    ("/business/type", 4, "/business/type"),
    ("/business/change/receivers/0/type", _REMOVED, "/business/change/receivers/0/type"),
    ("/business/change/receivers/0/organ_id", _REMOVED, "/business/change/receivers/0/organ_id"),
    ("/business/change/documentChanged", True, "/business/change/documentChanged"),
    ("/business/replacements/0/document_id", _REMOVED, "/business/replacements/0/document_id"),
    ("/business/replacements/0/organ_ids/0", "", "/business/replacements/0/organ_ids/0"),
    ("/business/staff/phone", "1", "/business/staff/phone"),
    ("/attachments", {}, "/attachments"),
    ("/attachments/0/name", _REMOVED, "/attachments/0/name"),
    ("/attachments/0/name", " ", "/attachments/0/name"),
    ("/attachments/0/content", _REMOVED, "/attachments/0/content"),
    ("/attachments/0/content", None, "/attachments/0/content"),
    ("/attachments/0/size", 9, "/attachments/0/size"),
    ("/unknown", 1, "/unknown"),
]

BAD_STATUSES: list[tuple[str, object, str]] = [
    ("/status", 0, "/status"),
    ("/status", "03", "/status"),
    ("/status", 100, "/status"),
    ("/about", _REMOVED, "/about"),
    ("/about/organ_id", _REMOVED, "/about/organ_id"),
    ("/about/document_id", _REMOVED, "/about/document_id"),
    ("/subject", "a document's member", "/subject"),
    ("/staff", "Trần B", "/staff"),
]

BAD = [(FULL, *row) for row in BAD_DOCUMENTS] + [(STATUS, *row) for row in BAD_STATUSES]


@pytest.mark.parametrize(("base", "pointer", "value", "where"), BAD, ids=[f"{row[1]}={row[2]!r:.20}" for row in BAD])
def test_a_wrong_member_is_refused_with_its_pointer_and_by_the_schema(
    base: dict[str, Any], pointer: str, value: object, where: str
) -> None:
    broken = changed(base, pointer, value)
    refusal = refusal_of(broken)
    assert (refusal.code, refusal.where) == ("json.value", where)
    assert not SCHEMA.is_valid(broken)


@pytest.mark.parametrize(
    "content",
    [
        "JVBER",
        "JVBERi0xLjc",
        "JVBER-_x",
        "JVBERi0=xLjc",
        "=JVB",
        "JVBERi0xLjcK====",
        "JVBERi0xLjcK=",
        "QQ===",
        "đ",
        "JVBE\u00a0",
    ],
)
def test_damaged_base64_is_refused_at_its_attachment(content: str) -> None:
    refusal = refusal_of(changed(FULL, "/attachments/0/content", content))
    assert (refusal.code, refusal.where) == ("json.value", "/attachments/0/content")


@pytest.mark.parametrize("value", [[], "text", 1, None, True])
def test_anything_but_an_object_is_refused_at_the_root(value: object) -> None:
    refusal = refusal_of(value)
    assert (refusal.code, refusal.where) == ("json.value", "")
    assert not SCHEMA.is_valid(value)


@pytest.mark.parametrize("body", [b"", b"{", b"<edXML/>", b"\xff\xfe", b'{"subject": "cut'])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        decode(body)
    assert caught.value.code == "json.malformed"


def test_a_lone_surrogate_never_gets_in_by_value_or_by_name() -> None:
    for text in (b'"subject": "a\\ud800b"', b'"subject": "a", "x\\udc00y": 1'):
        body = b'{"document_id": "x", "from": {"organ_id": "A"}, "to": [{"organ_id": "B"}], ' + text + b"}"
        with pytest.raises(Refusal) as caught:
            decode(body)
        assert caught.value.code.startswith("json.")
        caught.value.where.encode()


def test_an_unknown_name_is_escaped_and_cut_in_the_pointer() -> None:
    assert refusal_of({**FULL, "a/b~c": 1}).where == "/a~1b~0c"
    assert len(refusal_of({**FULL, "n" * 5000: 1}).where) < 120


def test_a_derived_document_id_over_255_characters_is_refused() -> None:
    long = changed(changed(FULL, "/document_id", _REMOVED), "/code/notation", "N" * 250)
    assert refusal_of(long).where == "/document_id"


def test_a_whole_number_may_be_written_with_a_point_as_json_schema_allows() -> None:
    document = decode(raw(changed(FULL, "/other/priority", 3.0))).content
    assert isinstance(document, Document)
    assert document.other.priority == 3
    assert isinstance(document.other.priority, int)
    assert SCHEMA.is_valid(changed(FULL, "/other/priority", 3.0))


# ------------------------------------------------------------------------------------------------- properties

_letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
texts = st.text(_letters | st.sampled_from("\n\t"), max_size=12).map(
    lambda text: unicodedata.normalize("NFC", text).strip(" \t\r\n")
)
_visible = st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="\ufffe\uffff")
identifiers = st.text(_visible, min_size=1, max_size=12).map(lambda text: unicodedata.normalize("NFC", text))
counts = st.integers(0, 2**31 - 1)
days = st.none() | st.dates()
moments = st.none() | st.datetimes(
    datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=st.just(VIETNAM), allow_imaginary=False
).map(lambda at: at.replace(microsecond=0))
organizations = st.builds(Organization, identifiers, *[texts] * 7)
staff = st.builds(Staff, *[texts] * 6)
changes = st.builds(
    DocumentChange,
    st.booleans(),
    st.booleans(),
    st.lists(st.builds(Receiver, identifiers, counts), max_size=2).map(tuple),
)
replacements = st.builds(Replacement, identifiers, st.lists(identifiers, max_size=2).map(tuple))
businesses = st.builds(
    Business,
    st.sampled_from(BusinessType),
    texts,
    st.just("") | identifiers,
    st.booleans(),
    st.none() | changes,
    st.lists(replacements, max_size=2).map(tuple),
    st.none() | staff,
)
attachments = st.builds(Attachment, identifiers, st.binary(max_size=40), texts.map(lambda t: t or "text/plain"), texts)
responses = st.builds(ResponseFor, st.just("") | identifiers, texts, st.just("") | identifiers, days)
documents = st.builds(
    Document,
    sender=organizations,
    recipients=st.lists(organizations, min_size=1, max_size=3).map(tuple),
    document_id=identifiers,
    code=st.builds(Code, texts, texts),
    promulgation=st.builds(Promulgation, texts, days),
    type=st.builds(DocumentType, st.none() | counts, st.none() | counts, texts),
    subject=identifiers,
    content=texts,
    signer=st.builds(Signer, texts, texts, texts),
    due=days,
    other=st.builds(
        OtherInfo,
        st.integers(0, 4),
        texts,
        texts,
        st.none() | counts,
        st.none() | counts,
        st.booleans(),
        st.lists(texts, max_size=2).map(tuple),
    ),
    responses=st.lists(responses, max_size=2).map(tuple),
    steering=st.none() | st.integers(0, 2),
    task_code=texts,
    application_type=texts,
    to_places=st.lists(texts, max_size=3).map(tuple),
    trace=st.lists(st.builds(TraceHeader, st.just("") | identifiers, moments), max_size=2).map(tuple),
    business=st.none() | businesses,
    attachments=st.lists(attachments, max_size=3).map(tuple),
)
statuses = st.builds(
    DocumentStatus,
    organizations,
    st.builds(ResponseFor, identifiers, texts, identifiers, days),
    st.integers(1, 99),
    texts,
    moments,
    st.none() | staff,
)
_relaxed = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(content=documents | statuses)
@_relaxed
def test_what_is_encoded_decodes_to_the_same_and_fits_the_schema(content: Document | DocumentStatus) -> None:
    written = encode(content)
    read = decode(written).content
    assert read == content
    assert content_digest(read) == content_digest(content)
    SCHEMA.validate(json.loads(written))


_junk = st.none() | st.booleans() | st.integers() | st.just("") | texts | st.just([]) | st.just({})


def _places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for step, member in members for place in [(*path, step), *_places(member, (*path, step))]]


@given(
    base=st.sampled_from([FULL, STATUS]), place=st.integers(0, 200), value=_junk, how=st.sampled_from(["set", "drop"])
)
@_relaxed
def test_schema_and_decoder_agree_on_damaged_documents(
    base: dict[str, Any], place: int, value: object, how: str
) -> None:
    damaged = copy.deepcopy(base)
    places = _places(damaged)
    *path, last = places[place % len(places)]
    target: Any = damaged
    for step in path:
        target = target[step]
    if how == "drop":
        del target[last]
    else:
        target[last] = value
    if isinstance(value, str) and how == "set" and (last in ("content", "at") or value.endswith("\n")):
        return  # base64, time of day and Python's "$" before a line end are beyond the schema
    try:
        decode(raw(damaged))
    except Refusal as refusal:
        assert not SCHEMA.is_valid(damaged), refusal
    else:
        SCHEMA.validate(damaged)


def test_attachments_survive_byte_for_byte_whatever_they_hold() -> None:
    payload = bytes(range(256)) * 3 + b"\xef\xbf\xbd%PDF\r\n\x00"
    document = Document(
        Organization("A"), (Organization("B"),), "x", subject="s", attachments=(Attachment("a", payload),) * 2
    )
    read = decode(encode(document)).content
    assert isinstance(read, Document)
    assert [attachment.content for attachment in read.attachments] == [payload, payload]


def test_a_large_attachment_is_not_copied_about() -> None:
    size = 6 * 1024 * 1024
    document = Document(
        Organization("A"), (Organization("B"),), "x", subject="Việt", attachments=(Attachment("a", bytes(size)),)
    )
    body = encode(document)
    tracemalloc.start()
    try:
        decode(body)
        decoding = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        start = tracemalloc.get_traced_memory()[0]
        encode(document)
        encoding = tracemalloc.get_traced_memory()[1] - start
    finally:
        tracemalloc.stop()
    assert decoding + len(body) < 6 * len(body)
    assert encoding < 2.2 * len(body)
