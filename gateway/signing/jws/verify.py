"""Whether a JWS holds, and the payload it was made over (RFC 7515 §5.2, RFC 7797)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509

from gateway.model.verdict import Judgement, NotValid, Scope, SignedPart, Verdict
from gateway.signing.jws import base64url, header, keys
from gateway.signing.jws.algorithms import chosen
from gateway.signing.jws.form import Jws, Part, read
from gateway.signing.jws.keys import Signer
from gateway.signing.question import Question
from gateway.signing.trust import armour, describe
from gateway.signing.trust.armour import decoding

_PLAIN: Final = re.compile(rb"[\x20-\x2d\x2f-\x7e]*+")
"""What an unencoded payload inside the compact form may consist of (RFC 7797 §5.2)."""


@dataclass(frozen=True, slots=True)
class VerifiedJws:
    """*payload*: the bytes every signature of the file was made over; *signers* in the order of the signatures."""

    payload: bytes
    signers: tuple[Signer, ...]


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about a file of kind `jws`. Raises NotValid."""
    verified = verify_jws(content, question)
    first = verified.signers[0]
    return Verdict(
        Judgement.VALID,
        "ok",
        "" if len(verified.signers) == 1 else f"{len(verified.signers)} signatures, all valid; the first is named",
        signer=first.name,
        scope=Scope.FULL,
        signed=(SignedPart("payload", hashlib.sha256(verified.payload).hexdigest()),),
        certificate=describe.fingerprint(first.certificate) if first.certificate is not None else "",
        signatures=len(verified.signers),
    )


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of every `x5c` that can be read. Raises nothing."""
    try:
        return tuple(one for part in read(content).parts for one in header.chain(part))
    except NotValid:
        return ()


def verify_jws(content: bytes, question: Question) -> VerifiedJws:
    """The payload of a JWS all of whose signatures hold at `question.at`, under the policy and trust asked about.

    The payload is in *content*, or (RFC 7515 appendix F) the one file of `question.detached` that is no certificate,
    CRL or OCSP response, or of several the one called `payload`. Raises NotValid, with *where* naming the signature.
    """
    with decoding("the JWS"):
        jws = read(content)
        encoded = [header.encoded_payload(part) for part in jws.parts]
        if len(set(encoded)) != 1:
            raise NotValid("malformed", "the signatures do not agree on b64")
        payload, text = _payload(jws, question.detached, encoded=encoded[0])
        # The content itself is no revocation data, whatever it begins with.
        material = {name: raw for name, raw in question.detached.items() if raw is not payload}
        asked = replace(question, detached=material)
        at_hand = jws.payload is not None or bool(question.detached)
        signers = tuple(_signer(part, part.protected_text + b"." + text, asked, at_hand=at_hand) for part in jws.parts)
    return VerifiedJws(payload, signers)


def _signer(part: Part, signed: bytes, question: Question, *, at_hand: bool) -> Signer:
    algorithm = chosen(part.header.get("alg"), question.policy, part.where)
    if not part.signature:
        raise NotValid("signature.wrong", "the signature is empty", part.where)
    try:
        return keys.signer(part, algorithm, signed, question)
    except NotValid as fault:
        if fault.reason == "signature.wrong" and not at_hand:
            raise NotValid("signature.reference", "the payload is detached and not at hand", part.where) from fault
        raise


def _payload(jws: Jws, detached: Mapping[str, bytes], *, encoded: bool) -> tuple[bytes, bytes]:
    """The payload, and the text it is signed as."""
    if jws.payload is None:
        payload = _detached(detached)
        if payload is None and not jws.compact:
            raise NotValid("signature.reference", "the payload is detached and not at hand")
        # The compact form of an empty payload looks the same as that of a detached one.
        payload = payload or b""
        return payload, base64url.encode(payload) if encoded else payload
    if encoded:
        return base64url.decode(jws.payload, "payload"), jws.payload
    if jws.compact and not _PLAIN.fullmatch(jws.payload):
        raise NotValid("malformed", "an unencoded payload with characters that need encoding")
    return jws.payload, jws.payload


def _detached(files: Mapping[str, bytes]) -> bytes | None:
    if len(files) == 1:
        return next(iter(files.values()))
    named = [raw for name, raw in files.items() if name == "payload" or name.startswith("payload.")]
    others = named or [raw for raw in files.values() if not armour.looks_encoded(raw)]
    if len(others) > 1:
        raise NotValid("signature.reference", "more than one detached file may be the payload")
    return others[0] if others else None
