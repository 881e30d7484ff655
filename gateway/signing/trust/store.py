"""The trust directory (DESIGN §5): certificates as anchors, intermediates and pins; bare keys by file name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from gateway.errors import GatewayError
from gateway.model.verdict import NotValid
from gateway.signing.trust import armour
from gateway.signing.trust.model import TrustStore

_CERTIFICATE_NAMES = (".pem", ".crt", ".cer", ".der", ".ca-bundle", ".p7c")
_PUBLIC_KEY = ".pub.pem"
_SHARED_KEY = ".hmac"


class TrustFault(GatewayError):
    """The trust directory cannot be used. *file* names the culprit."""

    def __init__(self, file: Path, detail: str) -> None:
        self.file = file
        self.detail = detail
        super().__init__(f"{file}: {detail}")


def load(directory: Path) -> TrustStore:
    """Read *directory* (not its sub-directories), in the order of file names.

    ``*.pub.pem`` are public keys and ``*.hmac`` shared keys (their bytes as they are), each under its stem; ``.pem .crt
    .cer .der`` hold certificates; other names are passed over. A self-signed authority is an anchor, and so is a
    self-signed certificate that does not say what it is (version 1, or no basicConstraints). Raises TrustFault.
    """
    try:
        files = sorted(entry for entry in directory.iterdir() if entry.is_file() and not entry.name.startswith("."))
    except OSError as fault:
        raise TrustFault(directory, fault.strerror or "cannot be read") from fault
    found = [one for file in files for one in _certificates(file)]
    return sorted_out(
        found,
        public_keys=tuple((_stem(file, _PUBLIC_KEY), _key(file)) for file in files if file.name.endswith(_PUBLIC_KEY)),
        shared_keys=tuple((_stem(file, _SHARED_KEY), _bytes(file)) for file in files if file.suffix == _SHARED_KEY),
    )


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


def _certificates(file: Path) -> Iterator[x509.Certificate]:
    name = file.name.lower()
    if not name.endswith(_CERTIFICATE_NAMES) or name.endswith(_PUBLIC_KEY):
        return
    try:
        yield from armour.certificates(armour.blocks(_bytes(file)))
    except NotValid as fault:
        raise TrustFault(file, fault.detail) from fault


def _key(file: Path) -> PublicKeyTypes:
    try:
        return serialization.load_pem_public_key(_bytes(file))
    except armour.DECODING_FAULTS as fault:
        raise TrustFault(file, "not a public key in PEM") from fault


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
