"""OCSP answers (RFC 6960): one responder for every authority of the hierarchy, good, revoked or unknown."""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import core, keys, ocsp, x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ReasonFlags

from sandbox.faults import Rule
from sandbox.pki.authority import Authority
from sandbox.pki.hierarchy import Hierarchy, Issued
from sandbox.pki.identity import Identity
from sandbox.pki.signature import sign_der, spoiled

FRESH: Final = timedelta(hours=12)
_KNOWN_DIGESTS: Final = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})


class Unreadable(Exception):
    """These bytes are no OCSP request."""


class Responder:
    """Answers requests about whatever the hierarchy's authorities issued."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self._hierarchy = hierarchy

    def serials(self, request: bytes) -> list[str]:
        """Return the serial numbers asked about, hexadecimal; none if the request cannot be read."""
        try:
            return [f"{_certificate_id(single)['serial_number'].native:x}" for single in _singles(_read(request))]
        except Unreadable:
            return []

    def answer(self, request: bytes, rule: Rule | None = None) -> bytes:
        """Return the DER of an OCSPResponse; `rule` is what is to be wrong with it."""
        action = rule.action if rule else ""
        if action == "try_later":
            return _unsuccessful("try_later")
        try:
            asked = _read(request)
            ids = [_certificate_id(single) for single in _singles(asked)]
            authorities = [self._authority(each) for each in ids]
        except Unreadable:
            return _unsuccessful("malformed_request")
        first = authorities[0]
        if first is None or first.responder is None or any(authority is not first for authority in authorities):
            return _unsuccessful("unauthorized")
        produced = self._hierarchy.now() - (timedelta(days=8) if action == "stale" else timedelta(0))
        singles = [self._single(each, first, produced, action) for each in ids]
        signer = self._stranger(first) if action == "wrong_signer" else first.responder
        return _response(singles, _nonce(asked, action), produced, signer, broken=action == "bad_signature")

    def _single(self, asked: ocsp.CertId, authority: Authority, produced: datetime, action: str) -> ocsp.SingleResponse:
        serial = asked["serial_number"].native
        line = self._hierarchy.register.get(f"{serial:x}")
        known = line if line and line.issuer == authority.slug and action != "unknown" else None
        about = asked.copy()
        if action == "wrong_id":
            about["serial_number"] = serial + 1
        return ocsp.SingleResponse(
            {
                "cert_id": about,
                "cert_status": _status(known, self._hierarchy.now()),
                "this_update": _seconds(produced),
                "next_update": _seconds(produced + FRESH),
            }
        )

    def _authority(self, asked: ocsp.CertId) -> Authority | None:
        """Find whose certificate is asked about, by the hashes of its name and key."""
        digest = asked["hash_algorithm"]["algorithm"].native
        if digest not in _KNOWN_DIGESTS:
            return None
        wanted = (asked["issuer_name_hash"].native, asked["issuer_key_hash"].native)
        for authority in self._hierarchy.authorities.values():
            subject = authority.certificate.subject.public_bytes()
            if wanted == (hashlib.new(digest, subject).digest(), hashlib.new(digest, key_bits(authority)).digest()):
                return authority
        return None

    def _stranger(self, authority: Authority) -> Identity:
        """Return a responder that may not speak for an authority: the other tree's."""
        of_government = authority.slug.startswith("government")
        stranger = self._hierarchy.issuing("public" if of_government else "government").responder
        if stranger is None:
            raise LookupError(authority.slug)
        return stranger


def from_path(encoded: str) -> bytes:
    """Return the request of a GET (RFC 6960 §A.1). Raises Unreadable."""
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(str(error)) from error


def key_bits(authority: Authority) -> bytes:
    """Return the octets of an authority's subjectPublicKey, over which OCSP takes its key hash."""
    key = authority.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    bits: bytes = keys.PublicKeyInfo.load(key)["public_key"].contents[1:]
    return bits


def _read(request: bytes) -> ocsp.OCSPRequest:
    try:
        asked = ocsp.OCSPRequest.load(request, strict=True)
        asked.native  # noqa: B018 (reads the whole tree, so that a broken part shows here)
    except (ValueError, TypeError) as error:
        raise Unreadable(str(error)) from error
    return asked


def _singles(asked: ocsp.OCSPRequest) -> list[ocsp.Request]:
    found = list(asked["tbs_request"]["request_list"])
    if not found:
        raise Unreadable("asks about nothing")
    return found


def _certificate_id(single: ocsp.Request) -> Any:
    return single["req_cert"]


def _status(line: Issued | None, now: datetime) -> ocsp.CertStatus:
    """Good unless revoked by now; a revocation dated in the future is not one yet."""
    if line is None:
        return ocsp.CertStatus("unknown", core.Null())
    if line.revoked_at is None or line.revoked_at > now:
        return ocsp.CertStatus("good", core.Null())
    reason = ReasonFlags(line.reason).name
    revoked = {"revocation_time": _seconds(line.revoked_at), "revocation_reason": reason}
    return ocsp.CertStatus("revoked", ocsp.RevokedInfo(revoked))


def _nonce(asked: ocsp.OCSPRequest, action: str) -> bytes | None:
    found = asked.nonce_value
    if found is None or action == "no_nonce":
        return None
    value: bytes = found.native
    return bytes(byte ^ 0xFF for byte in value) if action == "wrong_nonce" else value


def _response(
    singles: list[ocsp.SingleResponse], nonce: bytes | None, produced: datetime, signer: Identity, broken: bool
) -> bytes:
    own = x509.Certificate.load(signer.der())
    fields: dict[str, Any] = {
        "responder_id": ocsp.ResponderId("by_key", own.public_key.sha1),
        "produced_at": _seconds(produced),
        "responses": singles,
    }
    if nonce is not None:
        extension = {"extn_id": "nonce", "extn_value": core.OctetString(nonce)}
        fields["response_extensions"] = [extension]
    answered = ocsp.ResponseData(fields)
    algorithm, signature = sign_der(signer, answered.dump())
    basic = ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": answered,
            "signature_algorithm": {"algorithm": algorithm},
            "signature": spoiled(signature) if broken else signature,
            "certs": [own],
        }
    )
    body = {"response_type": "basic_ocsp_response", "response": core.ParsableOctetString(basic.dump())}
    whole: bytes = ocsp.OCSPResponse({"response_status": "successful", "response_bytes": body}).dump()
    return whole


def _unsuccessful(status: str) -> bytes:
    whole: bytes = ocsp.OCSPResponse({"response_status": status}).dump()
    return whole


def _seconds(moment: datetime) -> datetime:
    """GeneralizedTime without fractions (RFC 5280 §4.1.2.5.2)."""
    return moment.replace(microsecond=0)
