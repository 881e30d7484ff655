"""What a receiver may ask of a signed SOAP message, and what it gets."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from gateway.formats import soap
from gateway.formats.soap import NAMESPACES, Version
from gateway.model.verdict import Judgement, NotValid, Scope
from gateway.signing import xmldsig
from gateway.signing.trust import TrustStore
from gateway.signing.wssecurity import Rules, token_forms
from gateway.signing.wssecurity.verify import _signed as signed_element
from tests.unit.trust_pki import DAY
from tests.unit.wss_messages import (
    AT,
    COMPAT,
    DS,
    MARK,
    MINUTE,
    USUAL,
    WSA,
    WSSE,
    WSU,
    by_hand,
    envelope,
    mime,
    people,
    question,
    raw,
    signature,
    signed,
    tree,
    verified,
)

OTHER = f'<o:Trace xmlns:o="urn:o" xmlns:u="{WSU}" u:Id="trace">t</o:Trace>'


def refusal(message: Any, **more: Any) -> NotValid:
    with pytest.raises(NotValid) as refused:
        verified(message, **more)
    return refused.value


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(
    ("kind", "scheme"), [("ec", "ecdsa"), ("rsa", "rsa-pkcs1v15"), ("rsa", "rsa-pss")], ids=["ec", "rsa", "pss"]
)
def test_a_signed_message_hands_on_body_headers_signer_and_time(version: Version, kind: str, scheme: str) -> None:
    found = verified(signed(version=version, kind=kind, scheme=scheme), kind=kind)
    assert found.body.name == f"{{{NAMESPACES[version]}}}Body"
    assert MARK in found.body.content
    assert found.body.tree().findtext("{urn:shop}Order/{urn:shop}To") == "Genuine payee"
    assert [one.name for one in found.headers] == [f"{{{WSA}}}MessageID", f"{{{WSA}}}Action"]
    assert found.message_id == "urn:uuid:1"
    assert found.signer.certificate == people(kind)[2].cert
    assert found.signer.chain is not None
    assert found.signer.chain.path[-1] == people(kind)[0].cert
    assert found.timestamp is not None
    assert (found.timestamp.created, found.timestamp.expires) == (AT, AT + 5 * MINUTE)
    assert (found.scope, found.signatures, len(found.signed)) == (Scope.FULL, 1, 5)


@pytest.mark.parametrize("token", ["direct", "pki_path", "key_identifier", "thumbprint", "issuer_serial"])
def test_the_signer_is_found_by_every_form_of_token_reference(token: str) -> None:
    in_message = token in ("direct", "pki_path")
    found = verified(signed(token=token), pinned=not in_message)
    assert found.signer.certificate == people()[2].cert


@pytest.mark.parametrize("token", ["key_identifier", "thumbprint", "issuer_serial"])
def test_a_certificate_that_is_only_named_and_not_at_hand_is_indeterminate(token: str) -> None:
    fault = refusal(signed(token=token))
    assert (fault.reason, fault.judgement) == ("chain.unknown", Judgement.INDETERMINATE)


def test_a_path_in_the_token_leads_to_an_anchor_without_a_stored_intermediate() -> None:
    bare = TrustStore(anchors=(people()[0].cert,))
    assert verified(signed(token="pki_path"), trust=bare).signer.certificate == people()[2].cert
    assert refusal(signed(), trust=bare).reason == "chain.unknown"


def test_a_certificate_beside_the_file_is_found_by_its_name() -> None:
    found = verified(signed(token="thumbprint"), detached={"signer.der": people()[2].der})
    assert found.signer.certificate == people()[2].cert


def test_an_embedded_token_and_plain_x509_data_name_the_signer_too() -> None:
    """KeyInfo is not signed: it may be rewritten as long as it leads to the same key."""
    for form in ("embedded", "x509"):
        root = tree(signed())
        security = root.find(f".//{{{WSSE}}}Security")
        key_info = security.find(f"{{{DS}}}Signature/{{{DS}}}KeyInfo")
        token = deepcopy(security.find(f"{{{WSSE}}}BinarySecurityToken"))
        token.attrib.pop(f"{{{WSU}}}Id")
        if form == "embedded":
            key_info[0][:] = [etree.Element(f"{{{WSSE}}}Embedded")]
            key_info[0][0].append(token)
        else:
            key_info[:] = [etree.Element(f"{{{DS}}}X509Data")]
            etree.SubElement(key_info[0], f"{{{DS}}}X509Certificate").text = token.text
        assert verified(raw(root)).signer.certificate == people()[2].cert


def test_a_chain_to_no_anchor_an_expired_or_a_pinned_certificate_are_told_apart() -> None:
    assert refusal(signed(), trust=TrustStore()).reason == "chain.unknown"
    late = AT + 400 * DAY
    fault = refusal(signed(created=late), now=late)
    assert (fault.reason, fault.judgement) == ("certificate.expired", Judgement.INDETERMINATE)
    pinned = TrustStore(pinned=(people()[2].cert,))
    assert verified(signed(), trust=pinned).signer.certificate == people()[2].cert


def test_without_a_timestamp_a_message_is_refused_unless_the_rules_let_it_pass() -> None:
    root = tree(signed())
    stamp = root.find(f".//{{{WSU}}}Timestamp")
    stamp.getparent().remove(stamp)
    assert refusal(raw(root)).reason == "signature.time"
    # The signature names the Timestamp: it cannot be taken out where none is needed either.
    assert refusal(raw(root), rules=Rules(timestamp="if present")).reason == "signature.reference"


def test_an_unsigned_timestamp_is_refused() -> None:
    root = tree(signed())
    stamp = root.find(f".//{{{WSU}}}Timestamp")
    for rules in (Rules(), Rules(timestamp="if present")):
        other = deepcopy(root)
        security = other.find(f".//{{{WSSE}}}Security")
        mine = security.find(f"{{{WSU}}}Timestamp")
        mine.set(f"{{{WSU}}}Id", "other")
        wrapper = etree.SubElement(other[0], "{urn:w}W")
        wrapper.append(deepcopy(stamp))
        assert refusal(raw(other), rules=rules).reason == "signature.place"


def test_headers_that_must_be_signed_must_be_there_once_and_signed() -> None:
    name = "{urn:o}Trace"
    with_trace = envelope(headers=OTHER)
    rules = Rules(headers=(name,))
    found = verified(signed(with_trace, headers=(name,)), rules=rules)
    assert found.header(name).content == OTHER.encode().replace(f' xmlns:u="{WSU}"'.encode(), b"").replace(
        b' u:Id="trace"', f' xmlns:u="{WSU}" u:Id="trace"'.encode()
    )
    assert refusal(signed(with_trace), rules=rules).reason == "signature.place"
    assert refusal(signed(), rules=rules).reason == "signature.place"
    twice = signed(envelope(headers=OTHER + OTHER.replace("trace", "trace2")), headers=(name,))
    assert refusal(twice, rules=rules).reason == "signature.place"


def test_addressing_headers_must_be_signed_only_where_the_rules_ask_for_it() -> None:
    loose = signed(addressing=False)
    found = verified(loose)
    assert (found.headers, found.message_id, found.scope) == ((), "", Scope.PARTIAL)
    assert refusal(loose, rules=Rules(addressing=True)).reason == "signature.place"


def test_a_mandatory_header_that_is_not_understood_is_refused_by_name() -> None:
    odd = '<o:Odd xmlns:o="urn:o" s:mustUnderstand="1"/>'
    fault = refusal(signed(envelope(headers=odd)))
    assert (fault.reason, fault.where, fault.judgement) == (
        "header.not_understood",
        "{urn:o}Odd",
        Judgement.UNSUPPORTED,
    )
    understood = Rules(understood=Rules().understood | {"{urn:o}Odd"})
    assert verified(signed(envelope(headers=odd)), rules=understood).signatures == 1
    elsewhere = '<o:Odd xmlns:o="urn:o" s:mustUnderstand="1" s:actor="urn:them"/>'
    assert verified(signed(envelope(headers=elsewhere))).signatures == 1
    assert refusal(signed(envelope(headers=elsewhere), actor="urn:them"), actor="urn:them").reason == (
        "header.not_understood"
    )


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_security_header_of_another_receiver_is_not_ours(version: Version) -> None:
    message = signed(version=version, actor="urn:us")
    assert verified(message, actor="urn:us").signatures == 1
    assert refusal(message).reason == "signature.absent"
    both = signed(message, version=version, seed=bytes(range(1, 17)), addressing=False)
    assert verified(both).signatures == 1
    assert verified(both, actor="urn:us").signatures == 1


def test_every_signature_must_hold_and_one_must_cover_all() -> None:
    root = tree(signed())
    security = root.find(f".//{{{WSSE}}}Security")
    spoilt = deepcopy(security.find(f"{{{DS}}}Signature"))
    spoilt.attrib.clear()
    spoilt.find(f"{{{DS}}}SignatureValue").text = "AAAA" * 16
    security.append(spoilt)
    assert refusal(raw(root)).reason == "signature.wrong"


def test_two_signers_over_the_whole_message_are_ambiguous_and_two_by_one_are_not() -> None:
    for holder in (people()[2], people()[3]):
        root = tree(by_hand(lambda *_: USUAL))
        security = root.find(f".//{{{WSSE}}}Security")
        named = token_forms.add(security, "direct", holder.cert, (), "token2")
        prepared = xmldsig.prepare(
            USUAL, scheme="ecdsa", certificate=holder.cert, place=security, key_info=named.key_info
        )
        message = prepared.complete(signature(holder, prepared.to_sign, "ecdsa"))
        if holder is people()[2]:
            assert verified(message).signatures == 2
        else:
            assert refusal(message).reason == "signature.ambiguous"


def test_mtom_parts_count_by_the_base64_they_stand_for() -> None:
    inlined = envelope(payload="<p:File>R2VudWluZQ==</p:File>")
    message = signed(inlined)
    include = b'<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:f@x"/>'
    packed = message.replace(b"R2VudWluZQ==", include)
    assert packed != message
    kind = 'application/xop+xml; type="text/xml"'
    binary = "application/octet-stream"
    found = verified(mime(packed, [("f@x", binary, b"Genuine")], kind=kind))
    assert b"R2VudWluZQ==" in found.body.content
    assert (found.attachments, found.scope) == ((), Scope.FULL)
    assert refusal(mime(packed, [("f@x", binary, b"Forged!")], kind=kind)).reason == "signature.digest"
    more = mime(packed, [("f@x", binary, b"Genuine"), ("g@x", binary, b"Forged")], kind=kind)
    assert refusal(more).reason == "signature.place"


def test_a_message_that_was_parsed_already_is_verified_as_it_is() -> None:
    assert verified(soap.parse_soap(signed())).signatures == 1


@pytest.mark.parametrize("garbage", [b"", b"<", b"<a/>", b"\xff\xfe", b"Content-Type: x\r\n", b"<!DOCTYPE a><a/>"])
def test_what_is_no_soap_message_is_malformed(garbage: bytes) -> None:
    assert refusal(garbage).reason == "malformed"


def test_an_unsigned_message_has_no_signature() -> None:
    assert refusal(envelope()).reason == "signature.absent"


def test_payload_ids_may_repeat_as_long_as_no_signature_refers_to_them() -> None:
    repeated = envelope(payload='<p:Line id="1"/><p:Line id="1"/><p:Line Id="x"/><p:Line ID="x"/>')
    assert verified(signed(repeated)).signatures == 1


def test_compat_lets_a_weaker_signer_pass_and_production_does_not() -> None:
    _, issuing, _, _ = people()
    weak = issuing.issue("CN=Weak,O=Test", key_label="rsa1024")
    message = signed(holder=weak, scheme="rsa-pkcs1v15")
    assert refusal(message).reason == "algorithm.forbidden"
    assert verified(message, policy=COMPAT).signer.certificate == weak.cert


def test_the_time_of_the_question_does_not_count_but_now_does() -> None:
    message = signed()
    assert verified(message, at=AT - 900 * DAY).signatures == 1
    late = refusal(message, at=AT, now=AT + timedelta(hours=1))
    assert (late.reason, late.signed_at) == ("signature.time", AT)
    assert late.signer == people()[2].cert.subject.rfc4514_string()
    assert question(at=AT).at == AT


def test_two_signed_message_ids_are_ambiguous() -> None:
    twice = envelope(headers="<a:MessageID>urn:uuid:2</a:MessageID>")
    assert refusal(signed(twice)).reason == "signature.ambiguous"


def test_signed_bytes_that_begin_as_another_element_are_refused() -> None:
    element = tree(b"<p:a xmlns:p='urn:p'/>")
    assert signed_element(element, b'<p:a xmlns:p="urn:p"></p:a>').name == "{urn:p}a"
    for other in (b"<p:ab></p:ab>", b"<a></a>", b"", b" <p:a></p:a>"):
        with pytest.raises(NotValid):
            signed_element(element, other)
