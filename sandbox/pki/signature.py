"""Signing DER for OCSP answers and time stamps, with the algorithm's name as asn1crypto has it."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from sandbox.pki.identity import Identity


def sign_der(signer: Identity, content: bytes) -> tuple[str, bytes]:
    """Return the signature algorithm's name and the signature with SHA-256 over `content`."""
    if isinstance(signer.key, ec.EllipticCurvePrivateKey):
        return "sha256_ecdsa", signer.key.sign(content, ec.ECDSA(hashes.SHA256()))
    return "sha256_rsa", signer.key.sign(content, padding.PKCS1v15(), hashes.SHA256())


def spoiled(signature: bytes) -> bytes:
    """Return a signature with its last bit turned: well formed still, and false."""
    return signature[:-1] + bytes([signature[-1] ^ 1])
