"""What the policy makes of verdicts: who is refused with which code, and what everybody sees at a glance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from gateway.errors import Refusal
from gateway.intake.signatures import (
    Demand,
    SignaturePolicy,
    Signatures,
    form_of,
    marks_of,
    require_valid,
)
from gateway.model.document import Attachment, Document, DocumentStatus, Organization, ResponseFor
from gateway.model.message import Kind
from gateway.model.verdict import REASONS, Judged, Judgement, Verdict

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
VALID = Verdict(Judgement.VALID, "ok")


@dataclass
class Oracle:
    """A judge that says what it is told, and remembers what it was asked."""

    verdict: Verdict = VALID
    asked: list[tuple[str, bytes, str]] = field(default_factory=list)

    async def __call__(
        self, kind: str, content: bytes, *, at: datetime, party: str = "", detached: Mapping[str, bytes] | None = None
    ) -> Verdict:
        self.asked.append((kind, content, party))
        return self.verdict


def because(reason: str, **more: object) -> Verdict:
    return Verdict(REASONS[reason].judgement, reason, **more)  # type: ignore[arg-type]


def judged(*verdicts: Verdict, form: str = "pdf") -> list[Judged]:
    return [Judged(place, f"{place}.pdf", "0" * 64, form, verdict, NOW) for place, verdict in enumerate(verdicts)]


def letter(*contents: bytes) -> Document:
    files = tuple(Attachment(f"{place}.bin", content) for place, content in enumerate(contents))
    return Document(Organization("H53.01"), (Organization("G22"),), "1", attachments=files)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"%PDF-1.7\n", "pdf"),
        (b"\x00" * 1000 + b"%PDF-1.4", "pdf"),
        (b"\x00" * 2000 + b"%PDF-1.4", ""),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.etsi.asic-e+zip", "asic"),
        (b"PK\x03\x04" + b"\0" * 26 + b"word/document.xml", ""),
        (b'<a><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></a>', "xmldsig"),
        (b'<a x="http://www.w3.org/2000/09/xmldsig#" y="http://uri.etsi.org/01903/v1.3.2#"/>', "xades"),
        (b"<a/>", ""),
        (b"", ""),
    ],
)
def test_the_form_is_told_by_the_bytes_never_by_the_name(content: bytes, form: str) -> None:
    assert form_of(content) == form


async def test_every_attachment_gets_a_verdict_and_only_what_could_be_signed_is_asked_about() -> None:
    oracle = Oracle()
    signed, plain = b"%PDF-1.7 /ByteRange [0 1 2 3]", b"%PDF-1.7 nothing"
    found = await Signatures(oracle).examine(letter(signed, plain, b"table"), "H53.01", NOW)
    assert oracle.asked == [("pdf", signed, "H53.01")]
    assert [(one.form, one.verdict.reason) for one in found] == [
        ("pdf", "ok"),
        ("pdf", "signature.absent"),
        ("", "algorithm.unsupported"),
    ]
    assert [one.place for one in found] == [0, 1, 2]


async def test_a_status_has_no_attachments_to_judge() -> None:
    status = DocumentStatus(Organization("G22"), ResponseFor("H53.01", "1", "1"), 3)
    assert await Signatures(Oracle()).examine(status, "G22", NOW) == ()


def test_the_strictest_of_peer_and_routes_holds_and_without_a_judge_nothing_is_asked() -> None:
    policy = SignaturePolicy(
        default={Kind.DOCUMENT: Demand.FLAG}, peers={"old": {Kind.DOCUMENT: Demand.OFF}, "strict": {}}
    )
    require = ({Kind.DOCUMENT: Demand.REQUIRE},)
    assert policy.demand(Kind.DOCUMENT, "qlvb") is Demand.FLAG
    assert policy.demand(Kind.DOCUMENT, "strict") is Demand.FLAG
    assert policy.demand(Kind.DOCUMENT, "old") is Demand.OFF
    assert policy.demand(Kind.DOCUMENT, "old", require) is Demand.REQUIRE
    assert policy.demand(Kind.STATUS, "qlvb", require) is Demand.OFF
    assert Signatures(Oracle(), policy).demand(Kind.DOCUMENT, "old", require) is Demand.REQUIRE
    assert Signatures(None, policy).demand(Kind.DOCUMENT, "old", require) is Demand.OFF


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("signature.absent", "signature.absent"),
        ("signature.changed_later", "signature.changed"),
        ("signature.digest", "signature.changed"),
        ("signature.wrong", "signature.invalid"),
        ("certificate.revoked", "signature.invalid"),
        ("certificate.expired", "signature.invalid"),
        ("algorithm.unsupported", "signature.invalid"),
        ("malformed", "signature.invalid"),
        ("chain.unknown", "signature.untrusted"),
        ("certificate.speaker", "signature.untrusted"),
        ("revocation.unknown", "signature.unproven"),
        ("limit.exceeded", "signature.unproven"),
        ("internal", "signature.unproven"),
    ],
)
def test_what_is_required_and_not_proven_is_refused_with_a_code_the_place_and_what_was_changed(
    reason: str, code: str
) -> None:
    verdict = because(reason, later_changes=("page 2 was added",))
    with pytest.raises(Refusal) as refused:
        require_valid(judged(VALID, verdict))
    assert (refused.value.code, refused.value.where) == (code, "1.pdf")
    assert reason in refused.value.detail
    assert "page 2 was added" in refused.value.detail
    assert (refused.value.retry_after is not None) == (code == "signature.unproven")


def test_no_reason_but_ok_satisfies_a_requirement() -> None:
    for reason in REASONS.keys() - {"ok"}:
        with pytest.raises(Refusal):
            require_valid(judged(because(reason)))
    require_valid(judged(VALID, VALID))


def test_a_document_without_a_file_that_could_be_signed_does_not_satisfy_a_requirement() -> None:
    for nothing in ([], judged(because("algorithm.unsupported"), form="")):
        with pytest.raises(Refusal) as refused:
            require_valid(nothing)
        assert refused.value.code == "signature.absent"


def test_a_table_beside_the_signed_letter_needs_no_signature() -> None:
    table = Judged(1, "bang.xlsx", "0" * 64, "", because("algorithm.unsupported"), NOW)
    require_valid([*judged(VALID), table])


@pytest.mark.parametrize(
    ("verdicts", "marks"),
    [
        ((), ()),
        ((VALID, VALID), ("signed",)),
        ((because("signature.absent"),), ("unsigned",)),
        ((VALID, because("signature.absent")), ("signed_in_part",)),
        ((VALID, because("revocation.unknown")), ("signature_indeterminate",)),
        ((because("revocation.unknown"), because("signature.wrong")), ("signature_invalid",)),
        ((because("malformed"),), ("signature_invalid",)),
        ((because("algorithm.unsupported"),), ("signature_indeterminate",)),
    ],
)
def test_the_mark_tells_the_worst(verdicts: tuple[Verdict, ...], marks: tuple[str, ...]) -> None:
    assert marks_of(judged(*verdicts)) == marks
