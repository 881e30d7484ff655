"""What the signed properties say of the signature and its content (EN 319 132-1 §5.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.policy import Policy
from gateway.signing.xades.encoding import base64_bytes
from gateway.signing.xades.names import XADES_141, children, digest_of, only, text
from gateway.signing.xades.properties import Properties
from gateway.signing.xmldsig import VerifiedReference
from gateway.signing.xmldsig.uris import DS

_MOMENT: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Statement:
    """*claimed_at*: SigningTime, None if not said. *policy*: the identifier of an explicit signature policy, "" if
    implied or none; *policy_checked*: whether its document was at hand and is the one meant. *formats*: reference id to
    MIME type.
    """

    claimed_at: datetime | None
    policy: str
    policy_checked: bool
    formats: Mapping[str, str]


def signature_properties(properties: Properties) -> Element | None:
    """SignedSignatureProperties."""
    return only(properties.signed, "SignedSignatureProperties", properties.form)


def read_statement(
    properties: Properties,
    references: Sequence[VerifiedReference],
    *,
    policy: Policy,
    detached: Mapping[str, bytes],
) -> Statement:
    """Read and check them. Raises NotValid signature.properties: a DataObjectFormat that is about no reference, or a
    signature policy whose document is another; malformed.
    """
    about = signature_properties(properties)
    form = properties.form
    moment = only(about, "SigningTime", form) if about is not None else None
    identifier = only(about, "SignaturePolicyIdentifier", form) if about is not None else None
    name, checked = _policy(identifier, form, policy, detached) if identifier is not None else ("", False)
    return Statement(
        _moment(text(moment)) if moment is not None else None,
        name,
        checked,
        _formats(properties, references),
    )


def _moment(said: str) -> datetime:
    """xs:dateTime; without a zone it is UTC."""
    match = _MOMENT.fullmatch(said)
    if match is None:
        raise NotValid("malformed", "not a date and time", "SigningTime")
    year, month, day, hour, minute, second = (int(match[place]) for place in range(1, 7))
    micro = int((match[7] or "0").ljust(6, "0")[:6])
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=_zone(match[8]))
    except ValueError as fault:
        raise NotValid("malformed", "not a date and time", "SigningTime") from fault


def _zone(said: str | None) -> timezone:
    if said is None or said == "Z":
        return timezone.utc  # noqa: UP017 (one type for both)
    offset = timedelta(hours=int(said[1:3]), minutes=int(said[4:6]))
    return timezone(-offset if said[0] == "-" else offset)


def _formats(properties: Properties, references: Sequence[VerifiedReference]) -> dict[str, str]:
    """§5.2.4: every DataObjectFormat is about one reference of this signature."""
    form = properties.form
    about = only(properties.signed, "SignedDataObjectProperties", form)
    known = {one.id for one in references if one.id}
    found: dict[str, str] = {}
    for one in children(about, "DataObjectFormat", form) if about is not None else ():
        name = one.get("ObjectReference", "")
        if name.removeprefix("#") not in known or not name.startswith("#"):
            raise NotValid("signature.properties", "it is about no reference of this signature", "DataObjectFormat")
        found[name[1:]] = text(only(one, "MimeType", form))
    return found


def _policy(identifier: Element, form: str, policy: Policy, detached: Mapping[str, bytes]) -> tuple[str, bool]:
    """§5.2.9: the identifier, and whether the document of that digest is among *detached*.

    A file is taken for the document by its name: the last part of the identifier or of an SPURI.
    """
    explicit = only(identifier, "SignaturePolicyId", form)
    if explicit is None:
        return "", False
    named = only(explicit, "SigPolicyId", form)
    name = text(only(named, "Identifier", form)) if named is not None else ""
    digest = only(explicit, "SigPolicyHash", form)
    if not name or digest is None:
        raise NotValid("malformed", "a signature policy without identifier or digest", "SignaturePolicyIdentifier")
    names = [name, *(text(one) for one in explicit.iter(f"{{{form}}}SPURI"))]
    files = [detached[last] for one in names if (last := re.split(r"[/:]", one)[-1]) and last in detached]
    if not files or only(explicit, "Transforms", DS) is not None:
        return name, False
    method = only(digest, "DigestMethod", DS)
    value = base64_bytes(text(only(digest, "DigestValue", DS)), "SigPolicyHash")
    uri = method.get("Algorithm", "") if method is not None else ""
    if not any(digest_of(uri, one, policy, "SigPolicyHash") == value for one in files):
        raise NotValid("signature.properties", "the document of the signature policy is another", "SigPolicyHash")
    return name, True


def unread(properties: Properties) -> tuple[str, ...]:
    """Signed content time stamps, which are not examined and prove nothing here."""
    about = only(properties.signed, "SignedDataObjectProperties", properties.form)
    names = ("AllDataObjectsTimeStamp", "IndividualDataObjectsTimeStamp")
    if about is None:
        return ()
    return tuple(name for name in names if children(about, name, properties.form, XADES_141))
