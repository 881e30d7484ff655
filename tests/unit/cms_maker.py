"""CMS messages and time stamps made on the spot, right ones and wrong ones, for the tests of both."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ExtendedKeyUsage
from cryptography.x509.oid import ExtendedKeyUsageOID
from trust_pki import AT, Extension, Holder

DATA = "1.2.840.113549.1.7.1"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
ESS = "1.2.840.113549.1.9.16.2.12"
ESS_V2 = "1.2.840.113549.1.9.16.2.47"
PROTECTION = "1.2.840.113549.1.9.52"
STAMP = "1.2.840.113549.1.9.16.2.14"
STAMPER: Extension = (ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)

Attribute = tuple[str, list[bytes]]
_HASHES: dict[str, Any] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
    "sha3_256": hashes.SHA3_256,
}


def octets(raw: bytes) -> bytes:
    return bytes(core.OctetString(raw).dump())


def oid(dotted: str) -> bytes:
    return bytes(core.ObjectIdentifier(dotted).dump())


def digest(name: str, content: bytes) -> bytes:
    return hashlib.new(name, content).digest()


def ess_v2(der: bytes, name: str = "sha256", place: Any = None) -> bytes:
    one: dict[str, Any] = {"hash_algorithm": {"algorithm": name}, "cert_hash": digest(name, der)}
    if place is not None:
        one["issuer_serial"] = place
    return bytes(tsp.SigningCertificateV2({"certs": [tsp.ESSCertIDv2(one)]}).dump())


def ess_v1(der: bytes) -> bytes:
    return bytes(tsp.SigningCertificate({"certs": [tsp.ESSCertID({"cert_hash": digest("sha1", der)})]}).dump())


def issuer_serial(holder: Holder, *, serial: int | None = None) -> tsp.IssuerSerial:
    own = asn1.Certificate.load(holder.der)
    names = asn1.GeneralNames([asn1.GeneralName("directory_name", own.issuer)])
    return tsp.IssuerSerial({"issuer": names, "serial_number": serial or own.serial_number})


def attributes(content: bytes, holder: Holder, *, kind: str = DATA, name: str = "sha256") -> dict[str, list[bytes]]:
    """What a careful signer signs; tests change it before it is signed."""
    return {
        CONTENT_TYPE: [oid(kind)],
        MESSAGE_DIGEST: [octets(digest(name, content))],
        SIGNING_TIME: [bytes(cms.Time("utc_time", core.UTCTime(AT)).dump())],
        ESS_V2: [ess_v2(holder.der)],
    }


@dataclass
class Make:
    """How a message deviates from the plain one."""

    kind: str = DATA
    detached: bool = False
    name: str = "sha256"
    signature: str = ""
    """The OID of the signature algorithm, "" for the usual one of the key."""
    attributes: dict[str, list[bytes]] | None = field(default_factory=dict)
    """{}: as usual; None: none."""
    twice: Sequence[Attribute] = ()
    """Signed attributes added as further Attribute values, even of a type that is there."""
    unsigned: Sequence[Attribute] = ()
    in_order: bool = True
    by_key: bool = False
    certificates: Sequence[Holder] | None = None
    crls: Sequence[bytes] = ()
    pss: bool = False
    signers: int = 1
    signed_by: Any = None


def message(content: bytes, holder: Holder, make: Make | None = None) -> bytes:
    """A ContentInfo with a SignedData over *content* by *holder*."""
    make = make or Make()
    shown: dict[str, Any] = {"content_type": make.kind}
    if not make.detached:
        shown["content"] = core.ParsableOctetString(content)
    infos = [_signer(content, holder, make) for _ in range(make.signers)]
    fields: dict[str, Any] = {
        "version": "v3",
        "digest_algorithms": [{"algorithm": make.name}],
        "encap_content_info": shown,
        "signer_infos": infos,
    }
    inside = [holder] if make.certificates is None else make.certificates
    if inside:
        fields["certificates"] = [cms.CertificateChoices("certificate", asn1.Certificate.load(x.der)) for x in inside]
    if make.crls:
        fields["crls"] = [cms.RevocationInfoChoice.load(raw) for raw in make.crls]
    return bytes(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(fields)}).dump())


def _signer(content: bytes, holder: Holder, make: Make) -> cms.SignerInfo:
    own = asn1.Certificate.load(holder.der)
    place = cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number})
    fields: dict[str, Any] = {
        "version": "v3" if make.by_key else "v1",
        "sid": cms.SignerIdentifier("subject_key_identifier", own.key_identifier)
        if make.by_key
        else cms.SignerIdentifier("issuer_and_serial_number", place),
        "digest_algorithm": {"algorithm": make.name},
    }
    signed = content
    if make.attributes is not None:
        wanted = make.attributes or attributes(content, holder, kind=make.kind, name=make.name)
        listed = [_attribute(kind, values) for kind, values in (*wanted.items(), *make.twice)]
        listed.sort(reverse=not make.in_order)
        body = b"".join(listed)
        signed = b"\x31" + _length(len(body)) + body
        fields["signed_attrs"] = cms.CMSAttributes.load(signed)
    algorithm, fields["signature"] = _sign(make.signed_by or holder.key, signed, make)
    fields["signature_algorithm"] = algorithm
    if make.unsigned:
        body = b"".join(_attribute(kind, values) for kind, values in make.unsigned)
        fields["unsigned_attrs"] = cms.CMSAttributes.load(b"\x31" + _length(len(body)) + body)
    return cms.SignerInfo(fields)


def _attribute(kind: str, values: Sequence[bytes]) -> bytes:
    body = b"".join(values)
    whole = oid(kind) + b"\x31" + _length(len(body)) + body
    return b"\x30" + _length(len(whole)) + whole


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes((size,))
    raw = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((0x80 | len(raw),)) + raw


def _sign(key: Any, signed: bytes, make: Make) -> tuple[Any, bytes]:
    chosen = _HASHES[make.name]()
    if isinstance(key, rsa.RSAPrivateKey) and make.pss:
        salt = chosen.digest_size
        value = key.sign(signed, padding.PSS(padding.MGF1(chosen), salt), chosen)
        mask = {"algorithm": "mgf1", "parameters": {"algorithm": make.name}}
        parameters = {"hash_algorithm": {"algorithm": make.name}, "mask_gen_algorithm": mask, "salt_length": salt}
        return algos.SignedDigestAlgorithm(
            {"algorithm": "rsassa_pss", "parameters": algos.RSASSAPSSParams(parameters)}
        ), value
    if isinstance(key, rsa.RSAPrivateKey):
        usual, value = "1.2.840.113549.1.1.1", key.sign(signed, padding.PKCS1v15(), chosen)
    elif isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        usual, value = "1.3.101.112", key.sign(signed)
    else:
        suffix = {"sha1": "1", "sha256": "3.2", "sha384": "3.3", "sha512": "3.4"}.get(make.name, "3.2")
        usual, value = f"1.2.840.10045.4.{suffix}", key.sign(signed, ec.ECDSA(chosen))
    return algos.SignedDigestAlgorithm({"algorithm": make.signature or usual}), value


def streamed(message_der: bytes) -> bytes:
    """The same message in BER: outer values of indefinite length, the content in two pieces."""
    info = cms.ContentInfo.load(message_der)
    inner = info["content"]
    shown = inner["encap_content_info"]
    whole = None if isinstance(shown["content"], core.Void) else shown["content"].native
    pieces = b""
    if whole is not None:
        middle = len(whole) // 2
        pieces = b"\xa0\x80\x24\x80" + octets(whole[:middle]) + octets(whole[middle:]) + b"\0\0" * 2
    rest = [inner[name].dump() for name in ("certificates", "crls", "signer_infos")]
    head = inner["version"].dump() + inner["digest_algorithms"].dump()
    body = head + b"\x30\x80" + shown["content_type"].dump() + pieces + b"\0\0" + b"".join(rest)
    return b"\x30\x80" + oid("1.2.840.113549.1.7.2") + b"\xa0\x80\x30\x80" + body + b"\0\0" * 3


def statement(imprinted: bytes, *, name: str = "sha256", at: datetime | bytes = AT, **more: Any) -> bytes:
    """A TSTInfo over *imprinted*; *at* as bytes stands as the text of genTime."""
    fields: dict[str, Any] = {
        "version": 1,
        "policy": "2.999.1",
        "message_imprint": {"hash_algorithm": {"algorithm": name}, "hashed_message": digest(name, imprinted)},
        "serial_number": 7,
        "gen_time": at if isinstance(at, datetime) else AT,
        **more,
    }
    raw = bytes(tsp.TSTInfo(fields).dump())
    if isinstance(at, bytes):
        old = bytes(core.GeneralizedTime(AT).dump())
        raw = _replaced(raw, old, b"\x18" + _length(len(at)) + at)
    return raw


def _replaced(raw: bytes, old: bytes, new: bytes) -> bytes:
    assert raw.count(old) == 1
    body = core.Sequence.load(raw).contents.replace(old, new)
    return b"\x30" + _length(len(body)) + body


def token(imprinted: bytes, holder: Holder, make: Make | None = None, **stated: Any) -> bytes:
    """A TimeStampToken by *holder* over *imprinted*."""
    make = make or Make()
    make.kind = TST_INFO if make.kind == DATA else make.kind
    return message(statement(imprinted, **stated), holder, make)


def response(token_der: bytes | None, status: int = 0) -> bytes:
    """A TimeStampResp around *token_der*."""
    body = b"\x30\x03\x02\x01" + bytes((status,)) + (token_der or b"")
    return b"\x30" + _length(len(body)) + body


def authority(issuer: Holder, *, subject: str = "CN=TSA,O=Test,C=VN", **wishes: Any) -> Holder:
    """A certificate for time stamps."""
    return issuer.issue(subject, extensions=[STAMPER, *wishes.pop("extensions", ())], **wishes)


HOUR = timedelta(hours=1)
