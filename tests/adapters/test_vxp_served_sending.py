"""The body of sendEdoc: which bytes are the file, and what it says it is."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.vxp.served_sending import Sending, announced_file, open_body, reports_status
from adapters.vxp.wire import Secret, hash_file, signed_headers
from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.message import Accepted, Submission
from gateway.model.party import Parties
from gateway.ports import Call

VECTORS = Path(__file__).parents[1] / "vectors" / "edxml"
FILE = b"<edXML/>"
NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("ending", [b"", b"\r\n"])
def test_both_forms_of_the_hash_find_the_file_with_and_without_the_final_line_end(padded: bool, ending: bytes) -> None:
    assert announced_file(FILE + ending, hash_file(FILE, padded=padded)) == FILE
    assert announced_file(FILE + ending, hash_file(FILE, padded=padded).upper()) == FILE


def test_a_line_end_that_the_hash_covers_belongs_to_the_file() -> None:
    assert announced_file(FILE + b"\r\n", hash_file(FILE + b"\r\n")) == FILE + b"\r\n"
    assert announced_file(FILE + b"\r\n\r\n", hash_file(FILE + b"\r\n")) == FILE + b"\r\n"


def test_the_recorded_hash_is_that_of_the_recorded_file() -> None:
    assert announced_file(b"<edXML/>\r\n", "8d55f6c7bf7cd534cf27a10e1bb5731c68279c3cb991cf4844774c685b3758") == FILE


@pytest.mark.parametrize(
    "announced", ["", "0", "đ", hashlib.sha256(b"<edXMl/>").hexdigest(), hash_file(FILE)[:-1], hash_file(FILE) + " "]
)
def test_a_changed_file_or_a_wrong_hash_is_refused(announced: str) -> None:
    with pytest.raises(Refusal, match=r"vxp\.hash_file"):
        announced_file(FILE + b"\r\n", announced)


@pytest.mark.parametrize("path", sorted(VECTORS.glob("*.xml")), ids=lambda path: path.stem)
def test_every_sample_is_told_apart_by_its_header(path: Path) -> None:
    file = path.read_bytes()
    assert reports_status(file) is path.stem.startswith("status")
    assert open_body(file + b"\r\n", hash_file(file)).is_status is path.stem.startswith("status")


def test_a_file_in_utf16_is_told_apart_too() -> None:
    text = (VECTORS / "status_acceptance_03.xml").read_text("utf-8").partition("?>")[2]
    assert reports_status(text.encode("utf-16")) is True


@pytest.mark.parametrize("file", [b"", b"<edXML/>", b"%PDF-1.7", b"<edXML><AttachmentEncoded>", b"<a><!DOCTYPE x></a>"])
def test_what_is_no_package_is_left_to_the_accept_story(file: bytes) -> None:
    assert reports_status(file) is None


def test_attachments_are_not_read_to_tell_a_document() -> None:
    file = (VECTORS / "edoc_new.xml").read_bytes()
    head = file[: file.index(b"<AttachmentEncoded")]
    assert reports_status(head + b"<AttachmentEncoded>\x00 cut off") is False


# ------------------------------------------------------------------------------------------- handing over


class Desk:
    """The accept story's place: keeps what it was handed."""

    def __init__(self) -> None:
        self.submissions: list[Submission] = []

    async def __call__(self, submission: Submission) -> Accepted:
        self.submissions.append(submission)
        return Accepted("0189" + "a" * 28, NOW, len(self.submissions) > 1, ())


def call(file: bytes, body: bytes, **params: str) -> Call:
    given = {"servicetype": "eDoc", "hash-file": hash_file(file), "from": "H53.1", **params}
    headers = signed_headers("000.00.01.H53", Secret("s"), given, "application/octet-stream", NOW)
    lowered = {name.lower(): value for name, value in headers.items()}
    return Call(Caller("qlvb", Parties(("H53.1",))), {}, {}, lowered, body, NOW)


async def test_the_file_goes_to_the_accept_story_without_the_line_end_and_with_what_the_headers_said() -> None:
    desk, file = Desk(), (VECTORS / "edoc_new.xml").read_bytes()
    to = '["000.00.00.G22", "H41"]'
    reply = await Sending(desk).send(call(file, file + b"\r\n", messagetype="edoc", to=to))
    (submission,) = desk.submissions
    assert (submission.peer, submission.dialect, submission.reference) == ("qlvb", "edxml", "")
    assert (submission.raw, submission.received_at) == (file, NOW)
    assert submission.hints == {"from": "H53.1", "messagetype": "edoc", "to": '["000.00.00.G22","H41"]'}
    assert json.loads(reply.body)["DocId"] == "0189aaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


async def test_without_a_to_header_no_recipients_are_hinted_at() -> None:
    desk, file = Desk(), (VECTORS / "status.xml").read_bytes()
    await Sending(desk).send(call(file, file, messagetype="STATUS"))
    assert desk.submissions[0].hints == {"from": "H53.1", "messagetype": "status"}


async def test_nothing_is_handed_over_for_a_sender_of_another_system() -> None:
    desk, file = Desk(), (VECTORS / "edoc_new.xml").read_bytes()
    with pytest.raises(Refusal, match=r"auth\.forbidden XroadVnpt-from"):
        await Sending(desk).send(call(file, file, **{"messagetype": "edoc", "from": "H53.2"}))
    assert desk.submissions == []
