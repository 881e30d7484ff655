"""Security tokens and names of certificates, also damaged ones; and token references behind STR-Transform."""

from __future__ import annotations

import base64

import pytest
from asn1crypto import core
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.model.verdict import NotValid
from gateway.signing.trust import TrustStore
from gateway.signing.wssecurity.issuer import key_of, key_of_text
from gateway.signing.wssecurity.names import (
    BASE64,
    DS,
    EXCLUSIVE,
    PKCS7,
    PKI_PATH,
    STR_TRANSFORM,
    TOKEN,
    WSSE,
    WSU,
    X509_V3,
)
from gateway.signing.wssecurity.tokens import Token, read_token
from gateway.signing.xmldsig import NewReference, Transform
from tests.unit.trust_pki import AT, DAY, make
from tests.unit.wss_messages import USUAL, by_hand, people, raw, tree, verified


def token(kind: str, text: str, encoding: str = BASE64) -> Token:
    element = etree.Element(TOKEN, ValueType=kind, EncodingType=encoding)
    element.text = text
    return read_token(element)


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def path(*ders: bytes) -> bytes:
    return core.SequenceOf([core.Any.load(der) for der in ders], spec=core.Any).dump()


def test_a_certificate_is_read_with_line_breaks_in_its_base64() -> None:
    own = people()[2]
    folded = "\n".join(b64(own.der)[at : at + 64] for at in range(0, len(b64(own.der)), 64))
    assert token(X509_V3, folded).candidates == (own.cert,)


def test_the_last_certificate_of_a_path_is_the_signers() -> None:
    _, issuing, own, _ = people()
    found = token(PKI_PATH, b64(path(issuing.der, own.der)))
    assert (found.candidates, found.others) == ((own.cert,), (issuing.cert,))


def test_who_issued_no_other_in_a_pkcs7_may_be_the_signer() -> None:
    root, issuing, own, _ = people()
    bag = pkcs7.serialize_certificates([issuing.cert, own.cert, root.cert], Encoding.DER)
    found = token(PKCS7, b64(bag))
    assert found.candidates == (own.cert,)
    assert set(found.others) == {root.cert, issuing.cert}


@pytest.mark.parametrize("kind", [X509_V3, PKI_PATH, PKCS7])
@pytest.mark.parametrize("octets", [b"", b"\x30\x00", b"\x30\x80", b"\xff" * 40, b"\x30\x82\xff\xff"])
def test_a_damaged_token_is_malformed(kind: str, octets: bytes) -> None:
    with pytest.raises(NotValid) as refused:
        token(kind, b64(octets))
    assert refused.value.reason == "malformed"


def test_bytes_behind_a_certificate_or_a_path_are_refused() -> None:
    own = people()[2]
    for kind, octets in ((X509_V3, own.der), (PKI_PATH, path(own.der))):
        with pytest.raises(NotValid):
            token(kind, b64(octets + b"\0"))


@given(st.binary(max_size=300))
def test_any_bytes_in_a_token_are_read_or_refused(noise: bytes) -> None:
    for kind in (X509_V3, PKI_PATH, PKCS7):
        for octets in (noise, people()[2].der[: len(noise)] + noise):
            try:
                token(kind, b64(octets))
            except NotValid as refused:
                assert refused.reason in {"malformed", "algorithm.unsupported"}


@pytest.mark.parametrize(
    ("kind", "text", "encoding", "reason"),
    [
        ("urn:saml", "AAAA", BASE64, "algorithm.unsupported"),
        (X509_V3, "AAAA", "urn:hex", "algorithm.unsupported"),
        (X509_V3, "A A=A", BASE64, "malformed"),
        (X509_V3, "ÄÖÜ=", BASE64, "malformed"),
    ],
)
def test_another_kind_or_encoding_of_token_is_unsupported(kind: str, text: str, encoding: str, reason: str) -> None:
    with pytest.raises(NotValid) as refused:
        token(kind, text, encoding)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "text",
    [
        r"CN=Issuing,O=Test\, Ltd,C=VN",
        r"C=VN, O=Test\, Ltd, CN=Issuing",
        'CN = issuing , O="Test, Ltd", C=VN',
        r"CN=Issuing,O=Test\2C Ltd,C=VN",
        "2.5.4.3=#0c0749737375696e67,O=Test\\, Ltd,C=VN",
    ],
)
def test_an_issuer_is_recognised_however_it_is_written(text: str) -> None:
    own = people()[2].cert
    assert key_of_text(text, f" {own.serial_number}\n") == key_of(own)


def test_another_issuer_or_serial_number_is_another_certificate() -> None:
    own = people()[2].cert
    name = own.issuer.rfc4514_string()
    assert key_of_text(name, str(own.serial_number + 1)) != key_of(own)
    assert key_of_text(name + ",L=Here", str(own.serial_number)) != key_of(own)


def test_a_name_outside_ascii_is_recognised_plain_and_escaped() -> None:
    one = make("CN=Sở Công Thương").cert
    assert key_of_text("CN=Sở Công Thương", str(one.serial_number)) == key_of(one)
    assert key_of_text(r"CN=S\E1\BB\9F Công Thương", str(one.serial_number)) == key_of(one)


@pytest.mark.parametrize(
    ("name", "serial"), [("CN", "1"), ("CN=a,=b", "1"), ("CN=a", "x"), ("CN=a", ""), ("x" * 5000, "1")]
)
def test_what_is_no_name_or_number_is_malformed(name: str, serial: str) -> None:
    with pytest.raises(NotValid) as refused:
        key_of_text(name, serial)
    assert refused.value.reason == "malformed"


@given(st.text(max_size=200))
def test_any_text_as_a_name_ends_quickly(text: str) -> None:
    try:
        key_of_text(text, "1")
    except NotValid as refused:
        assert refused.reason == "malformed"


# STR-Transform: the token behind a reference is signed by way of the reference ----------------------------------------


def with_str_transform(form: str, octets: str) -> bytes:
    """A message that signs its token by STR-Transform; *octets*: what is digested for it."""
    parameters = etree.Element(f"{{{WSSE}}}TransformationParameters", nsmap={"wsse": WSSE, "ds": DS})
    etree.SubElement(parameters, f"{{{DS}}}CanonicalizationMethod", Algorithm=EXCLUSIVE)
    token_by_name = NewReference("#str", (Transform(STR_TRANSFORM, content=parameters),), octets=octets.encode())
    return by_hand(lambda *_: (*USUAL, token_by_name), form=form)


def test_a_token_in_the_message_is_signed_by_its_reference() -> None:
    own = people()[2]
    octets = (
        f'<wsse:BinarySecurityToken xmlns="" xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}" EncodingType="{BASE64}" '
        f'ValueType="{X509_V3}" wsu:Id="token">{b64(own.der)}</wsse:BinarySecurityToken>'
    )
    message = with_str_transform("direct", octets)
    assert verified(message).signatures == 1
    swapped = message.replace(b64(own.der).encode(), b64(people()[3].der).encode())
    with pytest.raises(NotValid):
        verified(swapped)
    with pytest.raises(NotValid) as refused:
        verified(with_str_transform("direct", octets.replace(' xmlns=""', "")))
    assert refused.value.reason == "signature.digest"


def test_a_token_that_is_only_named_is_written_as_the_specification_says() -> None:
    own = people()[2]
    octets = (
        f'<wsse:BinarySecurityToken xmlns="" xmlns:wsse="{WSSE}" ValueType="{X509_V3}">{b64(own.der)}'
        "</wsse:BinarySecurityToken>"
    )
    assert verified(with_str_transform("thumbprint", octets), pinned=True).signatures == 1


def test_of_a_renewed_certificate_the_one_that_is_valid_now_is_meant() -> None:
    root, issuing, own, _ = people()
    old = issuing.issue("CN=Sở Công Thương,O=Test,C=VN", ends=AT - DAY)
    assert old.key is own.key
    octets = f'<wsse:BinarySecurityToken xmlns="" xmlns:wsse="{WSSE}" ValueType="{X509_V3}">{b64(own.der)}'
    message = with_str_transform("key_identifier", octets + "</wsse:BinarySecurityToken>")
    for pinned in ((old.cert, own.cert), (own.cert, old.cert)):
        store = TrustStore(anchors=(root.cert,), intermediates=(issuing.cert,), pinned=pinned)
        assert verified(message, trust=store).signer.certificate == own.cert


def test_a_token_behind_a_reference_is_not_the_token_reference_itself() -> None:
    """Such a reference covers no part that the rules ask for, whatever element it names."""
    own = people()[2]
    octets = f'<wsse:BinarySecurityToken xmlns="" xmlns:wsse="{WSSE}" ValueType="{X509_V3}">{b64(own.der)}'
    root = tree(with_str_transform("thumbprint", octets + "</wsse:BinarySecurityToken>"))
    for one in root.iter(f"{{{DS}}}Reference"):
        if one.get("URI") == "#str":
            one.set("URI", "#body")
    with pytest.raises(NotValid) as refused:
        verified(raw(root), pinned=True)
    assert refused.value.reason == "signature.place"
