"""A time stamping authority (RFC 3161 with the ESSCertIDv2 of RFC 5816), written on asn1crypto."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import cms, core, tsp, x509
from cryptography.hazmat.primitives.serialization import Encoding

from sandbox.faults import Rule
from sandbox.pki.hierarchy import Hierarchy, Tree
from sandbox.pki.identity import Identity
from sandbox.pki.signature import sign_der, spoiled

POLICY: Final = "2.999.84.2"
ACCURACY_SECONDS: Final = 1
_SIZES: Final = {"sha256": 32, "sha384": 48, "sha512": 64, "sha3_256": 32, "sha3_384": 48, "sha3_512": 64}
"""The digests it stamps, with their length in bytes; SHA-1 and shorter are refused with badAlg."""


class Declined(Exception):
    """The request is answered with a rejection; `failure` is PKIFailureInfo's name."""

    def __init__(self, failure: str, text: str) -> None:
        super().__init__(text)
        self.failure = failure


class Stamping:
    """Answers time stamp requests for one tree of the hierarchy."""

    def __init__(
        self, hierarchy: Hierarchy, tree: Tree = "public", serial: Callable[[], int] = lambda: secrets.randbits(64) + 1
    ) -> None:
        self._hierarchy = hierarchy
        self._tree = tree
        self._serial = serial

    def answer(self, request: bytes, rule: Rule | None = None) -> bytes:
        """Return the DER of a TimeStampResp; `rule` is what is to be wrong with it."""
        try:
            if rule is not None and rule.action == "rejection":
                raise Declined("system_failure", rule.description)
            asked = _read(request)
            stamped = self._stamped(asked, rule)
        except Declined as declined:
            return _rejection(declined)
        token = _token(stamped, self._signer(rule), bool(asked["cert_req"].native), _is(rule, "bad_signature"))
        whole: bytes = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token}).dump()
        return whole

    def _stamped(self, asked: tsp.TimeStampReq, rule: Rule | None) -> tsp.TSTInfo:
        """Return what is certified: the imprint and the time."""
        moment = self._hierarchy.now()
        if rule is not None and rule.action == "clock":
            moment += timedelta(seconds=rule.seconds)
        imprint = asked["message_imprint"].copy()
        if _is(rule, "wrong_imprint"):
            imprint["hashed_message"] = spoiled(imprint["hashed_message"].native)
        fields: dict[str, Any] = {
            "version": "v1",
            "policy": POLICY,
            "message_imprint": imprint,
            "serial_number": self._serial(),
            "gen_time": moment.replace(microsecond=0),
            "accuracy": {"seconds": ACCURACY_SECONDS},
            "ordering": False,
            "tsa": x509.GeneralName("directory_name", _certificate(self._signer(rule)).subject),
        }
        nonce = asked["nonce"].native
        if nonce is not None:
            fields["nonce"] = nonce + 1 if _is(rule, "wrong_nonce") else nonce
        return tsp.TSTInfo(fields)

    def _signer(self, rule: Rule | None) -> Identity:
        if _is(rule, "wrong_eku"):
            return self._hierarchy.stamping(self._tree, "eku")
        return self._hierarchy.stamping(self._tree, "expired" if _is(rule, "expired") else "")


def _is(rule: Rule | None, action: str) -> bool:
    return rule is not None and rule.action == action


def _read(request: bytes) -> tsp.TimeStampReq:
    """Return a request one can stamp. Raises Declined."""
    try:
        asked = tsp.TimeStampReq.load(request, strict=True)
        plain = asked.native
    except (ValueError, TypeError) as error:
        raise Declined("bad_data_format", "not a TimeStampReq") from error
    if plain["version"] != "v1":
        raise Declined("bad_request", "version 1 is spoken here")
    size = _SIZES.get(plain["message_imprint"]["hash_algorithm"]["algorithm"])
    if size is None:
        raise Declined("bad_alg", "digest algorithm not accepted")
    if len(plain["message_imprint"]["hashed_message"]) != size:
        raise Declined("bad_data_format", "digest of another length than its algorithm's")
    if plain["req_policy"] not in (None, POLICY):
        raise Declined("unaccepted_policy", f"the only policy here is {POLICY}")
    if plain["extensions"]:
        raise Declined("unaccepted_extensions", "no extension is known here")
    return asked


def _rejection(declined: Declined) -> bytes:
    status = {"status": "rejection", "status_string": [str(declined)], "fail_info": {declined.failure}}
    # The class of asn1crypto does not know that the token is optional, so the sequence is written without it.
    whole: bytes = _Rejection({"status": tsp.PKIStatusInfo(status)}).dump()
    return whole


class _Rejection(core.Sequence):  # type: ignore[misc]  # asn1crypto is not typed
    """TimeStampResp without a token (RFC 3161 §2.4.2)."""

    _fields = [("status", tsp.PKIStatusInfo)]  # noqa: RUF012 (asn1crypto completes the list in place)


def _token(stamped: tsp.TSTInfo, signer: Identity, with_certificates: bool, broken: bool) -> cms.ContentInfo:
    """Return the SignedData around a TSTInfo, signed over its attributes."""
    own = _certificate(signer)
    content = stamped.dump()
    attributes = _attributes(content, own, stamped["gen_time"].native)
    algorithm, signature = sign_der(signer, attributes.dump())
    fields: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
        "signer_infos": [
            {
                "version": "v1",
                "sid": cms.SignerIdentifier("issuer_and_serial_number", _issuer_and_serial(own)),
                "digest_algorithm": {"algorithm": "sha256"},
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": algorithm},
                "signature": spoiled(signature) if broken else signature,
            }
        ],
    }
    if with_certificates:
        chain = [x509.Certificate.load(each) for each in _ders(signer)]
        fields["certificates"] = [cms.CertificateChoices("certificate", each) for each in (own, *chain)]
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(fields)})


def _attributes(content: bytes, own: x509.Certificate, moment: datetime) -> cms.CMSAttributes:
    """Return the signed attributes; the signing certificate is named by its SHA-256 digest, the default of v2."""
    named = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(own.dump()).digest()})
    values: list[tuple[str, Any]] = [
        ("content_type", "tst_info"),
        ("signing_time", cms.Time("utc_time", core.UTCTime(moment))),
        ("message_digest", hashlib.sha256(content).digest()),
        ("signing_certificate_v2", tsp.SigningCertificateV2({"certs": [named]})),
    ]
    attributes = [cms.CMSAttribute({"type": kind, "values": [value]}) for kind, value in values]
    return cms.CMSAttributes(attributes)


def _issuer_and_serial(own: x509.Certificate) -> cms.IssuerAndSerialNumber:
    return cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number})


def _certificate(signer: Identity) -> x509.Certificate:
    return x509.Certificate.load(signer.der())


def _ders(signer: Identity) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in signer.chain]
