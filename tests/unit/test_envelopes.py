"""What routing sees of a document or a status, and when two packages are the same message (P3)."""

from __future__ import annotations

import dataclasses
from datetime import datetime

import pytest

from gateway.model.digest import content_digest
from gateway.model.document import (
    Attachment,
    Business,
    BusinessType,
    Document,
    DocumentStatus,
    Organization,
    OtherInfo,
    Replacement,
    ResponseFor,
    TraceHeader,
    Wrapping,
)
from gateway.model.message import Kind, envelope_of
from gateway.model.party import Parties

DOCUMENT = Document(
    sender=Organization("H53.01", "Sở Nội vụ"),
    recipients=(Organization("G22"), Organization("G09"), Organization("G22")),
    document_id="H53.01,2026/11/20,12/SNV-VP",
    subject="V/v kiểm tra",
    attachments=(Attachment("a.pdf", b"%PDF-1.7"),),
)


def envelope(document: Document | DocumentStatus):
    return envelope_of(document, content_digest(document))


def test_each_recipient_is_named_once_in_the_order_written() -> None:
    assert envelope(DOCUMENT).recipients == ("G22", "G09")


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        (BusinessType.NEW, Kind.DOCUMENT),
        (BusinessType.RECALL, Kind.RECALL),
        (BusinessType.UPDATE, Kind.UPDATE),
        (BusinessType.REPLACEMENT, Kind.REPLACEMENT),
    ],
)
def test_the_business_type_decides_the_kind(type: BusinessType, kind: Kind) -> None:
    assert envelope(dataclasses.replace(DOCUMENT, business=Business(type=type))).kind is kind


def test_a_recall_belongs_to_its_documents_conversation_but_is_another_message() -> None:
    recall = dataclasses.replace(DOCUMENT, business=Business(type=BusinessType.RECALL))
    assert envelope(recall).conversation == envelope(DOCUMENT).conversation
    assert envelope(recall).identity != envelope(DOCUMENT).identity


def test_an_update_belongs_to_the_conversation_of_the_document_it_names() -> None:
    update = dataclasses.replace(
        DOCUMENT,
        document_id="another",
        business=Business(type=BusinessType.UPDATE, document_id=DOCUMENT.document_id),
    )
    assert envelope(update).conversation == envelope(DOCUMENT).conversation


def test_a_status_belongs_to_the_conversation_of_the_document_it_reports_on() -> None:
    status = DocumentStatus(
        sender=Organization("G22"),
        about=ResponseFor("H53.01", "12/SNV-VP", DOCUMENT.document_id),
        status=3,
        at=datetime(2026, 11, 22, 9, 0),
    )
    seen = envelope(status)
    assert (seen.kind, seen.recipients) == (Kind.STATUS, ("H53.01",))
    assert seen.conversation == envelope(DOCUMENT).conversation


def test_a_request_to_give_back_flips_the_direction_but_stays_in_the_conversation() -> None:
    request = DocumentStatus(Organization("H53.01"), ResponseFor("G22", "12/SNV-VP", DOCUMENT.document_id), 13)
    assert envelope(request).conversation == envelope(DOCUMENT).conversation
    assert envelope(request).recipients == ("G22",)


@pytest.mark.parametrize("junk", ["", "N/A", "null", " n/a ", "0"])
def test_ids_that_identify_nothing_are_replaced_by_the_content(junk: str) -> None:
    one = dataclasses.replace(DOCUMENT, document_id=junk)
    other = dataclasses.replace(one, subject="Văn bản khác")
    assert envelope(one).identity != envelope(other).identity
    assert envelope(one).conversation != envelope(other).conversation


def test_digest_ignores_recipients_trace_wrapping_and_labels() -> None:
    relayed = dataclasses.replace(
        DOCUMENT,
        recipients=(Organization("G04"),),
        trace=(TraceHeader("000.00.00.G22"),),
        attachments=(
            Attachment("a.pdf", b"%PDF-1.7", "application/zip", content_id="x", wrapping=Wrapping(b"PK", "00")),
        ),
    )
    assert content_digest(relayed) == content_digest(DOCUMENT)


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "V/v kiểm tra lại"},
        {"attachments": (Attachment("a.pdf", b"%PDF-1.6"),)},
        {"attachments": (Attachment("b.pdf", b"%PDF-1.7"),)},
        {"other": OtherInfo(priority=3)},
        {"business": Business(type=BusinessType.UPDATE)},
    ],
)
def test_digest_changes_with_any_content(change: dict[str, object]) -> None:
    assert content_digest(dataclasses.replace(DOCUMENT, **change)) != content_digest(DOCUMENT)


def test_patterns_match_what_lies_below_but_not_the_stem() -> None:
    parties = Parties(("H53.*", "000.00.00.G22"))
    assert "H53.01.02" in parties
    assert "h53.01" in parties
    assert "H53" not in parties
    assert "H530.1" not in parties
    assert "000.00.00.G22" in parties


def test_two_claims_on_one_party_are_found() -> None:
    assert Parties(("H53.*",)).overlap(Parties(("H53.01",)))
    assert Parties(("H53.01",)).overlap(Parties(("H53.*",)))
    assert Parties(("H53.01",)).overlap(Parties(("H53.01.*",))) is None


def test_a_replacement_belongs_to_the_conversation_of_the_document_it_replaces() -> None:
    replaced = Replacement(DOCUMENT.document_id, ("G22",))
    new = dataclasses.replace(
        DOCUMENT,
        document_id="H53.01,2026/11/22,13/SNV-VP",
        business=Business(type=BusinessType.REPLACEMENT, replacements=(replaced,)),
    )
    assert envelope(new).conversation == envelope(DOCUMENT).conversation
    assert envelope(new).business_id == "H53.01,2026/11/22,13/SNV-VP"
