"""`POST /api/v1/documents/{id}/status`: what became of a document, reported by who got it (13: by who sent it)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final

from adapters.rest import asking
from adapters.rest.codec import DIALECT, encode, read_staff
from adapters.rest.handing import hand_over
from adapters.rest.own import own_message
from adapters.rest.pull import Contents
from adapters.rest.reader import Reader, read_whole, wrong
from gateway.clock import VIETNAM
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.document import Document, DocumentStatus, Organization, ResponseFor, StatusCode
from gateway.ports import Accept, Call, Endpoint, Records, Reply

PATH: Final = "/api/v1/documents/{id}/status"


class Reporting:
    """Statuses about one document. The body names the status; the document says about what and to whom."""

    def __init__(self, accept: Accept, records: Records, contents: Contents) -> None:
        self._accept = accept
        self._records = records
        self._contents = contents

    def endpoints(self) -> Sequence[Endpoint]:
        return (Endpoint("POST", PATH, self.report, reads_body=True, quarantines=DIALECT),)

    async def report(self, call: Call) -> Reply:
        """Accept the status like any message; rules and rights are the accept story's."""
        asking.known_only(call)
        if asking.media_type(call) != "application/json":
            raise Refusal("http.media_type", where="Content-Type")
        message = await own_message(self._records, call.caller, call.path["id"])
        document = await self._contents(message)
        if not isinstance(document, Document):
            raise Refusal("message.not_found", where="path", detail="a status is about a document")
        status = read_whole(strictjson.loads(call.body), lambda reader: _status(reader, document, call))
        return await hand_over(self._accept, call, DIALECT, encode(status))


def _status(reader: Reader, document: Document, call: Call) -> DocumentStatus:
    code = reader.required_integer("status", 1, 99)
    giving_back = code == StatusCode.GIVE_BACK
    reporters = (document.sender,) if giving_back else document.recipients
    sender = _chosen(reader, "from", reporters, call.caller.parties)
    about = _chosen(reader, "to", document.recipients, None) if giving_back else document.sender
    return DocumentStatus(
        sender=sender,
        about=ResponseFor(about.organ_id, str(document.code), document.document_id, document.promulgation.on),
        status=code,
        description=reader.text("description"),
        at=reader.moment("at") or call.received_at.astimezone(VIETNAM).replace(microsecond=0),
        staff=reader.part("staff", read_staff),
    )


def _chosen(
    reader: Reader, name: str, among: Iterable[Organization], allowed: Container[object] | None
) -> Organization:
    """The organisation that member *name* names, or the only one that can be meant if it is absent."""
    wanted = reader.identifier(name).casefold()
    possible = [organ for organ in among if allowed is None or organ.organ_id in allowed]
    named = [organ for organ in possible if organ.organ_id.casefold() == wanted] if wanted else possible
    if len(named) == 1:
        return named[0]
    codes = ", ".join(organ.organ_id for organ in possible) or "none that this system acts for"
    wrong(reader.at(name), f"must name one of: {codes}")
