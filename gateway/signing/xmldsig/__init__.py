"""XML Signature (W3C XMLDSig 1.1, RFC 6931): what exactly was signed, by which key, and how to make such a signature.

`verify_signature` answers for one ds:Signature in a parsed tree: structure, key, SignatureValue and every digest.
Whether the key's certificate is believed is asked apart (`trusted_signer`), because the moment may come from a time
stamp. `prepare` makes a signature in two steps. Trees come from `gateway.formats.safexml`; verifying changes none.
"""

from gateway.signing.xmldsig.c14n import canonical
from gateway.signing.xmldsig.ids import ID_ATTRIBUTES, Ids
from gateway.signing.xmldsig.judge import certificates, judge
from gateway.signing.xmldsig.model import (
    Candidate,
    Canonical,
    NodeSet,
    Octets,
    Rules,
    Signer,
    VerifiedReference,
    VerifiedSignature,
)
from gateway.signing.xmldsig.sign import NewReference, PreparedSignature, Transform, prepare
from gateway.signing.xmldsig.signer import trusted_signer
from gateway.signing.xmldsig.verify import check_manifests, signatures_in, verify_signature

__all__ = [
    "ID_ATTRIBUTES",
    "Candidate",
    "Canonical",
    "Ids",
    "NewReference",
    "NodeSet",
    "Octets",
    "PreparedSignature",
    "Rules",
    "Signer",
    "Transform",
    "VerifiedReference",
    "VerifiedSignature",
    "canonical",
    "certificates",
    "check_manifests",
    "judge",
    "prepare",
    "signatures_in",
    "trusted_signer",
    "verify_signature",
]
