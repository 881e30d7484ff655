"""A file of a time stamp: the authority's answer (TimeStampResp, RFC 3161 §2.4.2) or the token alone, DER or PEM."""

from __future__ import annotations

from gateway.model.verdict import NotValid
from gateway.signing.cms import ber
from gateway.signing.cms.ber import Fields, Reader, Value
from gateway.signing.timestamp.token import MAX_TOKEN
from gateway.signing.trust.armour import blocks, decoding

_BIT_STRING = 0x03
_GRANTED = (0, 1)
_STATUS = ("granted", "grantedWithMods", "rejection", "waiting", "revocationWarning", "revocationNotification")


def token_of(raw: bytes) -> bytes:
    """The token (a ContentInfo) in a file *raw*, in DER, in BER or as one PEM block.

    Raises NotValid malformed, limit.exceeded; timestamp.invalid where the authority granted none.
    """
    if len(raw) > MAX_TOKEN:
        raise NotValid("limit.exceeded", "a time stamp of more than 8 MiB")
    if raw[:1] != b"\x30":
        found = blocks(raw)
        if len(found) != 1:
            raise NotValid("malformed", "not one time stamp")
        raw = found[0].der
    with decoding("the time stamp"):
        reader = Reader()
        whole = reader.one(raw)
        fields = Fields(reader.parts(whole, ber.SEQUENCE))
        status = fields.optional(ber.SEQUENCE)
        if status is None:
            return raw
        answer = _status(reader, status)
        token = fields.optional(ber.SEQUENCE)
        fields.end()
    if answer not in _GRANTED:
        said = _STATUS[answer] if 0 <= answer < len(_STATUS) else str(answer)
        raise NotValid("timestamp.invalid", f"the authority granted no time stamp: {said}")
    if token is None:
        raise NotValid("malformed", "granted, but without a time stamp")
    return token.der


def _status(reader: Reader, value: Value) -> int:
    fields = Fields(reader.parts(value))
    answer = ber.integer(fields.next(ber.INTEGER))
    fields.optional(ber.SEQUENCE)
    fields.optional(_BIT_STRING)
    fields.end()
    return answer
