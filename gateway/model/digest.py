"""The content digest of promise P3: what makes two packages the same message."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from gateway.model.document import Attachment, Content, Document, DocumentStatus, Organization, ResponseFor, StatusCode

_NOT_CONTENT = frozenset({"recipients", "trace", "media_type", "content_id", "wrapping"})


def content_digest(content: Content) -> str:
    """SHA-256 (hex) of the canonical model, without recipients, trace headers, wrapper and ZIP layer, plus each
    attachment's SHA-256. A package re-zipped, re-serialised, passed on by a relay or sent to one more recipient keeps
    its digest; any other change alters it.
    The status 01 is said once for a document by a party: how and when it is worded is no other content.
    """
    if isinstance(content, DocumentStatus) and content.status == StatusCode.ARRIVED:
        about = ResponseFor(document_id=content.about.document_id)
        content = DocumentStatus(Organization(content.sender.organ_id), about, content.status)
    kind = "document" if isinstance(content, Document) else "status"
    canonical = json.dumps([kind, _plain(content)], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Attachment):
        return {"name": value.name, "sha256": hashlib.sha256(value.content).hexdigest()}
    if dataclasses.is_dataclass(value):
        return dict(_set_fields(value))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value


def _set_fields(value: Any) -> Iterator[tuple[str, Any]]:
    for spec in dataclasses.fields(value):
        member = getattr(value, spec.name)
        if spec.name not in _NOT_CONTENT and member not in ("", None, ()):
            yield spec.name, _plain(member)
