"""The verdict about a SOAP message in a file (kind `wsse`)."""

from __future__ import annotations

from itertools import islice
from typing import Final

from cryptography import x509

from gateway.errors import Refusal
from gateway.formats import soap
from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.signing.question import Question
from gateway.signing.trust import describe
from gateway.signing.wssecurity.keys import certificates_of
from gateway.signing.wssecurity.names import DS, SECURITY, TOKEN
from gateway.signing.wssecurity.rules import Rules
from gateway.signing.wssecurity.verify import verify_message

MAX_LISTED: Final = 32
_HOLDERS: Final = (TOKEN, f"{{{DS}}}X509Certificate")
_STRICT: Final = Rules()
_LENIENT: Final = Rules(timestamp="if present", attachments="signed")


def judge(content: bytes, question: Question) -> Verdict:
    """The verdict about *content*: a SOAP envelope, or MIME headers and the multipart/related that holds one.

    The question's moment is "now": a Timestamp must be fresh at it. Attachments of a bare envelope are the detached
    files, their names as Content-IDs. Under *production* a Timestamp is required and every attachment must be signed;
    under *compat* a message may come without a Timestamp, and unsigned attachments are merely not handed on. A single
    file says nothing of replays. Raises NotValid.
    """
    rules = _STRICT if question.policy.name == "production" else _LENIENT
    found = verify_message(content, question=question, now=question.at, rules=rules)
    certificate = found.signer.certificate
    return Verdict(
        Judgement.VALID,
        "ok",
        "" if found.timestamp else "no Timestamp says when the message was made",
        signer=found.signer.name,
        signed_at=found.timestamp.created if found.timestamp else None,
        scope=found.scope,
        signed=found.signed,
        certificate=describe.fingerprint(certificate) if certificate else "",
        signatures=found.signatures,
    )


def certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates in the Security headers of *content*, as far as they can be read, at most MAX_LISTED."""
    try:
        blocks = soap.parse_soap(content).envelope.blocks
    except (Refusal, NotValid):
        return ()
    found = (element for block in blocks if block.name == SECURITY for element in block.element.iter(*_HOLDERS))
    return tuple(islice((one for element in found for one in certificates_of(element)), MAX_LISTED))
