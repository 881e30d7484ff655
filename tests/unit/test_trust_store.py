"""The trust directory: each file in its role, and a file that cannot be read is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from trust_pki import AT, DAY, OCSP_SIGNING, Holder, key, make, usage, world

from gateway.model.verdict import NotValid
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import Evidence, Purpose, TrustFault, load, sorted_out, validate_chain

TIME_STAMPING = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.TIME_STAMPING])


def test_each_file_of_the_directory_takes_its_role(tmp_path: Path) -> None:
    top, middle, leaf = world()
    alone = make("CN=Alone", constraints=None)
    (tmp_path / "a.pem").write_bytes(
        top.cert.public_bytes(Encoding.PEM) + b"\n# note\n" + middle.cert.public_bytes(Encoding.PEM)
    )
    (tmp_path / "b.der").write_bytes(leaf.der)
    (tmp_path / "c.crt").write_bytes(alone.der)
    (tmp_path / "again.cer").write_bytes(top.der)
    (tmp_path / "peer.pub.pem").write_bytes(
        key("peer").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "partner.hmac").write_bytes(b"not text\x00\n")
    (tmp_path / "README.md").write_text("fingerprints")
    (tmp_path / "tls").mkdir()
    found = load(tmp_path)
    assert set(found.anchors) == {top.cert, alone.cert}
    assert (found.intermediates, found.pinned) == ((middle.cert,), (leaf.cert,))
    assert found.public_keys == (("peer", key("peer").public_key()),)
    assert found.shared_keys == (("partner", b"not text\x00\n"),)


def test_a_self_signed_version_1_certificate_is_an_anchor(tmp_path: Path) -> None:
    parsed = asn1.Certificate.load(make("CN=Old", constraints=None).der)
    parsed["tbs_certificate"]["version"] = "v1"
    del parsed["tbs_certificate"]["extensions"]
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    signed = parsed["tbs_certificate"].dump(force=True)
    parsed["signature_value"] = key("CN=Old").sign(signed, ec.ECDSA(hashes.SHA256()))
    (tmp_path / "old.der").write_bytes(parsed.dump(force=True))
    found = load(tmp_path)
    assert len(found.anchors) == 1
    old = Holder(found.anchors[0], key("CN=Old"))
    leaf = old.issue("CN=Leaf")
    chain = validate_chain(
        leaf.cert, pool=[], trust=found, at=AT, evidence=Evidence(), policy=PRODUCTION, purpose="signing"
    )
    assert chain.path == (leaf.cert, old.cert)


def test_who_only_names_itself_as_issuer_is_no_anchor() -> None:
    claims = make("CN=Claims", ca=True, signed_by=key("someone else"))
    assert sorted_out([claims.cert]).anchors == ()


@pytest.mark.parametrize("name", ["bad.pem", "bad.der", "bad.pub.pem"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x30\x05nonsense")
    top, _, _ = world()
    (tmp_path / "root.crt").write_bytes(top.der)
    with pytest.raises(TrustFault) as fault:
        load(tmp_path, strict=True)
    assert fault.value.file.name == name
    found = load(tmp_path)
    assert (found.anchors, found.unread) == ((top.cert,), (name,))


@pytest.mark.parametrize(
    "content", [b"", b"hello\n", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_spoils_nothing_beside_it(tmp_path: Path, content: bytes) -> None:
    top, _, _ = world()
    (tmp_path / "a.pem").write_bytes(content)
    (tmp_path / "z.der").write_bytes(top.der)
    found = load(tmp_path)
    assert (found.anchors, found.unread) == ((top.cert,), ("a.pem",))


def test_an_empty_file_is_no_shared_key(tmp_path: Path) -> None:
    (tmp_path / "partner.hmac").write_bytes(b"")
    assert load(tmp_path).shared_keys == ()
    with pytest.raises(TrustFault):
        load(tmp_path, strict=True)


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_a_bundle_of_certificates_is_opened(tmp_path: Path, encoding: Encoding) -> None:
    top, middle, leaf = world()
    bundle = pkcs7.serialize_certificates([top.cert, middle.cert, leaf.cert], encoding)
    (tmp_path / "chain.p7b").write_bytes(bundle)
    found = load(tmp_path)
    assert (found.anchors, found.intermediates, found.pinned) == ((top.cert,), (middle.cert,), (leaf.cert,))


def test_a_directory_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(TrustFault):
        load(tmp_path / "absent")


def outcome(holder: Holder, *, purpose: Purpose = "signing", trusted: list[Holder], at: object = AT) -> str:
    try:
        return validate_chain(
            holder.cert, pool=[], trust=sorted_out([one.cert for one in trusted]), at=at,
            evidence=Evidence(), policy=PRODUCTION, purpose=purpose,
        ).standing  # fmt: skip
    except NotValid as fault:
        return fault.reason


def test_a_pinned_certificate_is_trusted_as_it_is_within_its_time() -> None:
    top, _, leaf = world()
    assert outcome(leaf, trusted=[leaf]) == "pinned"
    assert outcome(leaf, trusted=[leaf], at=AT + 400 * DAY) == "certificate.expired"
    assert outcome(leaf, trusted=[leaf], at=AT - 400 * DAY) == "certificate.not_yet"
    weak = top.issue("CN=Weak", key_label="rsa1024")
    assert outcome(weak, trusted=[weak]) == "algorithm.forbidden"


def test_a_pin_vouches_for_nothing_but_itself() -> None:
    _, middle, leaf = world()
    assert outcome(middle.issue("CN=Sibling"), trusted=[leaf]) == "chain.unknown"


PURPOSES = [
    ({}, "signing", "not_published"),
    ({"ku": usage("digital_signature")}, "signing", "not_published"),
    ({"ku": usage("content_commitment")}, "signing", "not_published"),
    ({"ku": None}, "signing", "not_published"),
    ({"ku": usage("key_encipherment")}, "signing", "chain.usage"),
    ({"ku": usage("key_encipherment")}, "any", "not_published"),
    ({"extensions": [(TIME_STAMPING, True)]}, "timestamping", "not_published"),
    ({"extensions": [(TIME_STAMPING, False)]}, "timestamping", "chain.usage"),
    ({}, "timestamping", "chain.usage"),
    ({"extensions": [(x509.ExtendedKeyUsage([*TIME_STAMPING, x509.OID_CODE_SIGNING]), True)]}, "timestamping",
     "chain.usage"),
    ({"extensions": [(TIME_STAMPING, True)]}, "signing", "chain.usage"),
    ({"extensions": [OCSP_SIGNING]}, "ocsp", "not_published"),
    ({"extensions": [OCSP_SIGNING]}, "signing", "chain.usage"),
    ({}, "ocsp", "chain.usage"),
]  # fmt: skip


@pytest.mark.parametrize(("wishes", "purpose", "expected"), PURPOSES)
def test_a_certificate_serves_its_purpose_only(wishes: dict[str, object], purpose: Purpose, expected: str) -> None:
    top, _, _ = world()
    assert outcome(top.issue("CN=Purposeful", **wishes), purpose=purpose, trusted=[top]) == expected


def test_the_policy_of_the_question_counts_for_the_whole_path() -> None:
    top = make("CN=Curve root", ca=True, key_label="k1 root")
    leaf = top.issue("CN=Leaf")
    trust = sorted_out([top.cert])
    with pytest.raises(NotValid) as refused:
        validate_chain(leaf.cert, pool=[], trust=trust, at=AT, evidence=Evidence(), policy=PRODUCTION, purpose="any")
    assert (refused.value.reason, refused.value.signer) == ("algorithm.forbidden", "CN=Leaf")
    chain = validate_chain(leaf.cert, pool=[], trust=trust, at=AT, evidence=Evidence(), policy=COMPAT, purpose="any")
    assert chain.leaf == leaf.cert
