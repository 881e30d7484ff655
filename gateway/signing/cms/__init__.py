"""Cryptographic Message Syntax: SignedData (RFC 5652 §5), read strictly and verified to the bytes that were signed.

`read` takes the message apart, `verify` answers for one signer: the cryptography, the attributes and the certificate
they name. Whether that certificate is believed is the caller's question to `gateway.signing.trust.validate_chain`.
"""

from gateway.signing.cms.attributes import SIGNATURE_TIME_STAMP
from gateway.signing.cms.model import ID_DATA, ID_TST_INFO, Rules, SignedCms, SignedContent, Signer
from gateway.signing.cms.reading import read
from gateway.signing.cms.verification import verify

__all__ = [
    "ID_DATA",
    "ID_TST_INFO",
    "SIGNATURE_TIME_STAMP",
    "Rules",
    "SignedCms",
    "SignedContent",
    "Signer",
    "read",
    "verify",
]
