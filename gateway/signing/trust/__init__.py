"""Trust: which certificates are believed, for what, and at which moment (RFC 5280, RFC 6960).

`load` reads a trust directory, `validate_chain` answers for a certificate at a moment from evidence at hand,
`verify_ocsp` for one response; `Gatherer` fetches the evidence beforehand.
"""

from gateway.signing.trust.chain import validate_chain
from gateway.signing.trust.describe import fingerprint, key_fingerprint, subject
from gateway.signing.trust.gather import Gathered, Gatherer, SourceFault
from gateway.signing.trust.judge import judge_ocsp, judge_x509
from gateway.signing.trust.limits import CONFORMANCE, SIGNATURE, Rigour
from gateway.signing.trust.model import Chain, Evidence, Purpose, Standing, TrustStore
from gateway.signing.trust.ocsp import OcspAnswer, verify_ocsp
from gateway.signing.trust.sources import GatherLimits
from gateway.signing.trust.store import TrustFault, load, sorted_out

__all__ = [
    "CONFORMANCE",
    "SIGNATURE",
    "Chain",
    "Evidence",
    "GatherLimits",
    "Gathered",
    "Gatherer",
    "OcspAnswer",
    "Purpose",
    "Rigour",
    "SourceFault",
    "Standing",
    "TrustFault",
    "TrustStore",
    "fingerprint",
    "judge_ocsp",
    "judge_x509",
    "key_fingerprint",
    "load",
    "sorted_out",
    "subject",
    "validate_chain",
    "verify_ocsp",
]
