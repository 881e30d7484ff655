"""OCSP responses (RFC 6960, RFC 5019): who answers, for which certificate, what, and for which time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from asn1crypto import core
from asn1crypto import keys as asn1_keys
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.trust import algorithms, profile
from gateway.signing.trust.armour import DECODING_FAULTS, certificate, decoding
from gateway.signing.trust.build import Links
from gateway.signing.trust.limits import SIGNATURE, Budget, Rigour
from gateway.signing.trust.model import TrustStore
from gateway.signing.trust.node import OCSP_NO_CHECK, Node, name_key, node_of
from gateway.signing.trust.path import check_window

MAX_RESPONSE: Final = 1024 * 1024
MAX_SINGLES: Final = 1024
MAX_RESPONDERS: Final = 16
UNLIMITED_FOR: Final = timedelta(days=1)
"""An answer without nextUpdate is taken this long: newer information is always to be had (RFC 6960 §4.2.2.1)."""
_DIGESTS: Final = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
"""Of a certID. It names a certificate and proves nothing, so SHA-1 does no harm here (RFC 6960 §4.3)."""
_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
_READ: Final = frozenset({_NONCE, "1.3.6.1.5.5.7.48.1.3", "1.3.6.1.5.5.7.48.1.6", "1.3.6.1.5.5.7.48.1.9"})
_ARCHIVE_CUTOFF: Final = "archive_cutoff"

CheckResponder = Callable[[Node], None]


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """What a responder said of one certificate. *reason* by asn1crypto's names ("key_compromise"), "" if not given.

    *archive_cutoff*: certificates that expired after it are still known to the responder (RFC 6960 §4.4.4).
    """

    status: Literal["good", "revoked", "unknown"]
    revoked_at: datetime | None
    reason: str
    this_update: datetime
    next_update: datetime | None
    produced_at: datetime
    responder: x509.Certificate
    archive_cutoff: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """A successful basic response, decoded. *signed* are the bytes of tbsResponseData."""

    basic: Any
    signed: bytes
    produced_at: datetime
    singles: tuple[Any, ...]
    nonce: bytes | None


def read_response(der: bytes) -> Response:
    """Decode a response. Raises NotValid malformed; revocation.unknown for tryLater and the like (§2.3);
    algorithm.unsupported for another type of response or a critical extension.
    """
    if len(der) > MAX_RESPONSE:
        raise NotValid("limit.exceeded", "an OCSP response of more than 1 MiB")
    with decoding("the OCSP response"):
        parsed = asn1.OCSPResponse.load(der, strict=True)
        status = str(parsed["response_status"].native)
        if status != "successful":
            raise NotValid("revocation.unknown", f"the responder answered {status}")
        body = parsed["response_bytes"]
        if isinstance(body, core.Void):
            raise ValueError("successful without a response")
        if body["response_type"].native != "basic_ocsp_response":
            raise NotValid("algorithm.unsupported", "this type of OCSP response")
        basic = body["response"].parsed
        if len(basic.dump()) != len(body["response"].contents):
            raise ValueError("bytes after the basic response")
        return _response(basic)


def _response(basic: Any) -> Response:
    tbs = basic["tbs_response_data"]
    _ = tbs.native, basic["signature"].native, basic["signature_algorithm"].native
    if basic["signature"].contents[:1] != b"\x00":
        raise ValueError("a signature that is not whole octets")
    singles = tuple(tbs["responses"])
    if not 0 < len(singles) <= MAX_SINGLES:
        raise ValueError("no or too many single responses")
    if tbs["version"].native != "v1":
        raise NotValid("algorithm.unsupported", "this version of OCSP")
    nonce = None
    for extension in _extensions(tbs["response_extensions"]):
        if extension["extn_id"].dotted == _NONCE:
            nonce = bytes(extension["extn_value"].contents)
    return Response(basic, tbs.dump(), tbs["produced_at"].native.astimezone(UTC), singles, nonce)


def _extensions(present: Any) -> Iterator[Any]:
    for extension in () if isinstance(present, core.Void) else present:
        if extension["critical"].native and extension["extn_id"].dotted not in _READ:
            raise NotValid("algorithm.unsupported", "a critical extension of the OCSP response")
        yield extension


def verify_ocsp(
    response: bytes,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    trust: TrustStore,
    at: datetime,
    policy: Policy,
    pool: Sequence[x509.Certificate] = (),
    nonce: bytes | None = None,
    rigour: Rigour = SIGNATURE,
) -> OcspAnswer:
    """What *response* (DER) says at *at* of *certificate*, issued by *issuer* (whose own chain the caller validates).

    Accepted as responder (§4.2.2.2): the issuer itself, a certificate the issuer made for OCSP, or one pinned in
    *trust*. *nonce* (DER of the extension's value): an answer with another one is refused, one without is taken.

    Raises NotValid malformed; revocation.unknown (no answer about this certificate, another nonce, a time after *at*
    where that does not count); revocation.stale; signature.wrong; chain.unknown (no such responder); chain.usage;
    certificate.expired or .not_yet (of the responder); algorithm.forbidden or .unsupported.
    """
    read = read_response(response)
    if nonce is not None and read.nonce is not None and nonce != read.nonce:
        raise NotValid("revocation.unknown", "the answer is to another question (nonce)")
    subject, authority = node_of(certificate), node_of(issuer)
    moment = at.astimezone(UTC).replace(microsecond=0)
    session = Session(Links(policy, Budget()), policy, trust, moment, rigour, pool=tuple(pool))
    return session.answer(read, subject, authority)


@dataclass(frozen=True, slots=True)
class Session:
    """What the responses of one question have in common. *check_responder* looks at a delegate's own revocation."""

    links: Links
    policy: Policy
    trust: TrustStore
    at: datetime
    rigour: Rigour
    check_responder: CheckResponder | None = None
    pool: tuple[x509.Certificate, ...] = ()

    def answer(self, response: Response, node: Node, issuer: Node) -> OcspAnswer:
        """The answer about *node*; see :func:`verify_ocsp` for what is raised."""
        matching = [one for one in response.singles if is_about(one, node, issuer)]
        if not matching:
            raise NotValid("revocation.unknown", "the OCSP response is about other certificates")
        responder = self.responder(response, issuer)
        answers = [_answer(one, response, responder) for one in matching]
        chosen = max(answers, key=lambda one: (one.status == "revoked", one.this_update))
        self.check_time(chosen, node)
        return chosen

    def answer_single(self, response: Response, single: Any, issuer: Node) -> OcspAnswer:
        """The answer in *single* without the certificate it is about, whose end is then taken as not yet come."""
        answer = _answer(single, response, self.responder(response, issuer))
        self.check_time(answer, issuer)
        return answer

    def responder(self, response: Response, issuer: Node) -> Node:
        """Who signed *response*, entitled by *issuer* or pinned. Raises NotValid."""
        fault: NotValid = NotValid("chain.unknown", "the OCSP responder is not entitled by the issuer")
        for candidate in self._candidates(response, issuer):
            try:
                self._check_signature(response, candidate)
                self._check_entitled(candidate, issuer, response.produced_at)
                return candidate
            except NotValid as found:
                fault = found
        raise fault

    def _candidates(self, response: Response, issuer: Node) -> Iterator[Node]:
        present = response.basic["certs"]
        embedded = [] if isinstance(present, core.Void) else list(present)[:MAX_RESPONDERS]
        if _identifies(response, issuer):
            yield issuer
        for one in (*(der.dump() for der in embedded), *map(_der, self.trust.pinned), *map(_der, self.pool)):
            try:
                node = node_of(certificate(one))
            except NotValid:
                continue
            if node.der != issuer.der and _identifies(response, node):
                yield node

    def _check_signature(self, response: Response, candidate: Node) -> None:
        self.links.spend()
        with decoding("the signature of the OCSP response"):
            spki = asn1_keys.PublicKeyInfo.load(candidate.spki)
            algorithm = response.basic["signature_algorithm"]
            signature = response.basic["signature"].native
        if not algorithms.verify(spki, algorithm, signature, response.signed, self.policy):
            raise NotValid("signature.wrong", "the OCSP response was not signed by its responder")

    def _check_entitled(self, candidate: Node, issuer: Node, produced_at: datetime) -> None:
        """§4.2.2.2: the issuer's own key, a pinned responder, or a delegate of that very issuer."""
        if candidate.spki == issuer.spki and candidate.subject == issuer.subject:
            return
        profile.check_purpose(candidate, "ocsp")
        profile.check_sound(candidate)
        check_window(candidate, max(self.at, produced_at))
        if any(_der(one) == candidate.der for one in self.trust.pinned):
            return
        if candidate.issuer != issuer.subject:
            raise NotValid("chain.unknown", "the OCSP responder is not entitled by the issuer")
        self.links.check(candidate, issuer)
        if OCSP_NO_CHECK not in candidate.extensions and self.check_responder is not None:
            self.check_responder(candidate)

    def check_time(self, answer: OcspAnswer, node: Node) -> None:
        """Whether *answer* speaks of the moment in question. Raises NotValid revocation.unknown, revocation.stale."""
        if answer.next_update is not None and answer.next_update < answer.this_update:
            raise NotValid("malformed", "nextUpdate before thisUpdate")
        if answer.this_update > self.at:
            if not self.rigour.later_answers:
                raise NotValid("revocation.unknown", "the OCSP answer is from after the time in question")
            if answer.status == "good" and not knows_expired(answer.this_update, answer.archive_cutoff, node):
                raise NotValid("revocation.unknown", "the OCSP answer is from after the certificate's end")
            return
        if answer.status == "revoked":
            return  # A revocation does not grow old; a lifted hold has a newer answer, which the caller prefers.
        if (answer.next_update or answer.this_update + UNLIMITED_FOR) + self.rigour.grace < self.at:
            raise NotValid("revocation.stale", "the OCSP answer is stale")


def knows_expired(this_update: datetime, cutoff: datetime | None, node: Node) -> bool:
    """Whether silence about *node* still means good: before it expired, or the source keeps expired certificates."""
    return this_update <= node.not_after or (cutoff is not None and cutoff <= node.not_after)


def _der(one: x509.Certificate) -> bytes:
    return one.public_bytes(serialization.Encoding.DER)


def is_about(single: Any, node: Node, issuer: Node) -> bool:
    """Whether the certID of *single* names *node* under *issuer* (RFC 6960 §4.1.1)."""
    if int(single["cert_id"]["serial_number"].native) != int(node.tbs["serial_number"].native):
        return False
    # §4.1.1 hashes the name as the certificate writes its issuer; it may be encoded otherwise than the issuer's own.
    return is_issuer(single, issuer) or (node.issuer == issuer.subject and _names(single, node.tbs["issuer"], issuer))


def is_issuer(single: Any, issuer: Node) -> bool:
    """Whether the certID of *single* names *issuer* by the hashes of its name and key."""
    return _names(single, issuer.tbs["subject"], issuer)


def _names(single: Any, issuer_name: Any, issuer: Node) -> bool:
    cert_id = single["cert_id"]
    digest = _DIGESTS.get(str(cert_id["hash_algorithm"]["algorithm"].native))
    if digest is None:
        return False
    name, key = issuer_name.dump(), key_bits(issuer)
    return bool(
        digest(name).digest() == cert_id["issuer_name_hash"].native
        and digest(key).digest() == cert_id["issuer_key_hash"].native
    )


def key_bits(node: Node) -> bytes:
    """The bytes of subjectPublicKey without tag, length and unused bits, as hashed by OCSP."""
    return bytes(asn1_keys.PublicKeyInfo.load(node.spki)["public_key"].contents[1:])


def _identifies(response: Response, node: Node) -> bool:
    identity = response.basic["tbs_response_data"]["responder_id"]
    try:
        if identity.name == "by_name":
            return name_key(identity.chosen) == node.subject
        return bool(identity.chosen.native == hashlib.sha1(key_bits(node)).digest())  # noqa: S324 (names a key, RFC 6960)
    except DECODING_FAULTS:
        return False


def _answer(single: Any, response: Response, responder: Node) -> OcspAnswer:
    with decoding("a single OCSP response"):
        cutoff = None
        for extension in _extensions(single["single_extensions"]):
            if extension["extn_id"].native == _ARCHIVE_CUTOFF:
                cutoff = extension["extn_value"].parsed.native
        status, next_update = single["cert_status"], single["next_update"].native
        revoked = status.chosen if status.name == "revoked" else None
        reason = None if revoked is None else revoked["revocation_reason"].native
        return OcspAnswer(
            status=status.name,
            revoked_at=None if revoked is None else revoked["revocation_time"].native.astimezone(UTC),
            reason=str(reason or ""),
            this_update=single["this_update"].native.astimezone(UTC),
            next_update=None if next_update is None else next_update.astimezone(UTC),
            produced_at=response.produced_at,
            responder=responder.certificate,
            archive_cutoff=None if cutoff is None else cutoff.astimezone(UTC),
        )
