"""`/api/v1/signatures`: what a file's signature is worth, and the organisation's signature for a PDF."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from adapters.rest import asking
from adapters.rest.answers import answer
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.verdict import members
from gateway.ports import Call, Endpoint, Judge, Reply, Seals, SealWish

VERIFY: Final = "/api/v1/signatures/verify"
APPLY: Final = "/api/v1/signatures/apply"
KINDS: Final = ("xmldsig", "wsse", "xades", "asic", "jws", "pdf", "x509", "ocsp", "tsr")
MAX_DETACHED: Final = 100
"""Files that may come beside one."""
LONGEST_TEXT: Final = 500
_FORMS: Final = ("seal", "corner", "none", "")
_WISHES: Final = ("party", "name", "profile", "form", "number", "agency", "copy")


@dataclass(frozen=True, slots=True)
class Asked:
    """A file, how it is to be judged or signed, and what belongs to it."""

    content: bytes
    words: Mapping[str, str]
    detached: Mapping[str, bytes]
    as_json: bool


class Signatures:
    """Judging, for whoever has a key; signing, for whoever acts for the party. Nothing is stored."""

    def __init__(self, judge: Judge, seals: Seals) -> None:
        self._judge = judge
        self._seals = seals

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint("POST", VERIFY, self.verify, reads_body=True),
            Endpoint("POST", APPLY, self.apply, reads_body=True),
        )

    async def verify(self, call: Call) -> Reply:
        """The verdict on one file as of now, as `lienthong verify` writes it. 200 whatever the verdict."""
        asked = _asked(call, ("kind",), detached=True)
        kind = asked.words.get("kind", "")
        if kind not in KINDS:
            raise Refusal("http.request", "kind", f"one of {', '.join(KINDS)}")
        verdict = await self._judge(kind, asked.content, at=call.received_at, detached=asked.detached)
        return answer(members(verdict))

    async def apply(self, call: Call) -> Reply:
        """The PDF with the organisation's signature: as JSON where JSON was sent, else as the file itself."""
        asked = _asked(call, _WISHES)
        wish = _wish(asked.words, call.caller.system)
        if wish.party not in call.caller.parties:
            raise Refusal("auth.forbidden", "party", "this party does not belong to the calling system")
        signed, applied = await self._seals(asked.content, wish)
        if not asked.as_json:
            digest = base64.b64encode(hashlib.sha256(signed).digest()).decode()
            headers = {"Repr-Digest": f"sha-256=:{digest}:", "Cache-Control": "no-store"}
            return Reply(200, signed, "application/pdf", headers)
        record = {"key": applied.key, "certificate": applied.certificate, "sha256": applied.after}
        return answer({**record, "content": base64.b64encode(signed).decode()})


def _wish(words: Mapping[str, str], actor: str) -> SealWish:
    form = next((known for known in _FORMS if known == words.get("form", "")), None)
    if form is None:
        raise Refusal("http.request", "form", "seal, corner or none")
    given = {name: value for name, value in words.items() if name != "form"}
    if too_long := next((name for name, value in given.items() if len(value) > LONGEST_TEXT), ""):
        raise Refusal("http.request", too_long, f"at most {LONGEST_TEXT} characters")
    return SealWish(**{"party": "", **given}, form=form, actor=actor)


def _asked(call: Call, words: Sequence[str], *, detached: bool = False) -> Asked:
    """What is asked: a JSON object with base64, or the file itself with its words in the query."""
    if asking.media_type(call) != "application/json":
        asking.known_only(call, *words)
        return Asked(call.body, call.query, {}, as_json=False)
    asking.known_only(call)
    given = strictjson.loads(call.body)
    if not isinstance(given, Mapping):
        raise Refusal("json.value", "", "an object is expected")
    known = {*words, "content", *(("detached",) if detached else ())}
    if unknown := sorted(set(given) - known):
        raise Refusal("json.value", f"/{unknown[0]}", f"known members: {', '.join(sorted(known))}")
    said = {name: _text(given[name], f"/{name}") for name in words if name in given}
    return Asked(_bytes(given.get("content"), "/content"), said, _files(given.get("detached", {})), as_json=True)


def _files(given: object) -> Mapping[str, bytes]:
    if not isinstance(given, Mapping) or len(given) > MAX_DETACHED:
        raise Refusal("json.value", "/detached", f"an object of at most {MAX_DETACHED} files")
    return {name: _bytes(value, f"/detached/{name}") for name, value in given.items()}


def _text(given: object, where: str) -> str:
    if not isinstance(given, str):
        raise Refusal("json.value", where, "text is expected")
    return given


def _bytes(given: object, where: str) -> bytes:
    try:
        return base64.b64decode(_text(given, where), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("json.value", where, "not base64") from None
