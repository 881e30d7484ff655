"""Reading a SignedData (RFC 5652 §5.1 to §5.3): strict about its shape, tolerant of BER."""

from __future__ import annotations

from typing import Final

from asn1crypto import algos
from cryptography import x509

from gateway.model.verdict import NotValid
from gateway.signing.cms import ber
from gateway.signing.cms.ber import Fields, Reader, Value
from gateway.signing.cms.model import Attributes, SignedCms, Signer
from gateway.signing.cms.revocation import of_message
from gateway.signing.trust import armour
from gateway.signing.trust.armour import decoding
from gateway.signing.trust.model import Evidence

MAX_BYTES: Final = 64 << 20
MAX_SIGNERS: Final = 64
MAX_CERTIFICATES: Final = 128
MAX_ATTRIBUTES: Final = 256

_MAX_REWRITTEN: Final = 64 << 10
"""Bytes of signed attributes that are put into DER where they are not."""
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_KEY_ID: Final = 0x80
_CONSTRUCTED_KEY_ID: Final = 0xA0


def read(raw: bytes) -> SignedCms:
    """Take the ContentInfo with a SignedData in *raw* apart: exactly one BER value, nothing after it.

    Raises NotValid malformed, algorithm.unsupported (another kind of content), limit.exceeded.
    """
    if len(raw) > MAX_BYTES:
        raise NotValid("limit.exceeded", "a CMS message of more than 64 MiB")
    with decoding("the CMS message"):
        reader = Reader()
        fields = Fields(reader.parts(reader.one(raw), ber.SEQUENCE))
        kind = ber.oid(fields.next(ber.OID))
        if kind != _SIGNED_DATA:
            raise NotValid("algorithm.unsupported", f"CMS content of type {kind}")
        content = reader.sole(fields.next(ber.ZERO))
        fields.end()
        return _signed(reader, content)


def _signed(reader: Reader, value: Value) -> SignedCms:
    fields = Fields(reader.parts(value, ber.SEQUENCE))
    ber.integer(fields.next(ber.INTEGER))
    fields.next(ber.SET)
    content_type, content = _content(reader, fields.next(ber.SEQUENCE))
    enclosed = fields.optional(ber.ZERO)
    revoked = fields.optional(ber.ZERO + 1)
    signers = reader.parts(fields.next(ber.SET))
    fields.end()
    if len(signers) > MAX_SIGNERS:
        raise NotValid("limit.exceeded", f"more than {MAX_SIGNERS} signers")
    certificates, unread = _certificates([] if enclosed is None else reader.parts(enclosed))
    return SignedCms(
        content_type=content_type,
        content=content,
        signers=tuple(_signer(reader, one) for one in signers),
        certificates=certificates,
        evidence=Evidence() if revoked is None else of_message(reader, revoked),
        unread=unread,
    )


def _content(reader: Reader, value: Value) -> tuple[str, bytes | None]:
    fields = Fields(reader.parts(value))
    content_type = ber.oid(fields.next(ber.OID))
    content = fields.optional(ber.ZERO)
    fields.end()
    if content is None:
        return content_type, None
    inner = reader.sole(content)
    if inner.tag not in (ber.OCTETS, ber.OCTETS | 0x20):
        raise NotValid("algorithm.unsupported", "content of PKCS #7 form, not an octet string")
    return content_type, reader.octets(inner)


def _certificates(values: list[Value]) -> tuple[tuple[x509.Certificate, ...], int]:
    """The certificates among *values*, doubles left out, and how many of another kind or unreadable there were."""
    if len(values) > MAX_CERTIFICATES:
        raise NotValid("limit.exceeded", f"more than {MAX_CERTIFICATES} certificates")
    found: dict[bytes, x509.Certificate] = {}
    unread = 0
    for value in values:
        try:
            if value.tag != ber.SEQUENCE:
                raise NotValid("malformed", "an attribute certificate or another form")
            found.setdefault(value.der, armour.certificate(value.der))
        except NotValid:
            unread += 1
    return tuple(found.values()), unread


def _signer(reader: Reader, value: Value) -> Signer:
    fields = Fields(reader.parts(value, ber.SEQUENCE))
    version = ber.integer(fields.next(ber.INTEGER))
    issuer, serial, key_id = _identifier(reader, fields.next(ber.SEQUENCE, _KEY_ID, _CONSTRUCTED_KEY_ID))
    digest = algos.DigestAlgorithm.load(reader.encoded(fields.next(ber.SEQUENCE)), strict=True)
    signed = fields.optional(ber.ZERO)
    algorithm = algos.SignedDigestAlgorithm.load(reader.encoded(fields.next(ber.SEQUENCE)), strict=True)
    for one in (digest, algorithm):
        _ = one["algorithm"].dotted, one["parameters"]  # read now: what is wrong in them must not come up later
    signature = reader.octets(fields.next(ber.OCTETS, ber.OCTETS | 0x20))
    unsigned = fields.optional(ber.ZERO + 1)
    fields.end()
    return Signer(
        version=version,
        issuer=issuer,
        serial=serial,
        key_id=key_id,
        digest=digest_name(digest),
        digest_algorithm=digest,
        algorithm=algorithm,
        signature=signature,
        signed=attributes(reader, signed),
        signed_forms=_forms(reader, signed),
        unsigned=attributes(reader, unsigned),
    )


def _identifier(reader: Reader, value: Value) -> tuple[bytes | None, int | None, bytes | None]:
    if value.tag != ber.SEQUENCE:
        return None, None, reader.octets(value, _KEY_ID)
    issuer, serial = reader.parts(value)
    return reader.encoded(issuer), ber.integer(serial), None


def digest_name(algorithm: algos.DigestAlgorithm) -> str:
    """The policy's name of a digest algorithm ("sha256"); its OID where it has none."""
    return str(algorithm["algorithm"].native).replace("_", "-")


def attributes(reader: Reader, value: Value | None) -> Attributes:
    """The attributes of a SET OF Attribute; those of one type that occur several times are put together."""
    found: dict[str, tuple[bytes, ...]] = {}
    if value is None:
        return found
    for attribute in reader.parts(value):
        kind, values = reader.parts(attribute, ber.SEQUENCE)
        name = ber.oid(kind)
        found[name] = (*found.get(name, ()), *(_value(reader, one) for one in reader.parts(values, ber.SET)))
        if sum(map(len, found.values())) > MAX_ATTRIBUTES:
            raise NotValid("limit.exceeded", f"more than {MAX_ATTRIBUTES} attributes")
    return found


def _value(reader: Reader, value: Value) -> bytes:
    return value.der if value.definite else reader.encoded(value)


def _forms(reader: Reader, value: Value | None) -> tuple[bytes, ...]:
    """What signers are known to have signed of their attributes: as they stand, which is the DER SET OF (§5.4) of any
    careful one; put in order; written anew in DER. All say the same.
    """
    if value is None:
        return ()
    parts = [_value(reader, part) for part in reader.parts(value)]
    forms = [ber.encode(ber.SET, b"".join(parts)), ber.encode(ber.SET, b"".join(sorted(parts)))]
    if len(value.body) <= _MAX_REWRITTEN:
        parts = [reader.encoded(part) for part in reader.parts(value)]
        forms.append(ber.encode(ber.SET, b"".join(sorted(parts))))
    if value.definite:
        forms.append(bytes((ber.SET,)) + bytes(value.whole[1:]))
    return tuple(dict.fromkeys(forms))
