"""Generated canonical content: every field of Document and DocumentStatus, text as the model promises it."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime

from hypothesis import strategies as st

from gateway.clock import VIETNAM
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

XML_CHARACTERS = st.one_of(
    st.sampled_from("aZ09 .,/-_&<>\"'ếạĐƯ\u0323\u0301\u00a0\n\t\r"),
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda c: c >= " " or c in "\t\n\r"
    ),
)


def _canonical(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip(" \t\r\n")).strip(" \t\r\n")


def _not_null(text: str) -> bool:
    return text != "null"


texts = st.text(XML_CHARACTERS, max_size=30).map(_canonical).filter(_not_null)
words = texts.filter(bool)
names = (
    st.text(XML_CHARACTERS, max_size=40)
    .map(lambda text: unicodedata.normalize("NFC", text).strip("\t\r\n"))
    .filter(lambda text: not set(text[:1] + text[-1:]) & set("\t\r\n"))
)
days = st.dates(date(1, 1, 2), date(9999, 12, 30))
moments = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda at: at.replace(microsecond=0, tzinfo=VIETNAM)
)
numbers = st.none() | st.integers(-(10**17), 10**17)

organizations = st.builds(
    Organization,
    organ_id=words,
    name=texts,
    in_charge=texts,
    address=texts,
    email=texts,
    telephone=texts,
    fax=texts,
    website=texts,
)
staffs = st.none() | st.builds(
    Staff, department=words, department_id=texts, staff=texts, staff_id=texts, email=texts, mobile=texts
)
responses = st.builds(ResponseFor, organ_id=texts, code=texts, document_id=words, on=st.none() | days)
businesses = st.builds(
    Business,
    type=st.sampled_from(BusinessType),
    reason=texts,
    document_id=texts,
    paper=st.booleans(),
    change=st.none()
    | st.builds(
        DocumentChange,
        document_changed=st.booleans(),
        receivers_changed=st.booleans(),
        receivers=st.lists(st.builds(Receiver, organ_id=words, type=st.integers(0, 9)), max_size=2).map(tuple),
    ),
    replacements=st.lists(
        st.builds(Replacement, document_id=words, organ_ids=st.lists(words, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    staff=staffs,
)
attachments = st.builds(
    Attachment,
    name=names,
    content=st.binary(max_size=200),
    media_type=words,
    description=texts,
    content_id=st.sampled_from(["", "209", "abc"]),
)
documents = st.builds(
    Document,
    sender=organizations,
    recipients=st.lists(organizations, max_size=3).map(tuple),
    document_id=words,
    code=st.builds(Code, number=texts, notation=texts),
    promulgation=st.builds(Promulgation, place=texts, on=st.none() | days),
    type=st.builds(DocumentType, type=numbers, detail=numbers, name=texts),
    subject=texts,
    content=texts,
    signer=st.builds(Signer, competence=texts, position=texts, full_name=texts),
    due=st.none() | days,
    other=st.builds(
        OtherInfo,
        priority=st.integers(0, 4),
        sphere=texts,
        typer_notation=texts,
        copies=numbers,
        pages=numbers,
        direction=st.booleans(),
        appendixes=st.lists(words, max_size=2).map(tuple),
    ),
    responses=st.lists(responses, max_size=2).map(tuple),
    steering=numbers,
    task_code=texts,
    application_type=texts,
    to_places=st.lists(words, max_size=2).map(tuple),
    trace=st.lists(st.builds(TraceHeader, organ_id=texts, at=st.none() | moments), max_size=2).map(tuple),
    business=st.none() | businesses,
    attachments=st.lists(attachments, max_size=3).map(tuple),
)
statuses = st.builds(
    DocumentStatus,
    sender=organizations,
    about=st.builds(ResponseFor, organ_id=texts, code=texts, document_id=texts, on=st.none() | days),
    status=st.integers(0, 99),
    description=texts,
    at=st.none() | moments,
    staff=staffs,
)
