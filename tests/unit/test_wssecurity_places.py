"""Signatures that hold and still say something else than it seems: genuinely made, and refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from gateway.formats import soap
from gateway.model.verdict import NotValid
from gateway.signing import xmldsig
from gateway.signing.wssecurity.coverage import matched
from gateway.signing.wssecurity.header import find_security
from gateway.signing.wssecurity.ids import MessageIds
from gateway.signing.wssecurity.places import Places
from gateway.signing.xmldsig import NewReference, Transform
from tests.unit.wss_messages import (
    DS,
    EXCLUSIVE,
    MARK,
    USUAL,
    WSSE,
    WSU,
    by_hand,
    envelope,
    people,
    question,
    tree,
    verified,
)

ENVELOPED = f"{DS}enveloped-signature"
STR = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform"


def refusal(message: bytes, **more: Any) -> NotValid:
    with pytest.raises(NotValid) as refused:
        verified(message, **more)
    return refused.value


def test_body_and_timestamp_signed_by_hand_are_what_a_receiver_needs() -> None:
    assert MARK in verified(by_hand(lambda *_: USUAL)).body.content


@pytest.mark.parametrize("left", [0, 1])
def test_body_and_timestamp_must_both_be_signed(left: int) -> None:
    assert refusal(by_hand(lambda *_: [USUAL[left]])).reason == "signature.place"


def test_a_signature_over_the_payload_only_is_not_one_over_the_body() -> None:
    raw = envelope().replace(b"<p:Order ", b'<p:Order Id="order" ')
    payload = NewReference("#order", EXCLUSIVE)
    assert refusal(by_hand(lambda *_: [payload, USUAL[1]], raw)).reason == "signature.place"
    assert refusal(by_hand(lambda *_: [payload, *USUAL], raw)).reason == "signature.place"


@pytest.mark.parametrize(
    "place", ["<w:W xmlns:w='urn:w'><w:X Id='x'/></w:W>", "<w:W xmlns:w='urn:w'><w:X ID='x'><w:Y/></w:X></w:W>"]
)
def test_a_reference_to_something_inside_another_header_block_is_refused(place: str) -> None:
    raw = envelope(headers=place)
    assert refusal(by_hand(lambda *_: [*USUAL, NewReference("#x", EXCLUSIVE)], raw)).reason == "signature.place"


def test_a_reference_to_a_header_block_is_welcome() -> None:
    raw = envelope(headers="<w:W xmlns:w='urn:w' Id='x'/>")
    found = verified(by_hand(lambda *_: [*USUAL, NewReference("#x", EXCLUSIVE)], raw))
    assert [one.name for one in found.headers] == ["{urn:w}W"]


def test_two_references_to_one_part_are_refused() -> None:
    assert refusal(by_hand(lambda *_: [*USUAL, USUAL[0]])).reason == "signature.ambiguous"


@pytest.mark.parametrize("uri", ["", "#xpointer(/)", "#xpointer(id('body'))", "http://x.example/", "body", "cid:"])
def test_references_by_other_means_than_an_id_are_refused(uri: str) -> None:
    root = by_hand(lambda *_: USUAL).replace(b'URI="#body"', f'URI="{uri}"'.encode())
    assert refusal(root).reason == "signature.reference"


@pytest.mark.parametrize("uri", [ENVELOPED, "http://www.w3.org/TR/1999/REC-xslt-19991116", f"{DS}base64"])
def test_a_transform_that_could_leave_something_out_is_not_followed(uri: str) -> None:
    body = NewReference("#body", (Transform(uri), *EXCLUSIVE), octets=b"<s:Body/>")
    assert refusal(by_hand(lambda *_: [body, USUAL[1]])).reason == "algorithm.unsupported"


def test_the_transform_for_tokens_is_only_for_references_in_our_header() -> None:
    raw = envelope(
        headers=f'<w:W xmlns:w="urn:w"><q:SecurityTokenReference xmlns:q="{WSSE}" Id="x">'
        f'<q:Reference URI="#token"/></q:SecurityTokenReference></w:W>'
    )
    parameters = etree.Element(f"{{{WSSE}}}TransformationParameters")
    etree.SubElement(parameters, f"{{{DS}}}CanonicalizationMethod", Algorithm=EXCLUSIVE[0].uri)
    reference = NewReference("#x", (Transform(STR, content=parameters),), octets=b"<x/>")
    assert refusal(by_hand(lambda *_: [*USUAL, reference], raw)).reason == "signature.place"


def test_an_id_of_the_standard_that_occurs_again_anywhere_is_refused_though_nobody_refers_to_it() -> None:
    line = f'<p:Line xmlns:u="{WSU}" u:Id="line"/>'
    verified(by_hand(lambda *_: USUAL, envelope(payload=line)))
    for other in (line, '<p:Line ID="line"/>', '<p:Line xml:id="line"/>'):
        assert refusal(by_hand(lambda *_: USUAL, envelope(payload=line + other))).reason == "signature.ambiguous"


def test_a_timestamp_from_long_ago_is_refused_although_it_is_signed() -> None:
    message = by_hand(lambda *_: USUAL)
    verified(message)
    assert refusal(message.replace(b"<wsu:Created>20", b"<wsu:Created>19")).reason == "signature.digest"


def test_a_token_outside_our_header_does_not_name_the_signer() -> None:
    message = by_hand(lambda *_: USUAL)
    start, end = message.index(b"<wsse:BinarySecurityToken"), message.index(b"</wsse:BinarySecurityToken>") + 27
    token = message[start:end].replace(b"<wsse:Bin", b"<wsse:Bin")
    moved = message[:start] + message[end:]
    wrapped = b'<w:W xmlns:w="urn:w" xmlns:wsse="%s" xmlns:wsu="%s">%s</w:W>' % (WSSE.encode(), WSU.encode(), token)
    fault = refusal(moved.replace(b"</s:Header>", wrapped + b"</s:Header>"))
    assert fault.reason == "signature.place"


def test_what_the_core_verified_must_be_what_was_expected() -> None:
    """Even if the core followed a reference elsewhere, or left something out, nothing is taken for signed."""
    root = tree(by_hand(lambda *_: USUAL))
    signature = root.find(f".//{{{DS}}}Signature")
    envelope_read = soap.read_envelope(root)
    places = Places(envelope_read, find_security(envelope_read, ""), MessageIds(root))
    expected = places.expected(signature)
    asked = question()
    verified_core = xmldsig.verify_signature(
        signature, question=asked, rules=xmldsig.Rules(pool=(people()[2].cert,), keys=lambda _: _candidates())
    )
    assert len(matched(verified_core, expected)) == 2
    body, stamp = verified_core.references
    for wrong in (
        replace(body, element=root),
        replace(body, element=None),
        replace(body, uri="#other"),
        replace(body, whole=False),
        replace(body, left_out=(root,)),
    ):
        with pytest.raises(NotValid) as refused:
            matched(replace(verified_core, references=(wrong, stamp)), expected)
        assert refused.value.reason == "signature.place"
    with pytest.raises(NotValid):
        matched(replace(verified_core, references=(stamp,)), expected)


def _candidates() -> list[xmldsig.Candidate]:
    own = people()[2].cert
    return [xmldsig.Candidate(own.public_key(), (own,))]
