"""The served side of VXP: a document system changes its endpoint from the axis to `/vxp` and nothing else (§6.3).

Every call was identified by its signed headers (`knock`) before a handler runs; handlers read their parameters from
what was signed. Each operation answers GET as well as POST: the SDK's classes speak of GET where its wire says POST.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

from adapters.vxp.served_agencies import Agencies, AgencyOperations
from adapters.vxp.served_answers import fail
from adapters.vxp.served_mailbox import Contents, Pulling
from adapters.vxp.served_sending import Sending
from adapters.vxp.served_sent import Sent
from gateway.errors import Refusal
from gateway.ports import Accept, Call, Endpoint, Mailbox, Records, Reply

BASES: Final = ("/vxp/", "/vxp//")
"""The SDK appends "/" and the operation to its endpoint; one configured with a slash at its end doubles it."""

Handle = Callable[[Call], Awaitable[Reply]]


class VxpEndpoints:
    """`gateway.ports.Inbound` for `/vxp/{operation}`, over the ports handed in.

    *contents* reads a message of another dialect, which is then written as edXML for a VXP system.
    """

    def __init__(
        self, accept: Accept, mailbox: Mailbox, records: Records, contents: Contents, agencies: Agencies
    ) -> None:
        self._sending = Sending(accept)
        self._pulling = Pulling(mailbox, records, contents)
        self._sent = Sent(mailbox, records)
        self._agencies = AgencyOperations(agencies)

    def endpoints(self) -> Sequence[Endpoint]:
        return tuple(self._endpoints())

    def refuse(self, refusal: Refusal, language: str, reference: str) -> Reply:
        """FAIL with ErrorCode and a Vietnamese ErrorDesc, whatever *language* the SDK's host prefers."""
        return fail(refusal, reference)

    def operations(self) -> Mapping[str, Handle]:
        """Every operation of the axis whose parameters are all headers."""
        return {
            "getReceivedEdocList": self._pulling.list,
            "getEdoc": self._pulling.fetch,
            "downloadEdoc": self._pulling.download,
            "updateStatus": self._pulling.acknowledge,
            "countReceiveEdoc": self._pulling.count_documents,
            "countReceiveStatus": self._pulling.count_statuses,
            "getSentEdocList": self._sent.list,
            "getAgenciesList": self._agencies.list,
            "getAgenciesListQD20": self._agencies.list_qd20,
            "getSynchronizeUnit": self._agencies.units,
            "deleteAgency": self._agencies.delete,
        }

    def _endpoints(self) -> Iterator[Endpoint]:
        for base in BASES:
            yield Endpoint("POST", f"{base}sendEdoc", self._sending.send, reads_body=True, quarantines="edxml")
            yield Endpoint("POST", f"{base}registerAgency", self._agencies.register, reads_body=True)
            for name, handle in self.operations().items():
                yield Endpoint("POST", base + name, handle)
                yield Endpoint("GET", base + name, handle)
            yield Endpoint("POST", f"{base}{{operation}}", _unknown)
            yield Endpoint("GET", f"{base}{{operation}}", _unknown)


async def _unknown(call: Call) -> Reply:
    raise Refusal("vxp.operation", call.path.get("operation", "")[:100])
