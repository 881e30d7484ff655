"""Handing a package out: the getEdoc answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping

from adapters.lgsp.package import EDXML, Encode, off_loop
from adapters.lgsp.replies import dashed, dumps, spliced
from gateway.model.delivery import Delivery
from gateway.model.document import Attachment, Content, Document
from gateway.model.message import Kind, Message
from gateway.ports import Records, Reply


class Handing:
    """Builds getEdoc answers with the *members* configured; large ones off the event loop."""

    def __init__(
        self,
        records: Records,
        contents: Callable[[Message], Awaitable[Content]],
        encode: Encode,
        members: frozenset[str],
    ) -> None:
        self._records = records
        self._contents = contents
        self._encode = encode
        self._members = members

    async def hand_out(self, delivery: Delivery, message: Message) -> Reply:
        """The message as this API gives it. Bytes nobody could read are given as base64 only."""
        raw = await self._records.body(message.body.id)
        content = None if message.envelope.kind is Kind.OPAQUE else await self._contents(message)
        return await off_loop(len(raw), self._reply, delivery, message, raw, content)

    def _reply(self, delivery: Delivery, message: Message, raw: bytes, content: Content | None) -> Reply:
        """The file is the original if it is edXML (principle 2) or unreadable, else the content written as edXML."""
        file = raw if content is None or message.dialect == EDXML else self._encode(content)
        members = {
            "docId": dashed(delivery.id),
            "from": message.envelope.sender,
            "fromName": content.sender.name if content else "",
            "edocCode": message.envelope.code,
            "edocAbstract": message.envelope.subject,
        }
        return spliced(members, self._pieces(file, content))

    def _pieces(self, file: bytes, content: Content | None) -> Mapping[str, bytes]:
        """The large members as JSON."""
        pieces = {}
        text = self._text(file, content)
        if "edxml" in self._members:
            pieces["edxml"] = json.dumps(text, ensure_ascii=False).encode()
        if "data" in self._members or not text:
            pieces["data"] = b'"' + base64.b64encode(file) + b'"'
        if "attachments" in self._members:
            attached = content.attachments if isinstance(content, Document) else ()
            pieces["attachments"] = b"[" + b",".join(map(_attachment, attached)) + b"]"
        return pieces

    def _text(self, file: bytes, content: Content | None) -> str:
        """The package as text: exactly the file if it is UTF-8, else the same content written in UTF-8."""
        try:
            return file.decode()
        except UnicodeDecodeError:
            return self._encode(content).decode() if content else ""


def _attachment(attachment: Attachment) -> bytes:
    head = dumps({"fileName": attachment.name})
    return head[:-1] + b',"fileContent":"' + base64.b64encode(attachment.content) + b'"}'
