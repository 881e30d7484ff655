"""What the file itself brings to be validated by: the document security store (ETSI EN 319 142-1 §5.4.2)."""

# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any, Final

from cryptography import x509
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose

from gateway.model.verdict import NotValid
from gateway.signing.pades.revision import Revision, entry, reading
from gateway.signing.trust.armour import certificate
from gateway.signing.trust.judge import Detached

_MAX_PARTS: Final = 2000
_LISTS: Final = {
    "/Certs": DecodePurpose.CERTIFICATE,
    "/OCSPs": DecodePurpose.OCSP_RESPONSE,
    "/CRLs": DecodePurpose.CRL,
}


def security_store(revision: Revision) -> Detached:
    """The certificates, OCSP responses and CRLs of the /DSS; a certificate that does not decode is passed over.

    /VRI only points to members of these lists. Raises NotValid malformed, limit.exceeded.
    """
    found = Detached()
    with reading("the DSS"):
        store = revision.get(entry(revision.root, "/DSS"))
        for key, purpose in _LISTS.items():
            for der in _streams(revision, entry(store, key), purpose):
                _sort(key, der, found)
    return found


def _sort(key: str, der: bytes, found: Detached) -> None:
    if key == "/OCSPs":
        found.ocsp.append(der)
    elif key == "/CRLs":
        found.crls.append(der)
    elif (one := _certificate(der)) is not None:
        found.certificates.append(one)


def _streams(revision: Revision, raw: Any, purpose: DecodePurpose) -> list[bytes]:
    listed = revision.get(raw)
    if not isinstance(listed, generic.ArrayObject):
        return []
    if len(listed) > _MAX_PARTS:
        raise NotValid("limit.exceeded", "the DSS holds too much")
    parts = (revision.get(each) for each in listed)
    return [part.read_data(purpose) for part in parts if isinstance(part, generic.StreamObject)]


def _certificate(der: bytes) -> x509.Certificate | None:
    try:
        return certificate(der)
    except NotValid:
        return None
