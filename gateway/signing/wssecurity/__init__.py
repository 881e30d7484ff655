"""WS-Security of SOAP messages (OASIS WSS 1.0/1.1.1, X.509 Token Profile, SwA Profile), SOAP 1.1 and 1.2.

`verify_message` says what a message proves, and hands on nothing but signed bytes; `prepare` signs one in two steps;
`fault_for` answers a refused one. Not done: encryption, SAML, Kerberos and user name tokens (passed over), derived
keys, Attachment-Complete-Signature-Transform.
"""

from gateway.signing.wssecurity.attachments import Attachment
from gateway.signing.wssecurity.faults import fault_for
from gateway.signing.wssecurity.judge import certificates, judge
from gateway.signing.wssecurity.model import SignedAttachment, SignedElement, VerifiedMessage
from gateway.signing.wssecurity.prepare import PreparedMessage, prepare
from gateway.signing.wssecurity.replay import ReplayCache
from gateway.signing.wssecurity.rules import UNDERSTOOD, Replays, Rules
from gateway.signing.wssecurity.stamp import Timestamp
from gateway.signing.wssecurity.token_forms import TokenForm
from gateway.signing.wssecurity.verify import verify_message

__all__ = [
    "UNDERSTOOD",
    "Attachment",
    "PreparedMessage",
    "ReplayCache",
    "Replays",
    "Rules",
    "SignedAttachment",
    "SignedElement",
    "Timestamp",
    "TokenForm",
    "VerifiedMessage",
    "certificates",
    "fault_for",
    "judge",
    "prepare",
    "verify_message",
]
