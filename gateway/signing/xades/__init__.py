"""XAdES signatures (ETSI EN 319 132-1, TS 101 903): read at levels B, T and LT, and made.

`verify_xades` answers for one ds:Signature in a parsed tree, `judge` for a file. `prepare` makes level B in two steps;
`bytes_to_stamp` and `add_stamp` raise it to T, `add_values` to LT.
"""

from gateway.signing.xades.augment import add_stamp, add_values, bytes_to_stamp, document_bytes
from gateway.signing.xades.judge import certificates, judge
from gateway.signing.xades.sign import SignedContent, prepare
from gateway.signing.xades.signed import Statement
from gateway.signing.xades.verify import VerifiedXades, verify_xades

__all__ = [
    "SignedContent",
    "Statement",
    "VerifiedXades",
    "add_stamp",
    "add_values",
    "bytes_to_stamp",
    "certificates",
    "document_bytes",
    "judge",
    "prepare",
    "verify_xades",
]
