"""The served side of the JSON interface: documents in, everything else by `traffic` and `pull`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.rest import asking
from adapters.rest.answers import problem
from adapters.rest.codec import DIALECT
from adapters.rest.handing import hand_over
from adapters.rest.pull import Contents, Pull
from adapters.rest.reporting import Reporting
from adapters.rest.signatures import Signatures
from adapters.rest.traffic import Traffic
from adapters.rest.writing import dumps
from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.ports import Accept, Call, Endpoint, Judge, Mailbox, Records, Reply, Seals
from schemas.rest import openapi

DOCUMENTS: Final = "/api/v1/documents"
OPENAPI: Final = "/api/v1/openapi.json"


class RestEndpoints:
    """`gateway.ports.Inbound` for `/api/v1`: pure functions from Call to Reply over the ports handed in."""

    def __init__(
        self,
        accept: Accept,
        mailbox: Mailbox,
        records: Records,
        contents: Contents,
        clock: Clock,
        judge: Judge,
        seals: Seals,
    ) -> None:
        self._accept = accept
        self._reporting = Reporting(accept, records, contents)
        self._traffic = Traffic(records, clock)
        self._pull = Pull(mailbox, records, contents, clock)
        self._signatures = Signatures(judge, seals)
        self._openapi = dumps(openapi())

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("POST", DOCUMENTS, self.hand_in, reads_body=True, quarantines=DIALECT),
            *self._reporting.endpoints(),
            *self._traffic.endpoints(),
            *self._pull.endpoints(),
            *self._signatures.endpoints(),
            Endpoint("GET", OPENAPI, self.describe),
        )

    def refuse(self, refusal: Refusal, language: str, reference: str) -> Reply:
        """The refusal as application/problem+json (RFC 9457)."""
        return problem(refusal, language, reference)

    async def hand_in(self, call: Call) -> Reply:
        """Accept a document or status: 202 once it is durable, 200 with the first answer for a duplicate."""
        asking.known_only(call)
        return await hand_over(self._accept, call, _dialect(call), call.body)

    async def describe(self, call: Call) -> Reply:
        """This interface as an OpenAPI 3.1 document."""
        asking.known_only(call)
        return Reply(200, self._openapi)


def _dialect(call: Call) -> str:
    given = asking.media_type(call)
    if given == "application/json":
        return DIALECT
    if given in asking.XML_TYPES:
        return "edxml"
    raise Refusal("http.media_type", where="Content-Type", detail="a JSON document or edXML is expected")
