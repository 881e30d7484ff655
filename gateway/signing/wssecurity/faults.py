"""How a refused message is answered: the fault codes of WS-Security (WSS 1.1.1 §12), without the reason's detail.

The detail would tell a forger what to change; it goes into the log of whoever raised it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.formats.soap_fault import SoapFault
from gateway.model.verdict import Judgement, NotValid
from gateway.signing.wssecurity.names import WSSE

_UNSUPPORTED: Final = "UnsupportedAlgorithm"
_INVALID: Final = "InvalidSecurity"
_TOKEN: Final = "InvalidSecurityToken"  # noqa: S105
_FAILED: Final = "FailedCheck"
_AUTHENTICATION: Final = "FailedAuthentication"
_UNAVAILABLE: Final = "SecurityTokenUnavailable"
_EXPIRED: Final = "MessageExpired"

_TEXTS: Final[Mapping[str, str]] = {
    _UNSUPPORTED: "An unsupported signature or encryption algorithm was used",
    _INVALID: "An error was discovered processing the <wsse:Security> header",
    _TOKEN: "An invalid security token was provided",
    _FAILED: "The signature or decryption was invalid",
    _AUTHENTICATION: "The security token could not be authenticated or authorized",
    _UNAVAILABLE: "Referenced security token could not be retrieved",
    _EXPIRED: "The message has expired",
}
_CODES: Final[Mapping[str, str]] = {
    "algorithm.": _UNSUPPORTED,
    "signature.absent": _INVALID,
    "signature.ambiguous": _INVALID,
    "signature.place": _INVALID,
    "signature.reference": _INVALID,
    "malformed": _INVALID,
    "signature.time": _EXPIRED,
    "signature.": _FAILED,
    "key.": _AUTHENTICATION,
    "chain.unknown": _AUTHENTICATION,
    "certificate.speaker": _AUTHENTICATION,
    "chain.": _TOKEN,
    "certificate.": _TOKEN,
}
_OURS: Final = ("revocation.", "limit.", "timestamp.", "internal")


def fault_for(fault: NotValid, *, role: str = "") -> SoapFault:
    """The SOAP fault that answers *fault*: the sender's unless we could not check; *role* is who noticed it."""
    if fault.reason == "header.not_understood":
        return SoapFault("must_understand", "A mandatory header block was not understood", role=role)
    unsure = fault.reason.startswith(_OURS) or (
        fault.reason.startswith("signature.") and fault.judgement is Judgement.INDETERMINATE
    )
    if unsure:
        return SoapFault("receiver", "The message could not be checked now; send it again later", role=role)
    code = next((code for start, code in _CODES.items() if fault.reason.startswith(start)), _INVALID)
    return SoapFault("sender", _TEXTS[code], subcode=f"{{{WSSE}}}{code}", role=role)
