"""The axis as the gateway uses it: a destination, a polled platform, a directory."""

from __future__ import annotations

import binascii
from collections.abc import Mapping, Sequence
from random import Random

import structlog

from adapters.vxp import answers, codec, conformance
from adapters.vxp.answers import AxisFault, Result
from adapters.vxp.axis import BRACES, EMPTY, Axis, Request, off_loop
from adapters.vxp.directory import Directory, rows
from adapters.vxp.kinds import Severity
from adapters.vxp.settings import VxpSettings
from adapters.vxp.wire import FILE_TYPE, hash_file, is_safe, recipients
from gateway.client import Answer, Client
from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.formats.foreign import as_text, moment
from gateway.model.delivery import Delivery, Outcome, Purpose, Rejected
from gateway.model.document import Content
from gateway.model.message import Decoded, Kind, Message
from gateway.ports import Fetched, Listed, Outbound, Parcel, Poller, Repeat

ACKNOWLEDGEMENTS = ("done", "processing", "fail")
_NOT_OURS_TO_SEND = frozenset({Kind.OPAQUE, Kind.NOTICE})
_BLANKS = b" \t\r\n"
_DOC_ID = ("docId", "docid", "DocId")
"""The SDK's classes and logs spell it in more than one way (reference §6.3)."""


def decode(raw: bytes) -> Decoded:
    """edXML to canonical content; findings as "code xpath". Raises Refusal."""
    reading = codec.decode(raw)
    return Decoded(reading.content, tuple(f"{finding.code} {finding.xpath}" for finding in reading.findings))


class VxpPlatform(Directory, Outbound, Poller):
    """One connection to the axis. A second copy of a document is seen by people there, so repeat is visible."""

    dialect = "edxml"
    repeat = Repeat.VISIBLE
    types: Sequence[str] = ("edoc", "status")

    def __init__(self, settings: VxpSettings, client: Client, clock: Clock, random: Random) -> None:
        self._settings = settings
        self._clock = clock
        self._log = structlog.get_logger("adapters.vxp").bind(platform=settings.id)
        super().__init__(Axis(settings, client, clock, random), settings.directory_deadline)

    # ------------------------------------------------------------------------------------------------ destination

    def examine(self, content: Content, dialect: str) -> None:
        """What we write ourselves must satisfy the strict schema; what a system wrote as edXML must be expressible.
        Raises Refusal 'edxml.strict' naming the first element at fault."""
        written = codec.encode(content, wrap=self._settings.wrap_attachments)
        if dialect == self.dialect or conformance.is_strict(written):
            return
        fault = next(item for item in conformance.check(written) if item.severity is Severity.ERROR)
        raise Refusal("edxml.strict", fault.xpath, fault.message_en)

    def encode(self, parcel: Parcel) -> bytes:
        """The file to send. A conformant original goes out unchanged (principle 2); else it is written anew.

        An acknowledgement is the two bytes ``{}``: all it says travels in headers.
        """
        if parcel.delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            return b"{}"
        message = parcel.message
        if message is None or message.envelope.kind in _NOT_OURS_TO_SEND:
            return parcel.raw
        if message.dialect == self.dialect and not parcel.altered and conformance.is_strict(parcel.raw):
            return parcel.raw
        return codec.encode(parcel.read(), wrap=self._settings.wrap_attachments)

    async def send(self, delivery: Delivery, message: Message | None, wire: bytes, deadline: float) -> Outcome:
        """sendEdoc, or updateStatus for an acknowledgement. Codes: see `answers`."""
        if delivery.purpose is Purpose.ACKNOWLEDGEMENT:
            return await self._acknowledge(delivery.instruction, deadline)
        if message is None or message.envelope.kind in _NOT_OURS_TO_SEND:
            return Rejected("vxp.opaque", "the axis takes edXML only")
        params = await self._parameters(delivery, message, wire)
        request = Request("sendEdoc", params, (wire, b"\r\n"), deadline, FILE_TYPE)
        return await self._axis.attempt(request, self._judge_sending, repeatable=False)

    async def _parameters(self, delivery: Delivery, message: Message, file: bytes) -> Mapping[str, str]:
        padded = self._settings.hash_file == "padded"
        params = {
            "servicetype": "eDoc",
            "messagetype": "status" if message.envelope.kind is Kind.STATUS else "edoc",
            "hash-file": await off_loop(len(file), hash_file, file, padded=padded),
            "from": message.envelope.sender.strip(),
        }
        if delivery.recipients and self._names_recipients(delivery, message):
            params["to"] = recipients(code.strip() for code in delivery.recipients)
        return params

    def _names_recipients(self, delivery: Delivery, message: Message) -> bool:
        if self._settings.to_header == "auto":
            return set(delivery.recipients) != set(message.envelope.recipients)
        return self._settings.to_header == "always"

    async def _acknowledge(self, instruction: Mapping[str, str], deadline: float) -> Outcome:
        params = {"docId": instruction.get("reference", ""), "status": instruction.get("status", "")}
        request = Request("updateStatus", params, BRACES, deadline)
        return await self._axis.attempt(request, self._judge_acknowledgement, repeatable=True)

    def _judge_sending(self, answer: Answer) -> Outcome:
        return answers.outcome_of_send(answer, self._settings.rejected_codes, self._clock.now())

    def _judge_acknowledgement(self, answer: Answer) -> Outcome:
        settings = self._settings
        return answers.outcome_of_acknowledgement(
            answer, settings.rejected_codes, settings.settled_codes, self._clock.now()
        )

    # ------------------------------------------------------------------------------------------------ polled platform

    async def list(self, type: str) -> Sequence[Listed]:
        """What the axis has for us, as it orders it, each docId once. Raises PollFault."""
        params = {"servicetype": "eDoc", "messagetype": type}
        request = Request("getReceivedEdocList", params, EMPTY, self._settings.list_deadline)
        listed, unusable = await self._axis.ask(request, _listed)
        if unusable:
            self._log.warning("vxp.list.unusable", rows=unusable, type=type)
        return listed

    async def fetch(self, reference: str) -> Fetched:
        """getEdoc: the package's bytes. Raises PollFault; damaged base64 is handed on with its refusal."""
        request = Request("getEdoc", {"docId": reference}, BRACES, self._settings.fetch_deadline)
        return await self._axis.ask(request, _package)

    def acknowledgement(self, reference: str, status: str) -> Mapping[str, str]:
        """The instruction for `send`: docId and done, processing or fail."""
        if status not in ACKNOWLEDGEMENTS:
            raise ValueError(f"not a transport status: {status}")
        return {"reference": reference, "status": status}


def _listed(result: Result) -> tuple[Sequence[Listed], int]:
    """The packages listed, and how many rows name none that could be asked for."""
    found: dict[str, Listed] = {}
    unusable = 0
    for row in rows(result):
        reference = next((text for name in _DOC_ID if (text := as_text(row.get(name)).strip())), "")
        if not is_safe(reference):
            unusable += 1
        elif reference not in found:
            found[reference] = Listed(reference, moment(row.get("created_time")))
    return tuple(found.values()), unusable


def _package(result: Result) -> Fetched:
    """The file in `data`. What is not base64 is kept as it came, for a person to look at."""
    text = result.members.get("data")
    if not isinstance(text, str) or not text.strip():
        raise AxisFault("vxp.garbage", "data holds no package")
    try:
        return Fetched(_unbase64(text))
    except ValueError:
        broken = Refusal("edxml.base64", "getEdoc.data", "the package is not base64")
        return Fetched(text.encode("utf-8", "surrogatepass"), broken)


def _unbase64(text: str) -> bytes:
    """Standard base64 (RFC 4648 §4), padding required; blanks and line ends are ignored. Raises ValueError."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return binascii.a2b_base64(text.encode("ascii").translate(None, _BLANKS), strict_mode=True)
