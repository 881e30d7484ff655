"""Signature containers made on the spot: members, manifests, XAdES written by hand, ZIP archives right and wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cms_maker import Make, message
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, utils
from lxml import etree
from trust_pki import AT, Holder

ASIC = "http://uri.etsi.org/02918/v1.2.1#"
SIMPLE = b"application/vnd.etsi.asic-s+zip"
EXTENDED = b"application/vnd.etsi.asic-e+zip"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"


def container(members: Mapping[str, bytes] | Sequence[tuple[str, bytes]], comment: bytes = b"") -> bytes:
    """A ZIP with *members* in their order, `mimetype` stored and the others deflated."""
    whole = io.BytesIO()
    pairs = members.items() if isinstance(members, Mapping) else members
    with zipfile.ZipFile(whole, "w") as archive:
        archive.comment = comment
        for name, content in pairs:
            method = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return whole.getvalue()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _digest(content: bytes) -> str:
    return _b64(hashlib.sha256(content).digest())


def manifest(signature: str, files: Mapping[str, bytes], extra: str = "", space: str = ASIC) -> bytes:
    """An ASiCManifest that *signature* signs."""
    references = "".join(
        f'<DataObjectReference URI="{quote(name)}"><ds:DigestMethod Algorithm="{SHA256}"/>'
        f"<ds:DigestValue>{_digest(content)}</ds:DigestValue></DataObjectReference>"
        for name, content in files.items()
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><ASiCManifest xmlns="{space}" xmlns:ds="{DS}">'
        f'<SigReference URI="{signature}"/>{references}{extra}</ASiCManifest>'
    ).encode()


def signed(content: bytes, holder: Holder, make: Make | None = None) -> bytes:
    """A detached CAdES signature."""
    make = make or Make()
    make.detached = True
    return message(content, holder, make)


def simple(content: bytes, holder: Holder, name: str = "van-ban.pdf", make: Make | None = None) -> dict[str, bytes]:
    """The members of ASiC-S with CAdES."""
    return {"mimetype": SIMPLE, name: content, "META-INF/signature.p7s": signed(content, holder, make)}


def extended(files: Mapping[str, bytes], holder: Holder, make: Make | None = None) -> dict[str, bytes]:
    """The members of ASiC-E with CAdES over *files*."""
    place = "META-INF/signature001.p7s"
    listed = manifest(place, files)
    inner = {"META-INF/ASiCManifest001.xml": listed, place: signed(listed, holder, make)}
    return {"mimetype": EXTENDED, **files, **inner}


def xades(
    files: Mapping[str, bytes], holder: Holder, *, ids: str = "S1", uris: Mapping[str, str] | None = None
) -> bytes:
    """A file with one XAdES-B signature over *files*; *uris*: how some are referred to."""
    own = hashlib.sha256(holder.der).digest()
    properties = (
        f'<xades:SignedProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Id="{ids}-props">'
        f"<xades:SignedSignatureProperties><xades:SigningTime>{AT.strftime('%Y-%m-%dT%H:%M:%SZ')}</xades:SigningTime>"
        f'<xades:SigningCertificateV2><xades:Cert><xades:CertDigest><ds:DigestMethod xmlns:ds="{DS}" '
        f'Algorithm="{SHA256}"></ds:DigestMethod><ds:DigestValue xmlns:ds="{DS}">{_b64(own)}</ds:DigestValue>'
        "</xades:CertDigest></xades:Cert></xades:SigningCertificateV2></xades:SignedSignatureProperties>"
        "</xades:SignedProperties>"
    )
    canonical = _canonical(properties)
    transform = f'<ds:Transforms><ds:Transform Algorithm="{EXC}"></ds:Transform></ds:Transforms>'
    references = [_reference((uris or {}).get(name, quote(name)), content) for name, content in files.items()]
    kind = ' Type="http://uri.etsi.org/01903#SignedProperties"'
    references.append(_reference(f"#{ids}-props", canonical, kind, transform))
    info = (
        f'<ds:SignedInfo xmlns:ds="{DS}"><ds:CanonicalizationMethod Algorithm="{EXC}"></ds:CanonicalizationMethod>'
        f'<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#{_method(holder)}">'
        f"</ds:SignatureMethod>{''.join(references)}</ds:SignedInfo>"
    )
    value = _signature(_canonical(info), holder)
    return (
        f'<asic:XAdESSignatures xmlns:asic="{ASIC}"><ds:Signature xmlns:ds="{DS}" Id="{ids}">{info}'
        f"<ds:SignatureValue>{_b64(value)}</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>"
        f"{_b64(holder.der)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object>"
        f'<xades:QualifyingProperties xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" Target="#{ids}">{properties}'
        "</xades:QualifyingProperties></ds:Object></ds:Signature></asic:XAdESSignatures>"
    ).encode()


def _method(holder: Holder) -> str:
    return "rsa-sha256" if hasattr(holder.key, "decrypt") else "ecdsa-sha256"


def _reference(uri: str, content: bytes, kind: str = "", transforms: str = "") -> str:
    return (
        f'<ds:Reference{kind} URI="{uri}">{transforms}<ds:DigestMethod Algorithm="{SHA256}"></ds:DigestMethod>'
        f"<ds:DigestValue>{_digest(content)}</ds:DigestValue></ds:Reference>"
    )


def _canonical(xml: str) -> bytes:
    return bytes(etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True))


def _signature(content: bytes, holder: Holder) -> bytes:
    if _method(holder) == "rsa-sha256":
        return bytes(holder.key.sign(content, padding.PKCS1v15(), hashes.SHA256()))
    from cryptography.hazmat.primitives.asymmetric import ec

    r, s = utils.decode_dss_signature(holder.key.sign(content, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)
