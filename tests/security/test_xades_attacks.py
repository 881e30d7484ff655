"""Attacks on XAdES: properties swapped, moved, doubled and wrapped, stamps of something else, borrowed certificates.

Allowed ends of what was made without the signer's key: a refusal, or exactly the genuine verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.signing.xades import judge
from gateway.signing.xmldsig import NewReference, Transform, prepare
from gateway.signing.xmldsig.uris import EXC_C14N, XPATH
from sandbox.pki.authority import Validity
from sandbox.pki.faults import rule_from_json
from tests.unit.trust_pki import AT, DAY
from tests.unit.xades_tools import (
    COUNTERSIGNED,
    DOCUMENT,
    DS,
    XADES,
    Shape,
    add_unsigned,
    b64,
    made,
    question,
    refused,
    sign_bytes,
    signed,
    stamp_element,
    stamped,
    unsigned,
    v2,
    value_octets,
    verdict,
    world,
    written,
)

P = f"{{{XADES}}}"
D = f"{{{DS}}}"
PROPERTIES = f"{P}SignedProperties"


def _tree(content: bytes) -> Any:
    return etree.fromstring(content)


def _bytes(root: Any) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8"))


def _object(signature: Any, *inner: Any) -> Any:
    holder = etree.SubElement(signature, f"{D}Object")
    holder.extend(inner)
    return holder


# What a forger without the key does to the properties.


def _properties_replaced(root: Any) -> None:
    root.find(f".//{P}SigningTime").text = "2020-01-01T00:00:00Z"


def _properties_moved_and_replaced(root: Any) -> None:
    """The genuine ones stay signed elsewhere in the signature, others stand where they are read."""
    signature, genuine = root.find(f"{D}Signature"), root.find(f".//{PROPERTIES}")
    decoy = deepcopy(genuine)
    decoy.set("Id", "decoy")
    decoy.find(f".//{P}SigningTime").text = "2020-01-01T00:00:00Z"
    genuine.getparent().replace(genuine, decoy)
    _object(signature, genuine)


def _properties_moved_into_a_wrapper(root: Any) -> None:
    signature, holder = root.find(f"{D}Signature"), root.find(f".//{P}QualifyingProperties")
    decoy = deepcopy(holder)
    decoy.find(PROPERTIES).set("Id", "decoy")
    wrapper = etree.Element("wrapper")
    holder.getparent().replace(holder, decoy)
    wrapper.append(holder)
    _object(signature, wrapper)


def _properties_doubled(root: Any) -> None:
    genuine = root.find(f".//{PROPERTIES}")
    genuine.addprevious(deepcopy(genuine))


def _properties_doubled_with_another_id(root: Any) -> None:
    genuine = root.find(f".//{PROPERTIES}")
    decoy = deepcopy(genuine)
    decoy.set("Id", "decoy")
    genuine.addprevious(decoy)


def _second_qualifying_properties(root: Any) -> None:
    decoy = deepcopy(root.find(f".//{P}QualifyingProperties"))
    decoy.find(PROPERTIES).set("Id", "decoy")
    _object(root.find(f"{D}Signature"), decoy)


def _second_of_an_older_namespace(root: Any) -> None:
    old = "http://uri.etsi.org/01903/v1.1.1#"
    _object(root.find(f"{D}Signature"), etree.fromstring(f"<QualifyingProperties xmlns='{old}' Target='#S'/>"))


def _external_properties(root: Any) -> None:
    holder = root.find(f".//{P}QualifyingProperties").getparent()
    reference = etree.SubElement(holder, f"{P}QualifyingPropertiesReference")
    reference.set("URI", "http://example.org/properties")


def _target_elsewhere(root: Any) -> None:
    root.find(f".//{P}QualifyingProperties").set("Target", "#to")


def _target_missing(root: Any) -> None:
    del root.find(f".//{P}QualifyingProperties").attrib["Target"]


def _no_properties(root: Any) -> None:
    holder = root.find(f".//{P}QualifyingProperties").getparent()
    holder.getparent().remove(holder)


def _properties_of_another_name(root: Any) -> None:
    genuine = root.find(f".//{PROPERTIES}")
    genuine.tag = f"{P}UnsignedProperties"


FORGERIES = [
    value for name, value in list(globals().items()) if name.startswith(("_prop", "_sec", "_ext", "_tar", "_no_"))
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda one: one.__name__)
def test_properties_are_those_that_were_signed_or_the_file_is_refused(forge: Callable[[Any], None]) -> None:
    root = _tree(made())
    forge(root)
    found = refused(_bytes(root))
    assert found.judgement in (Judgement.INVALID, Judgement.UNSUPPORTED), found


SHAPES: dict[str, dict[str, Any]] = {
    "type missing": {"type": ""},
    "type wrong": {"type": "http://www.w3.org/2000/09/xmldsig#Object"},
    "type of a counter-signature": {"type": COUNTERSIGNED},
    "no reference to them": {"cover_properties": False},
    "typed reference to the content": {"properties_uri": "#to"},
    "typed twice": {
        "more_references": (
            NewReference("#to", (Transform(EXC_C14N),), type="http://uri.etsi.org/01903#SignedProperties"),
        )
    },
    "no id on the signature's target": {"target": "#"},
    "wrapped in the object": {"wrap": "<w xmlns=''>{}</w>"},
    "no certificate named": {"certificate": ""},
    "nothing but the properties": {"references": ()},
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_even_the_signers_own_key_makes_no_xades_of_another_shape(shape: dict[str, Any]) -> None:
    assert refused(made(**shape)).judgement is Judgement.INVALID


def test_properties_filtered_by_a_transform_are_not_read() -> None:
    root = _tree(made())
    transform = etree.fromstring(
        f"<ds:Transform xmlns:ds='{DS}' Algorithm='{XPATH}'><ds:XPath>false()</ds:XPath></ds:Transform>"
    )
    root.findall(f".//{D}Transforms")[-1].insert(0, transform)
    with pytest.raises(NotValid):
        judge(_bytes(root), question())


def test_one_signature_cannot_borrow_the_properties_of_another() -> None:
    """B's typed reference and Target point into A, whose properties name A's certificate."""
    first = signed(Shape(signature_id="A", target="#A", references=(NewReference("#to", (Transform(EXC_C14N),)),)))
    root = first.getroottree().getroot()
    for borrowed in ("#P", "#to"):
        prepared = prepare(
            [
                NewReference("#to", (Transform(EXC_C14N),)),
                NewReference(borrowed, (Transform(EXC_C14N),), type="http://uri.etsi.org/01903#SignedProperties"),
            ],
            scheme="ecdsa",
            certificate=world().other.certificate,
            chain=world().other.chain,
            place=root,
            signature_id="B",
        )
        second = prepared.insert(sign_bytes(world().other, prepared.to_sign))
        assert refused(written(second)).reason == "signature.properties"
        root.remove(second)


def test_what_stands_in_unsigned_properties_is_not_taken_for_signed() -> None:
    signature = signed()
    add_unsigned(
        signature,
        f"<x:SigningTime xmlns:x='{XADES}'>2020-01-01T00:00:00Z</x:SigningTime>",
        f"<x:SignedProperties xmlns:x='{XADES}' Id='P2'><x:SignedSignatureProperties>"
        "<x:SigningTime>2020-01-01T00:00:00Z</x:SigningTime></x:SignedSignatureProperties></x:SignedProperties>",
    )
    assert (
        verdict(written(signature)) == verdict(made())
        or verdict(written(signature)).signed_at == verdict(made()).signed_at
    )


# Certificates.


def test_a_certificate_of_the_same_key_does_not_take_the_signers_place() -> None:
    """Another authority may be tricked into certifying the key for a forger; the digest says which one signed."""
    signer, issuing = world().signer, world().hierarchy.issuing("public")
    twin = _reissued(signer, issuing)
    root = _tree(made())
    first = root.find(f".//{D}X509Certificate")
    first.text = b64(twin.public_bytes(Encoding.DER))
    assert refused(_bytes(root), trust=world().trust("public")).judgement is not Judgement.VALID
    found = _outcome(_bytes(root), pool={"signer.cer": signer.der()})
    assert found is None or found.signer == signer.certificate.subject.rfc4514_string()


def _reissued(signer: Any, issuing: Any) -> Any:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=Forger"))
        .issuer_name(issuing.certificate.subject)
        .public_key(signer.key.public_key())
        .serial_number(77)
        .not_valid_before(AT - DAY)
        .not_valid_after(AT + DAY)
        .sign(issuing.identity.key, hashes.SHA256())
    )


def test_kept_certificates_make_nobody_trusted() -> None:
    stranger = world().stranger
    signature = signed(Shape(identity=stranger))
    kept = "".join(
        f"<x:EncapsulatedX509Certificate>{b64(one.public_bytes(Encoding.DER))}</x:EncapsulatedX509Certificate>"
        for one in (stranger.certificate, *stranger.chain)
    )
    add_unsigned(signature, f"<x:CertificateValues xmlns:x='{XADES}'>{kept}</x:CertificateValues>")
    assert refused(written(signature)).judgement is Judgement.INDETERMINATE


# Time stamps.


def test_a_stamp_of_another_signature_is_refused() -> None:
    other = value_octets(signed(Shape(identity=world().other)))
    assert refused(stamped(lambda _: world().stamp(other))).reason == "timestamp.invalid"


@pytest.mark.parametrize(
    "subject",
    [lambda octets: DOCUMENT.encode(), lambda octets: octets + b"\n", lambda octets: octets[1:], lambda octets: b""],
)
def test_a_stamp_over_something_else_is_refused(subject: Callable[[bytes], bytes]) -> None:
    assert refused(stamped(lambda octets: world().stamp(subject(octets)))).reason == "timestamp.invalid"


def test_a_forged_stamp_is_refused() -> None:
    rule = rule_from_json({"operation": "tsa", "action": "bad_signature"})
    assert refused(stamped(lambda octets: world().stamp(octets, rule=rule))).reason == "timestamp.invalid"
    assert refused(stamped(lambda octets: b"\x30\x03\x02\x01\x01")).reason == "timestamp.invalid"


def test_a_stamp_from_before_the_certificate_refuses_the_signature() -> None:
    young = world().hierarchy.organisation("Mới", validity=Validity(AT - 2 * DAY, AT + DAY))
    content = stamped(lambda octets: world().stamp(octets, AT - 10 * DAY), Shape(identity=young))
    assert refused(content).reason == "certificate.not_yet"


def test_a_stamp_from_the_future_proves_nothing() -> None:
    signer = Shape(identity=world().expired_signer())
    content = stamped(lambda octets: world().stamp(octets, AT + 9 * DAY), signer)
    assert refused(content).judgement is Judgement.INDETERMINATE
    fresh = _outcome(stamped(lambda octets: world().stamp(octets, AT + 9 * DAY)))
    assert fresh is None or not fresh.time_proven


def test_a_strangers_stamp_does_not_rescue_an_expired_certificate() -> None:
    signer = Shape(identity=world().expired_signer())
    content = stamped(lambda octets: world().stamp(octets, AT - 15 * DAY, "public"), signer)
    assert verdict(content).judgement is Judgement.VALID
    assert refused(content, trust=world().trust("government")).judgement is Judgement.INDETERMINATE


def test_an_archive_stamp_does_not_rescue_an_expired_certificate() -> None:
    signature = signed(Shape(identity=world().expired_signer()))
    token = world().stamp(value_octets(signature), AT - 15 * DAY)
    for name in ("ArchiveTimeStamp", "SigAndRefsTimeStamp", "RefsOnlyTimeStamp"):
        add_unsigned(signature, stamp_element(token).replace("SignatureTimeStamp", name))
    assert refused(written(signature)).reason == "certificate.expired"


def test_a_stamp_that_lists_something_else_is_refused() -> None:
    for extra in ("<x:Include URI='#to'/>", "<x:HashDataInfo uri='#P'/>", "<x:Include/>"):
        signature = signed()
        token = world().stamp(value_octets(signature))
        add_unsigned(signature, stamp_element(token, extra=extra))
        assert refused(written(signature)).reason == "timestamp.invalid"
    listed = signed()
    add_unsigned(listed, stamp_element(world().stamp(value_octets(listed)), extra="<x:Include URI='#SV'/>"))
    assert verdict(written(listed)).time_proven


def test_an_empty_stamp_and_a_flood_of_stamps_are_refused() -> None:
    signature = signed()
    add_unsigned(signature, f"<x:SignatureTimeStamp xmlns:x='{XADES}'/>")
    assert refused(written(signature)).reason == "timestamp.invalid"
    flooded = signed()
    element = stamp_element(world().stamp(value_octets(flooded)))
    add_unsigned(flooded, *[element] * 50)
    assert refused(written(flooded)).reason == "limit.exceeded"


# Counter-signatures.


def _countersigned(signature: Any, by: Any, reference: NewReference) -> Any:
    add_unsigned(signature, f"<x:CounterSignature xmlns:x='{XADES}'/>")
    place = signature.find(f".//{P}CounterSignature")
    prepared = prepare(
        [reference], scheme="ecdsa", certificate=by.certificate, chain=by.chain, place=place, signature_id="C"
    )
    prepared.insert(sign_bytes(by, prepared.to_sign))
    return signature


VALUE = NewReference("#SV", (Transform(EXC_C14N),), type=COUNTERSIGNED)


def test_a_trusted_counter_signature_does_not_vouch_for_a_stranger() -> None:
    content = written(_countersigned(signed(Shape(identity=world().stranger)), world().signer, VALUE))
    assert refused(content).judgement is Judgement.INDETERMINATE


def test_a_counter_signature_is_not_taken_for_the_signature() -> None:
    root = _tree(written(_countersigned(signed(), world().other, VALUE)))
    signature, inner = root.find(f"{D}Signature"), root.find(f".//{P}CounterSignature/{D}Signature")
    root.replace(signature, inner)
    with pytest.raises(NotValid):
        judge(_bytes(root), question())


def test_a_counter_signature_over_something_else_is_refused() -> None:
    for uri in ("#to", "#P", "#S"):
        reference = NewReference(uri, (Transform(EXC_C14N),), type=COUNTERSIGNED)
        try:
            content = written(_countersigned(signed(), world().other, reference))
        except NotValid:
            continue
        with pytest.raises(NotValid):
            judge(content, question())


def test_a_counter_signature_moved_to_another_signature_is_refused() -> None:
    donor = _countersigned(signed(), world().other, VALUE)
    taken = donor.find(f".//{P}CounterSignature")
    target = signed(Shape(time="2026-11-21T08:00:00+07:00"))
    add_unsigned(target, etree.tostring(taken, encoding="unicode"))
    assert refused(written(target)).judgement is Judgement.INVALID


def test_many_or_empty_counter_signatures_are_refused() -> None:
    empty = made(unsigned=unsigned("<x:CounterSignature/>"))
    assert refused(empty).judgement is Judgement.MALFORMED
    assert refused(made(unsigned=unsigned("<x:CounterSignature/>" * 20))).reason == "limit.exceeded"


# Everything a forger can do with one element.


def _outcome(content: bytes, pool: dict[str, bytes] | None = None) -> Verdict | None:
    try:
        return judge(content, question(detached=pool or {}))
    except NotValid:
        return None


def _mutants(content: bytes) -> Iterator[bytes]:
    count = len(list(_tree(content).iter("*")))
    for place in range(1, count):
        for change in (_delete, _double, _to_the_end, _rename, _into_an_object, _forget_ids):
            root = _tree(content)
            element = list(root.iter("*"))[place]
            change(root, element)
            yield _bytes(root)


def _delete(root: Any, element: Any) -> None:
    element.getparent().remove(element)


def _double(root: Any, element: Any) -> None:
    element.addnext(deepcopy(element))


def _to_the_end(root: Any, element: Any) -> None:
    root.append(element)


def _rename(root: Any, element: Any) -> None:
    element.tag = element.tag + "X"


def _into_an_object(root: Any, element: Any) -> None:
    signature = root.find(f"{D}Signature")
    if signature is not None and element is not signature:
        _object(signature, element)


def _forget_ids(root: Any, element: Any) -> None:
    for one in element.iter("*"):
        one.attrib.pop("Id", None)


def test_no_change_of_one_element_gives_another_valid_verdict() -> None:
    content = stamped(shape=Shape(certificate=v2(world().signer)))
    genuine = verdict(content)
    changed = [_outcome(one) for one in _mutants(content)]
    kept = [one for one in changed if one is not None]
    assert len(changed) > 200
    assert len(kept) < len(changed) / 2
    for one in kept:
        assert (one.signed, one.signer, one.scope) == (genuine.signed, genuine.signer, genuine.scope)
        assert not one.time_proven or one.signed_at == genuine.signed_at
        assert one.signed_at in (genuine.signed_at, AT - timedelta(days=1), verdict(made()).signed_at)


@given(st.data())
def test_no_changed_byte_gives_another_valid_verdict(data: st.DataObject) -> None:
    content, genuine = _ONE
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
    found = _outcome(content[:at] + bytes([byte]) + content[at + 1 :])
    assert found is None or (found.signed, found.signer, found.signed_at) == (
        genuine.signed,
        genuine.signer,
        genuine.signed_at,
    )


_CONTENT = made()
_ONE = (_CONTENT, verdict(_CONTENT))
