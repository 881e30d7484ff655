"""A CMS signature is believed only for the content, the attributes and the certificate that were signed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from asn1crypto import cms as asn1_cms
from asn1crypto import core
from asn1crypto.ocsp import OCSPResponse
from cms_maker import (
    CONTENT_TYPE,
    DATA,
    ESS,
    ESS_V2,
    MESSAGE_DIGEST,
    PROTECTION,
    SIGNING_TIME,
    STAMP,
    TST_INFO,
    Make,
    attributes,
    ess_v1,
    ess_v2,
    issuer_serial,
    message,
    oid,
    streamed,
)
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from trust_pki import AT, DAY, Holder, crl, key, name, world

from gateway.model.verdict import NotValid
from gateway.signing import cms
from gateway.signing.cms import Rules, SignedContent
from gateway.signing.policy import COMPAT, PRODUCTION, Policy

CONTENT = b"Noi dung cong van so 12/UBND"


def signer(label: str = "UBND") -> Holder:
    return world()[1].issue("CN=UBND,O=Test,C=VN", key_label=label)


def checked(raw: bytes, *, policy: Policy = PRODUCTION, **more: Any) -> SignedContent:
    return cms.verify(cms.read(raw), policy=policy, **more)


def reason(raw: bytes, **more: Any) -> str:
    with pytest.raises(NotValid) as caught:
        checked(raw, **more)
    return caught.value.reason


def changed(change: Callable[[dict[str, list[bytes]], Holder], None], holder: Holder, **more: Any) -> bytes:
    signed = attributes(CONTENT, holder)
    change(signed, holder)
    return message(CONTENT, holder, Make(attributes=signed, **more))


@pytest.mark.parametrize("label", ["ec", "rsa"])
@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_content_inside_is_handed_on_as_it_was_signed(label: str, name: str) -> None:
    holder = signer(label)
    found = checked(message(CONTENT, holder, Make(name=name)), rules=Rules(bound=True, signed_attributes=True))
    assert found.content == CONTENT
    assert found.certificate == holder.cert
    assert found.digest == name
    assert found.digest_value == hashlib.new(name, CONTENT).digest()
    assert found.signing_time == AT
    assert found.bound


def test_detached_content_may_be_bytes_or_a_way_to_digest_them() -> None:
    raw = message(CONTENT, signer(), Make(detached=True))
    assert checked(raw, content=CONTENT).content == CONTENT
    by_digest = checked(raw, content=lambda name: hashlib.new(name, CONTENT).digest())
    assert by_digest.content is None
    assert by_digest.digest_value == hashlib.sha256(CONTENT).digest()
    assert reason(raw, content=CONTENT + b"!") == "signature.digest"
    assert reason(raw, content=lambda name: bytes(32)) == "signature.digest"
    assert reason(raw) == "signature.reference"


def test_content_inside_and_beside_is_one_too_many() -> None:
    assert reason(message(CONTENT, signer()), content=CONTENT) == "signature.reference"


def test_content_changed_after_signing_is_noticed() -> None:
    raw = message(CONTENT, signer())
    assert reason(raw.replace(CONTENT, CONTENT[:-1] + b"!")) == "signature.digest"


def test_a_signature_by_another_key_is_wrong() -> None:
    raw = message(CONTENT, signer(), Make(signed_by=key("stranger")))
    with pytest.raises(NotValid) as caught:
        checked(raw)
    assert caught.value.reason == "signature.wrong"
    assert caught.value.signer == "CN=UBND,O=Test,C=VN"


def test_every_signed_attribute_is_covered_by_the_signature() -> None:
    raw = message(CONTENT, signer())
    moment = core.UTCTime(AT).contents
    assert raw.count(moment) == 1
    assert reason(raw.replace(moment, b"3" + moment[1:])) == "signature.wrong"


@pytest.mark.parametrize("bits", range(0, 64, 7))
def test_a_flipped_bit_of_the_signature_is_noticed(bits: int) -> None:
    raw = bytearray(message(CONTENT, signer("rsa")))
    raw[-1 - bits] ^= 1
    assert reason(bytes(raw)) == "signature.wrong"


@pytest.mark.parametrize("label", ["ec", "rsa"])
def test_a_message_without_signed_attributes_is_signed_over_its_content(label: str) -> None:
    raw = message(CONTENT, signer(label), Make(attributes=None))
    found = checked(raw)
    assert (found.content, found.bound, found.signing_time) == (CONTENT, False, None)
    assert reason(raw.replace(CONTENT, CONTENT[:-1] + b"!")) == "signature.wrong"
    assert reason(raw, rules=Rules(signed_attributes=True)) == "signature.properties"
    assert reason(raw, rules=Rules(bound=True)) == "signature.properties"


def test_signed_attributes_cannot_be_passed_off_as_content() -> None:
    holder = signer()
    genuine = asn1_cms.ContentInfo.load(message(CONTENT, holder))["content"]["signer_infos"][0]
    stolen = genuine["signed_attrs"].untag().dump()
    forged = asn1_cms.ContentInfo.load(message(stolen, holder, Make(attributes=None)))
    forged["content"]["signer_infos"][0]["signature"] = genuine["signature"].native
    assert reason(forged.dump(force=True)) == "signature.properties"


def test_content_of_another_type_needs_signed_attributes_and_to_be_expected() -> None:
    other = "2.999.7"
    raw = message(CONTENT, signer(), Make(kind=other))
    assert checked(raw, rules=Rules(content_type=None)).content_type == other
    assert checked(raw, rules=Rules(content_type=other)).content == CONTENT
    assert reason(raw) == "signature.reference"
    bare = message(CONTENT, signer(), Make(kind=other, attributes=None))
    assert reason(bare, rules=Rules(content_type=other)) == "signature.properties"


@pytest.mark.parametrize(
    "change",
    [
        lambda signed, _: signed.pop(CONTENT_TYPE),
        lambda signed, _: signed.pop(MESSAGE_DIGEST),
        lambda signed, _: signed.update({CONTENT_TYPE: [oid(TST_INFO)]}),
        lambda signed, _: signed.update({CONTENT_TYPE: [oid(DATA), oid(DATA)]}),
        lambda signed, _: signed.update({CONTENT_TYPE: []}),
        lambda signed, _: signed.update({MESSAGE_DIGEST: signed[MESSAGE_DIGEST] * 2}),
        lambda signed, _: signed.update({MESSAGE_DIGEST: [b"\x02\x01\x00"]}),
        lambda signed, _: signed.update({SIGNING_TIME: signed[SIGNING_TIME] * 2}),
        lambda signed, _: signed.update({SIGNING_TIME: [b"\x17\x01x"]}),
        lambda signed, _: signed.update({ESS_V2: [ess_v2(b"another")]}),
        lambda signed, _: signed.update({ESS_V2: signed[ESS_V2] * 2}),
        lambda signed, _: signed.update({ESS_V2: [b"\x30\x02\x30\x00"]}),
        lambda signed, _: signed.update({ESS: [ess_v1(b"another")]}),
        lambda signed, holder: signed.update({ESS_V2: [ess_v2(holder.der, place=issuer_serial(holder, serial=99))]}),
    ],
)
def test_attributes_that_do_not_fit_are_refused_although_signed(
    change: Callable[[dict[str, list[bytes]], Holder], None],
) -> None:
    assert reason(changed(change, signer())) == "signature.properties"


@pytest.mark.parametrize("kind", [CONTENT_TYPE, MESSAGE_DIGEST])
def test_an_attribute_that_occurs_twice_is_refused(kind: str) -> None:
    holder = signer()
    values = attributes(CONTENT, holder)[kind]
    assert reason(message(CONTENT, holder, Make(twice=[(kind, values)]))) == "signature.properties"


@pytest.mark.parametrize(
    "change",
    [
        lambda signed, holder: signed.update({ESS_V2: [ess_v2(holder.der, "sha512")]}),
        lambda signed, holder: signed.update({ESS_V2: [ess_v2(holder.der, place=issuer_serial(holder))]}),
        lambda signed, holder: (signed.pop(ESS_V2), signed.update({ESS: [ess_v1(holder.der)]})),
        lambda signed, holder: signed.update({ESS: [ess_v1(holder.der)]}),
    ],
)
def test_the_signers_certificate_may_be_named_in_each_form(
    change: Callable[[dict[str, list[bytes]], Holder], None],
) -> None:
    assert checked(changed(change, signer()), rules=Rules(bound=True)).bound


def test_the_certificate_must_be_named_where_the_caller_insists() -> None:
    raw = changed(lambda signed, _: signed.pop(ESS_V2) and None, signer())
    assert not checked(raw).bound
    assert reason(raw, rules=Rules(bound=True)) == "signature.properties"


def test_another_certificate_with_the_same_name_number_and_key_is_not_the_signers() -> None:
    _, issuing, _ = world()
    true = issuing.issue("CN=UBND,O=Test,C=VN", serial=77, key_label="shared")
    twin = issuing.issue("CN=Another,O=Test,C=VN", serial=77, key_label="shared")
    raw = message(CONTENT, true, Make(certificates=[twin, true]))
    assert checked(raw).certificate == true.cert
    assert reason(message(CONTENT, true, Make(certificates=[twin]))) == "signature.properties"


@pytest.mark.parametrize("by_key", [False, True])
def test_the_certificate_may_come_from_outside(by_key: bool) -> None:
    holder, other = signer(), world()[2]
    raw = message(CONTENT, holder, Make(certificates=[], by_key=by_key))
    assert checked(raw, pool=[other.cert, holder.cert]).certificate == holder.cert
    assert reason(raw, pool=[other.cert]) == "chain.unknown"
    assert reason(raw) == "chain.unknown"


def test_a_flood_of_certificates_with_the_signers_identifier_is_not_tried() -> None:
    _, issuing, _ = world()
    many = [issuing.issue(f"CN={number}", serial=5, key_label="shared") for number in range(9)]
    assert reason(message(CONTENT, many[0], Make(certificates=many))) == "limit.exceeded"


@pytest.mark.parametrize(
    ("digest", "signature", "held"),
    [
        ("sha256", "sha256_ecdsa", True),
        ("sha512", "sha256_ecdsa", False),
        ("sha256", "sha512_ecdsa", False),
        ("sha256", "sha256_rsa", False),
        ("sha256", "", False),
    ],
)
def test_the_algorithms_that_were_signed_are_those_in_use(digest: str, signature: str, held: bool) -> None:
    fields: dict[str, Any] = {"digest_algorithm": {"algorithm": digest}}
    if signature:
        fields["signature_algorithm"] = {"algorithm": signature}
    protection = bytes(asn1_cms.CMSAlgorithmProtection(fields).dump())
    raw = changed(lambda signed, _: signed.update({PROTECTION: [protection]}), signer())
    if held:
        assert checked(raw).content == CONTENT
    else:
        assert reason(raw) == "signature.properties"


@pytest.mark.parametrize("in_order", [True, False])
def test_attributes_in_another_order_than_ders_are_understood(in_order: bool) -> None:
    assert checked(message(CONTENT, signer(), Make(in_order=in_order))).content == CONTENT


def test_ber_of_indefinite_length_is_the_same_message() -> None:
    holder = signer()
    for make_ in (Make(), Make(attributes=None)):
        found = checked(streamed(message(CONTENT, holder, make_)))
        assert found.content == CONTENT
    detached = streamed(message(CONTENT, holder, Make(detached=True)))
    assert checked(detached, content=CONTENT).content == CONTENT


def test_signature_algorithms_are_understood_as_signers_name_them() -> None:
    rsa_key, ec_key = signer("rsa"), signer("ec")
    for holder, signature in (
        (rsa_key, "1.2.840.113549.1.1.1"),
        (rsa_key, "1.2.840.113549.1.1.11"),
        (ec_key, "1.2.840.10045.4.3.2"),
        (ec_key, "1.2.840.10045.2.1"),
    ):
        assert checked(message(CONTENT, holder, Make(signature=signature))).certificate == holder.cert
    assert checked(message(CONTENT, rsa_key, Make(pss=True, name="sha384"))).digest == "sha384"
    newer = Make(name="sha3_256", signature="2.16.840.1.101.3.4.3.10")
    assert checked(message(CONTENT, ec_key, newer)).digest == "sha3-256"


def test_the_signatures_digest_is_the_contents_digest() -> None:
    raw = message(CONTENT, signer("rsa"), Make(signature="1.2.840.113549.1.1.13"))
    assert reason(raw) == "signature.properties"


def test_an_algorithm_of_another_kind_of_key_does_not_hold() -> None:
    assert reason(message(CONTENT, signer("rsa"), Make(signature="1.2.840.10045.4.3.2"))) == "signature.wrong"
    assert reason(message(CONTENT, signer("ec"), Make(signature="1.2.840.113549.1.1.11"))) == "signature.wrong"


def test_sha1_and_short_keys_depend_on_the_policy() -> None:
    for raw in (message(CONTENT, signer("ec"), Make(name="sha1")), message(CONTENT, signer("rsa1024"))):
        assert reason(raw) == "algorithm.forbidden"
        assert checked(raw, policy=COMPAT).content == CONTENT


def test_eddsa_is_taken_where_the_policy_allows_it() -> None:
    own = ed25519.Ed25519PrivateKey.generate()
    builder = (
        x509.CertificateBuilder()
        .subject_name(name("CN=Ed"))
        .issuer_name(name("CN=Ed"))
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(AT)
        .not_valid_after(AT + DAY)
    )
    holder = Holder(builder.sign(own, None), own)
    raw = message(CONTENT, holder, Make(name="sha512"))
    assert checked(raw, policy=COMPAT).content == CONTENT
    assert reason(raw) == "algorithm.forbidden"
    assert reason(raw.replace(CONTENT, CONTENT[:-1] + b"!"), policy=COMPAT) == "signature.digest"


def test_an_unknown_signature_algorithm_is_unsupported() -> None:
    assert reason(message(CONTENT, signer(), Make(signature="1.2.3.4"))) == "algorithm.unsupported"


def test_an_unknown_digest_is_unsupported() -> None:
    raw = message(CONTENT, signer()).replace(bytes.fromhex("608648016503040201"), bytes.fromhex("608648016503040263"))
    assert reason(raw) == "algorithm.unsupported"


def test_one_signer_is_expected_unless_the_caller_chooses() -> None:
    raw = message(CONTENT, signer(), Make(signers=2))
    assert reason(raw) == "signature.place"
    assert checked(raw, rules=Rules(signer=1)).content == CONTENT
    assert reason(message(CONTENT, signer(), Make(signers=0))) == "signature.absent"


def test_evidence_and_stamps_inside_are_handed_on() -> None:
    root, issuing, holder = world()
    listed = crl(issuing)
    basic = oid("1.3.6.1.5.5.7.48.1.1") + b"\x30\x00"
    other = b"\xa1" + bytes((len(basic),)) + basic
    values = b"\xa0" + _len(b"\x30" + _len(listed))
    unsigned = [
        (STAMP, [b"\x30\x00"]),
        (STAMP, [b"\x30\x01\x00"]),
        ("1.2.840.113549.1.9.16.2.24", [b"\x30" + _len(values)]),
        ("1.2.840.113549.1.9.16.2.23", [b"\x30" + _len(root.der)]),
    ]
    signed = attributes(CONTENT, holder)
    signed["1.2.840.113583.1.1.8"] = [b"\x30" + _len(b"\xa1" + _len(b"\x30" + _len(b"\x30\x00")))]
    found = checked(message(CONTENT, holder, Make(attributes=signed, unsigned=unsigned, crls=[listed, other])))
    assert found.evidence.crls == (listed,)  # it is there twice
    wrapped = OCSPResponse.load(found.evidence.ocsp[0])
    assert wrapped["response_bytes"]["response"].parsed.dump() == b"\x30\x00"
    assert found.evidence.ocsp[1:] == (b"\x30\x00",)
    assert not found.evidence.binding
    assert found.stamps == (b"\x30\x00", b"\x30\x01\x00")
    assert found.certificates == (holder.cert, root.cert)


def _len(body: bytes) -> bytes:
    return core.OctetString(body).dump()[1:]  # type: ignore[no-any-return]


def test_a_claimed_time_is_aware_in_either_form() -> None:
    late = datetime(2055, 1, 1, tzinfo=UTC)
    raw = changed(lambda s, _: s.update({SIGNING_TIME: [core.GeneralizedTime(late).dump()]}), signer())
    assert checked(raw).signing_time == late
