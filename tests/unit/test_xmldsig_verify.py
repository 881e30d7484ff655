"""What a verdict about an XML signature says: which part, which key, which rule was broken."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.formats import safexml
from gateway.model.verdict import Judgement, NotValid, Scope
from gateway.signing.trust.model import TrustStore
from gateway.signing.xmldsig import (
    Candidate,
    Canonical,
    NewReference,
    NodeSet,
    Rules,
    Transform,
    canonical,
    certificates,
    signatures_in,
    trusted_signer,
    uris,
    verify_signature,
)
from gateway.signing.xmldsig.ids import Ids
from gateway.signing.xmldsig.limits import Budget
from gateway.signing.xmldsig.references import Here, dereferenced
from tests.unit.trust_pki import key, make, world
from tests.unit.xmldsig_tools import (
    COMPAT,
    ENVELOPED,
    EXCLUSIVE,
    PRODUCTION,
    ask,
    enveloped,
    made,
    question,
    reason,
    rsa_signer,
    store,
    stranger,
)

DOCUMENT = '<a xmlns="urn:a" xmlns:q="urn:a"><!--c--><b Id="b1">v</b><c Id="c1"><d/>đ</c></a>'.encode()


def sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def filtered(expression: str, algorithm: str = uris.XPATH, operation: str = "subtract") -> Transform:
    name = uris.ds("XPath") if algorithm == uris.XPATH else f"{{{uris.XPATH_FILTER}}}XPath"
    element = etree.Element(name, nsmap={"ds": uris.DS, "q": "urn:a"})
    if algorithm == uris.XPATH_FILTER:
        element.set("Filter", operation)
    element.text = expression
    return Transform(algorithm, content=element)


def test_an_enveloped_signature_covers_the_whole_document() -> None:
    verdict = ask(enveloped(DOCUMENT), policy=PRODUCTION)
    root = safexml.parse(DOCUMENT).root
    assert (verdict.judgement, verdict.scope, verdict.signatures) == (Judgement.VALID, Scope.FULL, 1)
    assert verdict.signer == "CN=UBND,O=Test,C=VN" and len(verdict.certificate) == 64
    assert [(part.path, part.sha256) for part in verdict.signed] == [
        ("/a", sha256(canonical(NodeSet(root, document=True), Canonical())))
    ]


def test_a_signed_part_is_told_with_its_place_and_octets() -> None:
    verdict = ask(made(DOCUMENT, [NewReference("#c1", EXCLUSIVE), NewReference("#b1")]))
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.PARTIAL)
    assert [(part.path, part.sha256) for part in verdict.signed] == [
        ("/a/c", sha256('<c xmlns="urn:a" Id="c1"><d></d>đ</c>'.encode())),
        ("/a/b", sha256(b'<b xmlns="urn:a" xmlns:q="urn:a" Id="b1">v</b>')),
    ]


def test_a_root_signed_by_its_id_is_the_whole_document() -> None:
    assert ask(made(b'<a Id="r"><b/></a>', [NewReference("#r", ENVELOPED)])).scope is Scope.FULL


@pytest.mark.parametrize(
    "transform",
    (
        filtered("not(ancestor-or-self::ds:Signature)"),
        filtered(" not( ancestor-or-self :: ds:Signature ) "),
        filtered(
            "count(ancestor-or-self::ds:Signature | here()/ancestor::ds:Signature[1]) > "
            "count(ancestor-or-self::ds:Signature)"
        ),
        filtered("here()/ancestor::ds:Signature[1]", uris.XPATH_FILTER),
        filtered("//ds:Signature", uris.XPATH_FILTER),
    ),
)
def test_the_known_spellings_of_enveloped_are_taken_under_every_policy(transform: Transform) -> None:
    content = made(DOCUMENT, [NewReference("", (transform,))])
    for policy in (PRODUCTION, COMPAT):
        verdict = ask(content, policy=policy)
        assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)
    assert ask(content).signed == ask(made(DOCUMENT, [NewReference("", ENVELOPED[:1])])).signed


def test_an_xpath_that_leaves_more_out_is_partial_and_not_for_production() -> None:
    content = made(DOCUMENT, [NewReference("", (ENVELOPED[0], filtered("not(ancestor-or-self::q:b)")))])
    verdict = ask(content)
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.PARTIAL)
    assert reason(content, policy=PRODUCTION) == "algorithm.unsupported"


def test_transforms_that_leave_nothing_sign_nothing() -> None:
    empty = NewReference("#b1", (filtered("not(ancestor-or-self::q:b)"),), octets=b"")
    content = made(DOCUMENT, [empty])
    assert reason(content) == "signature.reference"
    inside = etree.Element(uris.ds("Object"), Id="o")
    inside.text = "whatever"
    gone = NewReference("#o", (filtered("not(ancestor-or-self::ds:Signature)"),), octets=b"")
    assert reason(made(None, [gone], objects=[inside]), policy=PRODUCTION) == "signature.reference"


def test_an_xpath_can_take_one_subtree_or_the_texts() -> None:
    one = ask(made(DOCUMENT, [NewReference("", (filtered("ancestor-or-self::q:c"),))]))
    assert one.signed[0].path == "/a/c" and one.scope is Scope.PARTIAL
    kept = ask(made(DOCUMENT, [NewReference("", (filtered("id('c1')", uris.XPATH_FILTER, "intersect"),))]))
    assert kept.signed == one.signed
    texts = ask(made(DOCUMENT, [NewReference("#c1", (filtered("self::text()"),))]))
    assert texts.signed[0].sha256 == sha256("đ".encode()) and texts.scope is Scope.PARTIAL


@pytest.mark.parametrize(
    "expression", ("count(//*) > 0", "true()", "self::q:b or self::q:c", "document('x')", "1" * 5000)
)
def test_other_xpath_is_unsupported(expression: str) -> None:
    written = expression.replace(">", "&gt;")
    added = f'<ds:Transform Algorithm="{uris.XPATH}"><ds:XPath>{written}</ds:XPath></ds:Transform>'
    content = enveloped(DOCUMENT).replace(b"</ds:Transforms>", added.encode() + b"</ds:Transforms>")
    with pytest.raises(NotValid) as caught:
        _verified_whatever_the_value(content)
    assert caught.value.reason == "algorithm.unsupported"


def _verified_whatever_the_value(content: bytes, **rules: Any) -> Any:
    """The references checked although SignedInfo was changed: it is signed anew, by the organisation's key."""
    root = safexml.parse(content).root
    signature = signatures_in(root)[0]
    octets = canonical(NodeSet(next(root.iter(uris.ds("SignedInfo")))), Canonical())
    r, s = decode_dss_signature(world()[2].key.sign(octets, ec.ECDSA(hashes.SHA256())))
    value = base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()
    next(root.iter(uris.ds("SignatureValue"))).text = value
    return verify_signature(signature, question=question(), rules=Rules(**rules))


def test_xslt_is_unsupported_and_six_transforms_are_the_most() -> None:
    content = enveloped(DOCUMENT)
    for added, expected in (
        (f'<ds:Transform Algorithm="{uris.XSLT}"/>', "algorithm.unsupported"),
        (f'<ds:Transform Algorithm="{uris.C14N}"/>' * 6, "limit.exceeded"),
    ):
        with pytest.raises(NotValid) as caught:
            _verified_whatever_the_value(content.replace(b"</ds:Transforms>", added.encode() + b"</ds:Transforms>"))
        assert caught.value.reason == expected


@pytest.mark.parametrize(
    ("uri", "comments"),
    (("#c1", False), ("#xpointer(id('c1'))", True), ('#xpointer(id("c1"))', True)),
)
def test_comments_belong_to_xpointers_only(uri: str, comments: bool) -> None:
    document = b'<a><c Id="c1"><!--x-->t</c></a>'
    verdict = ask(made(document, [NewReference(uri, (Transform(f"{uris.EXC_C14N}WithComments"),))]))
    assert verdict.signed[0].sha256 == sha256(b'<c Id="c1"><!--x-->t</c>' if comments else b'<c Id="c1">t</c>')


@pytest.mark.parametrize("uri", ("#xpointer(//b)", "#xmlns(a=b)xpointer(id('c1'))"))
def test_other_xpointers_are_unsupported(uri: str) -> None:
    with pytest.raises(NotValid, match=r"algorithm\.unsupported"):
        made(DOCUMENT, [NewReference(uri)])


def test_a_repeated_id_is_ambiguous_whatever_attributes_spell_it() -> None:
    content = made(DOCUMENT, [NewReference("#b1", EXCLUSIVE)])
    for attribute in ("id", "ID", "AssertionID", "xml:id"):
        twice = content.replace(b"<d/>", f'<d {attribute}="b1"/>'.encode())
        assert twice != content and reason(twice) == "signature.ambiguous"


def test_an_id_nobody_refers_to_may_be_repeated_under_compat_only() -> None:
    content = made(b'<a><b Id="b1"/><c Id="x"/><d Id="x"/></a>', [NewReference("#b1", EXCLUSIVE)])
    assert reason(content) == "ok"
    assert reason(content, policy=PRODUCTION) == "signature.ambiguous"


def test_enveloping_objects_make_the_scope() -> None:
    signed, other = (etree.Element(uris.ds("Object"), Id=name) for name in ("o1", "o2"))
    signed.text, other.text = "signed", "not"
    assert ask(made(None, [NewReference("#o1")], objects=[signed])).scope is Scope.FULL
    content = made(None, [NewReference("#o1")], objects=[_object("o1"), other])
    assert ask(content).scope is Scope.PARTIAL


def _object(name: str) -> Any:
    element = etree.Element(uris.ds("Object"), Id=name)
    element.text = "signed"
    return element


def test_outside_content_is_found_by_its_name_and_never_fetched() -> None:
    content = made(None, [NewReference("http://example.vn/files/van%20ban.txt", content=b"octets")])
    verdict = ask(content, detached={"van ban.txt": b"octets"})
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)
    assert verdict.signed[0].sha256 == sha256(b"octets")
    assert reason(content, detached={"van ban.txt": b"changed"}) == "signature.digest"
    assert reason(content, detached={"van%20ban.txt": b"octets"}) == "ok"
    absent = ask(content)
    assert (absent.judgement, absent.reason) == (Judgement.INDETERMINATE, "signature.reference")


def test_a_part_of_outside_content_is_unsupported() -> None:
    content = made(None, [NewReference("x.xml", content=b"<a/>")]).replace(b'"x.xml"', b'"x.xml#b"')
    signature = signatures_in(safexml.parse(content).root)[0]
    here = Here(signature, Rules(resolve=lambda uri: b"<a/>"), COMPAT, Ids(signature), Budget())
    with pytest.raises(NotValid, match=r"algorithm\.unsupported"):
        dereferenced("x.xml#b", here)


def test_outside_content_that_looks_like_a_certificate_list_is_content() -> None:
    raw = b"0123456789"  # begins like DER
    content = made(None, [NewReference("x.txt", content=raw)])
    assert reason(content, detached={"x.txt": raw}) == "ok"


def test_outside_xml_is_canonicalised_and_a_transform_of_octets_needs_octets() -> None:
    content = made(None, [NewReference("x.xml", EXCLUSIVE, content=b"<a  b='1'><!--c--></a>")])
    assert reason(content, detached={"x.xml": b'<a b="1"/>'}) == "ok"
    assert reason(content, detached={"x.xml": b"<a"}) == "malformed"
    with pytest.raises(NotValid, match=r"signature\.reference"):
        made(None, [NewReference("x.xml", ENVELOPED, content=b"<a/>")])


def test_base64_is_decoded_before_it_is_digested() -> None:
    content = made(b'<a><b Id="b1">aGVs\nbG8=</b></a>', [NewReference("#b1", (Transform(uris.BASE64),))])
    verdict = ask(content)
    assert verdict.signed[0].sha256 == sha256(b"hello") and verdict.scope is Scope.PARTIAL


def test_every_signature_must_hold() -> None:
    once = made(b'<a><b Id="b1">1</b><c Id="c1">2</c></a>', [NewReference("#b1", EXCLUSIVE)])
    twice = made(once, [NewReference("#c1", EXCLUSIVE)])
    verdict = ask(twice)
    assert (verdict.judgement, verdict.signatures, len(verdict.signed)) == (Judgement.VALID, 2, 2)
    broken = ask(twice.replace(b">2<", b">3<"))
    assert broken.reason == "signature.digest" and "Signature 2 of 2" in broken.detail


def test_what_another_signer_signed_is_not_told_as_the_first_ones() -> None:
    once = made(b'<a><b Id="b1">1</b><c Id="c1">2</c></a>', [NewReference("#b1", EXCLUSIVE)])
    verdict = ask(made(once, [NewReference("#c1", EXCLUSIVE)], signer=rsa_signer(), scheme="rsa-pss"))
    assert [part.path for part in verdict.signed] == ["/a/b"]
    assert verdict.signer == "CN=UBND,O=Test,C=VN" and "CN=So Cong Thuong" in verdict.detail


def test_a_file_without_signature_or_without_xml_says_so() -> None:
    assert reason(b"<a/>") == "signature.absent"
    for raw in (b"", b"<a", b"PK\x03\x04", b"\xff\xfe"):
        assert ask(raw).judgement is Judgement.MALFORMED
        assert certificates(raw) == ()
    with_dtd = b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
    assert ask(with_dtd).judgement is Judgement.UNSUPPORTED
    assert certificates(with_dtd) == ()


def test_the_signer_must_be_trusted() -> None:
    content = enveloped(DOCUMENT, signer=stranger())
    assert reason(content) == "chain.unknown"
    assert reason(content, trust=store(pinned=(stranger().cert,))) == "ok"
    assert reason(enveloped(DOCUMENT), trust=TrustStore()) == "chain.unknown"


def test_certificates_are_those_of_key_info() -> None:
    assert [one.subject for one in certificates(enveloped(DOCUMENT))] == [one.cert.subject for one in world()[:0:-1]]


def with_key_info(content: bytes, inside: str) -> bytes:
    root = safexml.parse(content).root
    old = next(root.iter(uris.ds("KeyInfo")))
    new = safexml.parse(f'<ds:KeyInfo xmlns:ds="{uris.DS}" xmlns:e="{uris.DS11}">{inside}</ds:KeyInfo>'.encode()).root
    old.getparent().replace(old, new)
    return bytes(etree.tostring(root.getroottree(), encoding="UTF-8"))


def test_key_info_may_point_to_a_certificate_of_the_trust_store() -> None:
    _, issuing, signer = world()
    known = store(pinned=(signer.cert,), intermediates=(issuing.cert,))
    ski = signer.cert.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    issuer = f"<ds:X509IssuerName>x</ds:X509IssuerName><ds:X509SerialNumber>{signer.cert.serial_number}"
    for inside in (
        f"<ds:X509Data><ds:X509IssuerSerial>{issuer}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data>",
        f"<ds:X509Data><ds:X509SKI>{base64.b64encode(ski).decode()}</ds:X509SKI></ds:X509Data>",
        "<ds:X509Data><ds:X509SubjectName>C=VN, O=Test, CN=UBND</ds:X509SubjectName></ds:X509Data>",
        "<ds:KeyName>UBND</ds:KeyName>",
        f'<ds:X509Data><e:X509Digest Algorithm="{uris.ENC}sha256">'
        f"{base64.b64encode(signer.cert.fingerprint(hashes.SHA256())).decode()}</e:X509Digest></ds:X509Data>",
    ):
        content = with_key_info(enveloped(DOCUMENT), inside)
        assert reason(content, trust=known, policy=PRODUCTION) == "ok", inside
        assert reason(content) == "chain.unknown", inside
        assert reason(content, detached={"c.der": signer.der}) == "chain.unknown", inside
        beside = {"c.der": signer.der, "i.der": issuing.der}
        assert reason(content, detached=beside) == "ok", inside


def _ec_value(signer: Any) -> str:
    numbers = signer.cert.public_key().public_numbers()
    point = b"\x04" + numbers.x.to_bytes(32) + numbers.y.to_bytes(32)
    return (
        '<ds:KeyValue><e:ECKeyValue><e:NamedCurve URI="urn:oid:1.2.840.10045.3.1.7"/>'
        f"<e:PublicKey>{base64.b64encode(point).decode()}</e:PublicKey></e:ECKeyValue></ds:KeyValue>"
    )


def test_a_bare_key_counts_only_if_the_trust_store_holds_it() -> None:
    signer = world()[2]
    content = with_key_info(enveloped(DOCUMENT), _ec_value(signer))
    raw_key = TrustStore(public_keys=(("doi-tac", signer.cert.public_key()),))
    assert reason(content) == "key.untrusted"
    held = ask(content, trust=raw_key)
    assert (held.reason, held.signer, held.certificate) == ("ok", "doi-tac", "")
    assert reason(content, trust=raw_key, policy=PRODUCTION) == "key.untrusted"
    assert reason(content, trust=store(pinned=(signer.cert,)), policy=PRODUCTION) == "ok"
    other = with_key_info(enveloped(DOCUMENT, signer=stranger()), _ec_value(signer))
    assert reason(other, trust=raw_key) == "signature.wrong"


def hmac_signed(secret: bytes, bits: int | None = None, digest: str = "sha256") -> bytes:
    root = safexml.parse(enveloped(DOCUMENT)).root
    next(root.iter(uris.ds("KeyInfo"))).clear()
    method = next(root.iter(uris.ds("SignatureMethod")))
    method.set("Algorithm", f"{uris.MORE}hmac-{digest}")
    if bits is not None:
        etree.SubElement(method, uris.ds("HMACOutputLength")).text = str(bits)
    octets = hmac.digest(secret, canonical(NodeSet(next(root.iter(uris.ds("SignedInfo")))), Canonical()), digest)
    value = base64.b64encode(octets[: bits // 8 if bits is not None else None]).decode()
    next(root.iter(uris.ds("SignatureValue"))).text = value
    return bytes(etree.tostring(root.getroottree(), encoding="UTF-8"))


def test_a_shared_key_counts_under_compat_and_cut_to_no_less_than_half() -> None:
    shared = TrustStore(shared_keys=(("ban-hang", b"secret"),))
    assert ask(hmac_signed(b"secret"), trust=shared).signer == "ban-hang"
    assert reason(hmac_signed(b"secret"), trust=shared, policy=PRODUCTION) == "algorithm.forbidden"
    assert reason(hmac_signed(b"other"), trust=shared) in ("signature.wrong", "key.untrusted")
    assert reason(hmac_signed(b"secret", 128), trust=shared) == "ok"
    for bits in (0, 8, 80, 120, 264):
        assert reason(hmac_signed(b"secret", bits), trust=shared) == "algorithm.forbidden", bits
    assert reason(hmac_signed(b"secret", 132), trust=shared) == "algorithm.unsupported"


def test_a_public_key_is_never_a_shared_secret() -> None:
    signer = world()[2]
    der = signer.cert.public_bytes(Encoding.DER)
    trust = TrustStore(pinned=(signer.cert,), public_keys=(("x", signer.cert.public_key()),))
    for secret in (der, signer.cert.public_bytes(Encoding.PEM), b""):
        assert reason(hmac_signed(secret), trust=trust) == "key.untrusted"


def test_weak_algorithms_are_refused_by_policy() -> None:
    content = enveloped(DOCUMENT)
    weak = content.replace(b"ecdsa-sha256", b"ecdsa-sha1")
    assert reason(weak, policy=PRODUCTION) == "algorithm.forbidden"
    assert reason(weak) == "signature.wrong"
    assert reason(content.replace(b"ecdsa-sha256", b"rsa-md5")) == "algorithm.forbidden"
    assert reason(content.replace(b"ecdsa-sha256", b"unheard-of")) == "algorithm.unsupported"
    k1 = make("CN=k1", issuer=world()[0], key_label="k1 xmldsig")
    assert reason(enveloped(DOCUMENT, signer=k1), policy=PRODUCTION) == "algorithm.forbidden"


def test_an_ecdsa_value_has_exactly_two_numbers() -> None:
    content = enveloped(DOCUMENT)
    root = safexml.parse(content).root
    value = next(root.iter(uris.ds("SignatureValue")))
    octets = base64.b64decode(value.text)
    for wrong in (octets + b"\0\0", b"\0" + octets[:32] + b"\0" + octets[32:], octets[1:], b""):
        value.text = base64.b64encode(wrong).decode()
        assert reason(bytes(etree.tostring(root.getroottree()))) == "signature.wrong"


def test_dsa_holds_under_compat_only() -> None:
    secret = dsa.generate_private_key(1024)
    root = safexml.parse(enveloped(DOCUMENT)).root
    next(root.iter(uris.ds("KeyInfo"))).clear()
    next(root.iter(uris.ds("SignatureMethod"))).set("Algorithm", f"{uris.DS}dsa-sha1")
    octets = canonical(NodeSet(next(root.iter(uris.ds("SignedInfo")))), Canonical())
    r, s = decode_dss_signature(secret.sign(octets, hashes.SHA1()))
    width = (secret.parameters().parameter_numbers().q.bit_length() + 7) // 8
    next(root.iter(uris.ds("SignatureValue"))).text = base64.b64encode(r.to_bytes(width) + s.to_bytes(width)).decode()
    content = bytes(etree.tostring(root.getroottree()))
    trust = TrustStore(public_keys=(("d", secret.public_key()),))
    assert reason(content, trust=trust) == "ok"
    assert reason(content, trust=trust, policy=PRODUCTION) == "algorithm.forbidden"


def test_base64_is_read_strictly() -> None:
    content = enveloped(DOCUMENT)
    for old, new in (
        (b"<ds:SignatureValue>", b"<ds:SignatureValue>*"),
        (b"<ds:SignatureValue>", b"<ds:SignatureValue><!--x-->"),
        (b"<ds:DigestValue>", b"<ds:DigestValue><!--x-->"),
    ):
        assert reason(content.replace(old, new)) == "malformed"
    assert reason(content.replace(b"<ds:SignatureValue>", b"<ds:SignatureValue>\n ")) == "ok"


def test_a_rule_of_ones_own_gives_keys_and_transforms() -> None:
    signer = world()[2]
    own = NewReference("#b1", (Transform("urn:own"),), octets=b"own octets")
    content = with_key_info(made(DOCUMENT, [own]), "<x/>")
    signature = signatures_in(safexml.parse(content).root)[0]
    rules = Rules(
        transforms={"urn:own": lambda transform, found: b"own octets"},
        keys=lambda key_info: [Candidate(signer.cert.public_key(), (signer.cert,))],
    )
    verified = verify_signature(signature, question=question(), rules=rules)
    assert verified.references[0].content == b"own octets" and not verified.references[0].whole
    assert verified.references[0].element.get("Id") == "b1"
    with pytest.raises(NotValid, match=r"chain\.unknown"):
        trusted_signer(verified, question=question())
    assert trusted_signer(verified, question=question(), pool=(world()[1].cert,)).certificate == signer.cert


def with_manifest(*listed: NewReference) -> bytes:
    """A signature over a manifest of *listed*, and nothing else."""
    manifest = etree.Element(uris.ds("Manifest"), Id="m")
    manifest.extend(safexml.parse(made(None, listed)).root.iter(uris.ds("Reference")))
    return made(None, [NewReference("#m", EXCLUSIVE, type=uris.MANIFEST_TYPE)], objects=[manifest])


def test_what_a_signed_manifest_lists_must_hold_as_far_as_it_is_at_hand() -> None:
    content = with_manifest(NewReference("x.txt", content=b"octets"))
    assert ask(content, detached={"x.txt": b"octets"}).scope is Scope.FULL
    assert reason(content, detached={"x.txt": b"changed"}) == "signature.digest"
    absent = ask(content)
    assert (absent.reason, absent.scope) == ("ok", Scope.PARTIAL)
    assert "1 references of signed manifests" in absent.detail
    odd = with_manifest(NewReference("x.txt", (Transform("urn:own"),), content=b"", octets=b"own"))
    assert ask(odd, detached={"x.txt": b"octets"}).scope is Scope.PARTIAL


def test_the_references_of_manifests_are_verified_for_a_caller_that_asks() -> None:
    content = with_manifest(NewReference("x.txt", content=b"octets"))
    signature = signatures_in(safexml.parse(content).root)[0]
    for octets, expected in ((b"octets", None), (b"changed", "signature.digest")):
        rules = Rules(resolve=lambda uri, octets=octets: octets, manifests=True)
        if expected is None:
            verified = verify_signature(signature, question=question(), rules=rules)
            assert [one.content for one in verified.manifest] == [b"octets"]
        else:
            with pytest.raises(NotValid, match=expected):
                verify_signature(signature, question=question(), rules=rules)


def test_the_tree_is_not_changed_by_verifying() -> None:
    root = safexml.parse(b"<?p?><!--x-->" + DOCUMENT).root
    content = enveloped(b"<?p?><!--x-->" + DOCUMENT)
    root = safexml.parse(content).root
    before = etree.tostring(root.getroottree())
    verify_signature(signatures_in(root)[0], question=question())
    assert etree.tostring(root.getroottree()) == before


def test_two_certificates_of_one_key_are_both_tried() -> None:
    _, issuing, signer = world()
    itself = make("CN=UBND,O=Test,C=VN", key_label="CN=UBND,O=Test,C=VN")
    assert itself.key is key("CN=UBND,O=Test,C=VN") is signer.key
    der = [base64.b64encode(one.der).decode() for one in (itself, signer, issuing)]
    inside = "".join(f"<ds:X509Certificate>{one}</ds:X509Certificate>" for one in der)
    verdict = ask(with_key_info(enveloped(DOCUMENT), f"<ds:X509Data>{inside}</ds:X509Data>"))
    assert verdict.certificate == signer.cert.fingerprint(hashes.SHA256()).hex()
