"""The statement inside a time stamp: TSTInfo (RFC 3161 §2.4.2, ETSI EN 319 422 §5.2), read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from asn1crypto import algos, core, tsp

from gateway.model.verdict import NotValid
from gateway.signing.cms import ber
from gateway.signing.cms.ber import Fields, Reader, Value
from gateway.signing.cms.reading import digest_name
from gateway.signing.trust.armour import decoding

_MOMENT: Final = re.compile(rb"(\d{14})(?:\.(\d{1,9}))?Z")
_MAX_ACCURACY: Final = 366 * 86400
_BOOLEAN: Final = 0x01


@dataclass(frozen=True, slots=True)
class Statement:
    """What the authority says: the digest *imprint* by *digest* existed at *at*. *tsa* is its name as asn1crypto's
    GeneralName, if given; *critical*: OIDs of critical extensions.
    """

    policy: str
    digest: str
    imprint: bytes
    serial: int
    at: datetime
    accuracy: timedelta
    nonce: int | None
    tsa: Any
    critical: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imprint:
    """What a request asked for (RFC 3161 §2.4.1). *policy* "" and *nonce* None where not given."""

    digest: str
    imprint: bytes
    policy: str
    nonce: int | None


def read_statement(raw: bytes) -> Statement:
    """Decode a TSTInfo. Raises NotValid malformed."""
    with decoding("the TSTInfo"):
        reader = Reader(2000)
        fields = Fields(reader.parts(reader.one(raw), ber.SEQUENCE))
        if ber.integer(fields.next(ber.INTEGER)) != 1:
            raise ValueError("another version")
        policy = ber.oid(fields.next(ber.OID))
        digest, imprint = _imprint(reader, fields.next(ber.SEQUENCE))
        serial = _serial(fields.next(ber.INTEGER))
        at = _moment(fields.next(ber.GENERALIZED_TIME))
        accuracy = _accuracy(reader, fields.optional(ber.SEQUENCE))
        fields.optional(_BOOLEAN)
        nonce = fields.optional(ber.INTEGER)
        tsa = fields.optional(ber.ZERO)
        extensions = fields.optional(ber.ZERO + 1)
        fields.end()
        return Statement(
            policy=policy,
            digest=digest,
            imprint=imprint,
            serial=serial,
            at=at,
            accuracy=accuracy,
            nonce=None if nonce is None else _serial(nonce),
            tsa=None if tsa is None else tsp.GeneralName.load(reader.encoded(reader.sole(tsa)), strict=True),
            critical=() if extensions is None else _critical(reader, extensions),
        )


def read_request(raw: bytes) -> Imprint:
    """Decode a TimeStampReq. Raises NotValid malformed."""
    with decoding("the time stamp request"):
        reader = Reader(2000)
        fields = Fields(reader.parts(reader.one(raw), ber.SEQUENCE))
        if ber.integer(fields.next(ber.INTEGER)) != 1:
            raise ValueError("another version")
        digest, imprint = _imprint(reader, fields.next(ber.SEQUENCE))
        policy = fields.optional(ber.OID)
        nonce = fields.optional(ber.INTEGER)
        fields.optional(_BOOLEAN)
        fields.optional(ber.ZERO)
        fields.end()
        return Imprint(
            digest, imprint, "" if policy is None else ber.oid(policy), None if nonce is None else _serial(nonce)
        )


def check_asked(statement: Statement, asked: Imprint) -> None:
    """Whether *statement* answers *asked* (RFC 3161 §2.2). Raises NotValid timestamp.invalid."""
    if (statement.digest, statement.imprint) != (asked.digest, asked.imprint):
        raise NotValid("timestamp.invalid", "the time stamp is over another digest than was asked for")
    if asked.nonce is not None and statement.nonce != asked.nonce:
        raise NotValid("timestamp.invalid", "the nonce is not the one that was sent")
    if asked.policy and statement.policy != asked.policy:
        raise NotValid("timestamp.invalid", "the policy is not the one that was asked for")


def _imprint(reader: Reader, value: Value) -> tuple[str, bytes]:
    algorithm, digest = reader.parts(value)
    name = digest_name(algos.DigestAlgorithm.load(reader.encoded(algorithm), strict=True))
    return name, reader.octets(digest)


def _serial(value: Value) -> int:
    return ber.integer(value)


def _moment(value: Value) -> datetime:
    """GeneralizedTime in GMT, with seconds, with or without a fraction (RFC 3161 §2.4.2)."""
    match = _MOMENT.fullmatch(bytes(value.body))
    if match is None:
        raise ValueError("genTime is not in GMT with seconds")
    whole = datetime.strptime(match[1].decode("ascii"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return whole + timedelta(microseconds=int((match[2] or b"0").ljust(6, b"0")[:6]))


def _accuracy(reader: Reader, value: Value | None) -> timedelta:
    if value is None:
        return timedelta(0)
    fields = Fields(reader.parts(value))
    seconds = _amount(fields.optional(ber.INTEGER), 0, _MAX_ACCURACY)
    millis = _amount(fields.optional(0x80), 1, 999)
    micros = _amount(fields.optional(0x81), 1, 999)
    fields.end()
    return timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _amount(value: Value | None, least: int, most: int) -> int:
    if value is None:
        return 0
    amount = int.from_bytes(value.body, signed=True)
    if not least <= amount <= most or len(value.body) > 8:
        raise ValueError("an accuracy out of its range")
    return amount


def _critical(reader: Reader, value: Value) -> tuple[str, ...]:
    found = []
    for one in reader.parts(value):
        extension = tsp.Extension.load(reader.encoded(one), strict=True)
        _ = extension.native
        if extension["critical"].native:
            found.append(str(extension["extn_id"].dotted))
    return tuple(found)


def names_its_authority(statement: Statement, certificate: Any) -> bool:
    """Whether the *tsa* field, if given, is one of the names in *certificate* (asn1crypto's; RFC 3161 §2.4.2)."""
    if statement.tsa is None:
        return True
    if statement.tsa.name == "directory_name" and statement.tsa.chosen.hashable == certificate.subject.hashable:
        return True
    alternatives = certificate.subject_alt_name_value
    if alternatives is None or isinstance(alternatives, core.Void):
        return False
    return any(one == statement.tsa for one in alternatives)
