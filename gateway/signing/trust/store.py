"""The trust directory (DESIGN §5): certificates as anchors, intermediates and pins; bare keys by file name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7

from gateway.errors import GatewayError
from gateway.model.verdict import NotValid
from gateway.signing.trust import armour
from gateway.signing.trust.model import TrustStore

_CERTIFICATE_NAMES = (".pem", ".crt", ".cer", ".der", ".ca-bundle", ".p7b", ".p7c")
_PUBLIC_KEY = ".pub.pem"
_SHARED_KEY = ".hmac"
_BUNDLE_LABELS = ("PKCS7", "PKCS #7 SIGNED DATA", "CMS")
_BUNDLE = bytes.fromhex("06092a864886f70d010702")
"""The object identifier of SignedData, with which such a bundle in DER begins (RFC 5652 §5.1)."""
_HEAD = 20


class TrustFault(GatewayError):
    """The trust directory cannot be used. *file* names the culprit."""

    def __init__(self, file: Path, detail: str) -> None:
        self.file = file
        self.detail = detail
        super().__init__(f"{file}: {detail}")


def load(directory: Path, *, strict: bool = False) -> TrustStore:
    """Read *directory* (not its sub-directories), in the order of file names.

    ``*.pub.pem`` are public keys and ``*.hmac`` shared keys (their bytes as they are), each under its stem; ``.pem .crt
    .cer .der .p7b .p7c`` hold certificates, one or several, PKCS #7 included; other names are passed over. A
    self-signed authority is an anchor, and so is a self-signed certificate that does not say what it is (version 1, or
    no basicConstraints).

    A file that cannot be read is passed over and named in `TrustStore.unread` (what is not read is not trusted), or
    under *strict* a TrustFault. Raises TrustFault too where the directory cannot be read.
    """
    try:
        files = sorted(entry for entry in directory.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as fault:
        raise TrustFault(directory, fault.strerror or "cannot be read") from fault
    certificates: list[x509.Certificate] = []
    public_keys: list[tuple[str, PublicKeyTypes]] = []
    shared_keys: list[tuple[str, bytes]] = []
    unread: list[str] = []
    for file in files:
        try:
            if file.name.endswith(_PUBLIC_KEY):
                public_keys.append((_stem(file, _PUBLIC_KEY), _key(file)))
            elif file.name.endswith(_SHARED_KEY):
                shared_keys.append((_stem(file, _SHARED_KEY), _secret(file)))
            elif file.name.lower().endswith(_CERTIFICATE_NAMES):
                certificates += _certificates(file)
        except TrustFault:
            if strict:
                raise
            unread.append(file.name)
    found = sorted_out(certificates, public_keys=tuple(public_keys), shared_keys=tuple(shared_keys))
    return replace(found, unread=tuple(unread))


def sorted_out(
    certificates: Sequence[x509.Certificate],
    *,
    public_keys: tuple[tuple[str, PublicKeyTypes], ...] = (),
    shared_keys: tuple[tuple[str, bytes], ...] = (),
) -> TrustStore:
    """A store of *certificates*, each in its role, doubles left out."""
    unique = {one.public_bytes(serialization.Encoding.DER): one for one in certificates}.values()
    anchors = tuple(one for one in unique if _is_anchor(one))
    others = [one for one in unique if one not in anchors]
    return TrustStore(
        anchors=anchors,
        intermediates=tuple(one for one in others if is_authority(one)),
        pinned=tuple(one for one in others if not is_authority(one)),
        public_keys=public_keys,
        shared_keys=shared_keys,
    )


def is_authority(one: x509.Certificate) -> bool:
    """Whether *one* calls itself a certification authority (RFC 5280 §4.2.1.9)."""
    return _authority(one) is True


def _authority(one: x509.Certificate) -> bool | None:
    """cA of basicConstraints; None where nothing is said (version 1, no such extension, unreadable)."""
    try:
        return one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, *armour.DECODING_FAULTS):
        return None


def _is_anchor(one: x509.Certificate) -> bool:
    return _authority(one) is not False and self_signed(one)


def self_signed(one: x509.Certificate) -> bool:
    """Whether *one* is issued under its own name (one that cannot be read is nobody's) and its own key signed it."""
    try:
        if one.issuer != one.subject:
            return False
    except armour.DECODING_FAULTS:
        return False
    try:
        one.verify_directly_issued_by(one)
    except InvalidSignature:
        return False
    except armour.DECODING_FAULTS:
        # A key or digest that the library no longer does; the policy refuses it when a chain is to rest on it.
        return True
    return True


def _certificates(file: Path) -> tuple[x509.Certificate, ...]:
    raw = _bytes(file)
    try:
        found = armour.blocks(raw)
        return tuple(one for block in found for one in _of_block(block))
    except NotValid as fault:
        raise TrustFault(file, fault.detail) from fault


def _of_block(block: armour.Block) -> Sequence[x509.Certificate]:
    """The certificates of one object; none if it is of another kind. Raises NotValid malformed."""
    if block.label in _BUNDLE_LABELS or (not block.label and _BUNDLE in block.der[:_HEAD]):
        with armour.decoding("the bundle of certificates"):
            return pkcs7.load_der_pkcs7_certificates(block.der)
    return armour.certificates((block,))


def _key(file: Path) -> PublicKeyTypes:
    try:
        return serialization.load_pem_public_key(_bytes(file))
    except armour.DECODING_FAULTS as fault:
        raise TrustFault(file, "not a public key in PEM") from fault


def _secret(file: Path) -> bytes:
    """An empty file is no secret: whoever knows that it is empty could sign."""
    found = _bytes(file)
    if not found:
        raise TrustFault(file, "an empty shared key")
    return found


def _bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            raw = opened.read(armour.MAX_BYTES + 1)
    except OSError as fault:
        raise TrustFault(file, fault.strerror or "cannot be read") from fault
    if len(raw) > armour.MAX_BYTES:
        raise TrustFault(file, "larger than 64 MiB")
    return raw


def _stem(file: Path, ending: str) -> str:
    return file.name[: -len(ending)]
