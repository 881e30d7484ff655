"""sendEdoc: a document system hands over a file. The file is what `hash-file` says it is."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from adapters.vxp.codec import PREFIXES
from adapters.vxp.knock import Asked, parameters, recipients_named
from adapters.vxp.served_answers import ok
from adapters.vxp.served_rows import doc_id
from adapters.vxp.wire import PREFIX
from gateway.errors import Refusal, on_behalf_of
from gateway.formats import safexml
from gateway.model.message import Submission
from gateway.ports import Accept, Call, Reply

TYPES: Final = ("edoc", "status")
INLINE_BYTES: Final = 4 * 1024
"""Larger files are hashed and looked into in a thread, so that the event loop stays free."""

_ATTACHMENTS = re.compile(rb"<(?:[\w.-]+:)?AttachmentEncoded[\s/>]")
_ROOT = re.compile(rb"<((?:[\w.-]+:)?edXML)[\s>]")
_MESSAGE = "{*}edXMLEnvelope/{*}edXMLHeader/{*}MessageHeader"


@dataclass(frozen=True, slots=True)
class Handed:
    """What a sendEdoc body holds: the file, and whether it reports a status (None: it cannot be told)."""

    file: bytes
    is_status: bool | None


class Sending:
    """Hands files to the accept story."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept

    async def send(self, call: Call) -> Reply:
        """Accept the package; `DocId` is our message id, the same one for a duplicate.

        `from` must be a party of the caller; the accept story says the same of From/OrganId. Whether the two are one
        party is not asked: a centre may send under its own code what its departments issue. `to` travels as a hint.
        """
        asked = parameters(call.headers)
        sender, type = asked.need("from"), message_type(asked)
        if sender not in call.caller.parties:
            raise Refusal("auth.forbidden", f"{PREFIX}from", f"{sender} does not belong to {call.caller.system}")
        with on_behalf_of(sender):
            accepted = await self._accept(await _submission(call, asked, sender, type))
        return ok(DocId=doc_id(accepted.message_id))


async def _submission(call: Call, asked: Asked, sender: str, type: str) -> Submission:
    to = recipients_named(asked.text("to"))
    handed = await _opened(call.body, asked.need("hash-file"))
    if handed.is_status not in (None, type == "status"):
        raise Refusal("vxp.message_type", f"{PREFIX}messagetype", f"{type} was announced")
    return Submission(
        peer=call.caller.system,
        dialect="edxml",
        raw=handed.file,
        received_at=call.received_at,
        hints={"from": sender, "messagetype": type} | ({"to": to} if to else {}),
    )


def message_type(asked: Asked) -> str:
    """The `messagetype` parameter: "edoc" or "status". Refusal http.request for anything else."""
    type = asked.need("messagetype").lower()
    if type not in TYPES:
        raise Refusal("http.request", f"{PREFIX}messagetype", "edoc or status is expected")
    return type


async def _opened(body: bytes, announced: str) -> Handed:
    if len(body) <= INLINE_BYTES:
        return open_body(body, announced)
    return await asyncio.to_thread(open_body, body, announced)


def open_body(body: bytes, announced: str) -> Handed:
    """The file in *body* and a look into its header. Refusal vxp.hash_file."""
    file = announced_file(body, announced)
    return Handed(file, reports_status(file))


def announced_file(body: bytes, announced: str) -> bytes:
    """The file whose SHA-256 is *announced*: the body without the CRLF that the SDK puts behind a file, or as it is.

    The hash is read in both forms seen: hex of 64 digits, and the SDK's, where no byte is padded with a zero.
    Refusal vxp.hash_file if neither fits: the bytes were changed on the way.
    """
    for file in (body.removesuffix(b"\r\n"), body):
        digest = hashlib.sha256(file).digest()
        if announced.lower() in (digest.hex(), "".join(f"{byte:x}" for byte in digest)):
            return file
    raise Refusal("vxp.hash_file", f"{PREFIX}hash-file", f"{len(body)} bytes with another hash")


def reports_status(file: bytes) -> bool | None:
    """Whether *file* is a status package, told from its header (reference §4): a StatusCode without receivers and
    subject. Attachments are cut away first, so that a large file is not read twice. None for what cannot be read
    here; the accept story then says why.
    """
    head, attachments, root = file, _ATTACHMENTS.search(file), _ROOT.search(file)
    if attachments and root and root.start() < attachments.start():
        head = file[: attachments.start()] + b"</" + root[1] + b">"
    try:
        tree = safexml.parse(head, lenient=True, prefixes=PREFIXES)
    except Refusal:
        return None
    message = tree.root.find(_MESSAGE)
    if message is None:
        return None
    return message.find("{*}StatusCode") is not None and all(
        message.find(f"{{*}}{name}") is None for name in ("To", "Subject")
    )
