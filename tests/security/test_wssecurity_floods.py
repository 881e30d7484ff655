"""Messages made to keep a receiver busy: refused, or done, within two seconds of work."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from lxml import etree

from gateway.model.verdict import NotValid
from gateway.signing.xmldsig import NewReference
from tests.unit.trust_pki import make
from tests.unit.wss_messages import (
    DS,
    EXCLUSIVE,
    USUAL,
    WSSE,
    by_hand,
    envelope,
    people,
    raw,
    signed,
    tree,
    verified,
)

SECONDS = 2.0


def many_signatures() -> bytes:
    root = tree(signed())
    security = root.find(f".//{{{WSSE}}}Security")
    text = etree.tostring(security.find(f"{{{DS}}}Signature"))
    return raw(root).replace(b"</wsse:Security>", text * 500 + b"</wsse:Security>")


def many_tokens() -> bytes:
    message = signed()
    start = message.index(b"<wsse:BinarySecurityToken")
    end = message.index(b"</wsse:BinarySecurityToken>") + 27
    return message[:end] + message[start:end].replace(b"wsu:Id", b"wsu:Ix") * 5000 + message[end:]


def many_references() -> bytes:
    return by_hand(lambda *_: [*USUAL, *(NewReference("#body", EXCLUSIVE) for _ in range(62))])


def many_headers_signed() -> bytes:
    names = [f"h{at}" for at in range(62)]
    blocks = "".join(f'<w:W xmlns:w="urn:w" Id="{name}">{"<w:X/>" * 500}</w:W>' for name in names)
    return by_hand(
        lambda *_: [*USUAL, *(NewReference(f"#{name}", EXCLUSIVE) for name in names)], envelope(headers=blocks)
    )


def many_ids() -> bytes:
    return signed(envelope(payload="".join(f'<p:L Id="{at}" ID="{at}" id="{at}"/>' for at in range(20_000))))


def strangers_large_message() -> bytes:
    stranger = make("CN=Stranger", key_label="stranger")
    return signed(envelope(payload="<p:L/>" * 120_000), holder=stranger)


def long_issuer() -> bytes:
    message = signed(token="issuer_serial")
    return message.replace(b"CN=Issuing", b"CN=" + b'"' * 3000 + b"\\" * 900, 1)


def long_text_in_token() -> bytes:
    return signed().replace(b"</wsse:BinarySecurityToken>", b" " * (8 << 20) + b"</wsse:BinarySecurityToken>")


FLOODS: list[Callable[[], bytes]] = [
    many_signatures,
    many_tokens,
    many_references,
    many_headers_signed,
    many_ids,
    strangers_large_message,
    long_issuer,
    long_text_in_token,
]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda made: made.__name__)
def test_a_flood_ends_within_two_seconds_of_work(flood: Callable[[], bytes]) -> None:
    message = flood()
    assert people()
    began = time.process_time()
    try:
        found = verified(message)
    except NotValid:
        found = None
    assert time.process_time() - began < SECONDS
    assert (found is not None) is (flood in (many_headers_signed, many_ids))
