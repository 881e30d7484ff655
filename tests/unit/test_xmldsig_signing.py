"""What we sign, judged by xmlsec1, which shares no code with us, and by ourselves."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from gateway.formats import safexml
from gateway.model.verdict import Judgement, NotValid
from gateway.signing.xmldsig import Canonical, NewReference, Transform, prepare, uris
from tests.adapters.pki_tools import needs, run
from tests.unit.trust_pki import Holder, world
from tests.unit.xmldsig_tools import ENVELOPED, EXCLUSIVE, PRODUCTION, ask, enveloped, made, raw, rsa_signer

DOCUMENT = '<?p?><!--x--><a xmlns="urn:a" xml:lang="vi"><b Id="b1" x="1">Sở&#13;\n</b><c/></a>'.encode()
SCHEMES = (("ecdsa", "P-256"), ("rsa-pkcs1v15", "RSA"), ("rsa-pss", "RSA"))


def signer(kind: str) -> Holder:
    return rsa_signer() if kind == "RSA" else world()[2]


async def xmlsec1(folder: Path, content: bytes, *options: str) -> tuple[int, str]:
    file, root = folder / "signed.xml", folder / "root.pem"
    file.write_bytes(content)
    root.write_bytes(world()[0].cert.public_bytes(Encoding.PEM))
    return await run(
        "xmlsec1", "--verify", "--trusted-pem", root, "--enabled-key-data", "x509", *options, file, folder=folder
    )


def variants(scheme: Any, kind: str, digest: Any) -> dict[str, bytes]:
    more = {"scheme": scheme, "signer": signer(kind), "digest": digest}
    holder = etree.Element(uris.ds("Object"), Id="o1")
    etree.SubElement(holder, "{urn:x}x").text = "nội dung"
    by_id = [NewReference("#b1", EXCLUSIVE), NewReference("#o1", (Transform(uris.C14N),))]
    return {
        "enveloped": enveloped(DOCUMENT, **more),
        "enveloped, inclusive": made(DOCUMENT, [NewReference("", ENVELOPED[:1])], form=Canonical(uris.C14N), **more),
        "enveloped, 1.1": made(
            DOCUMENT,
            [NewReference("", (ENVELOPED[0], Transform(uris.C14N_11)))],
            form=Canonical(uris.C14N_11),
            **more,
        ),
        "parts": made(DOCUMENT, by_id, objects=[holder], at="{urn:a}c", signature_id="s1", value_id="v1", **more),
        "prefixes": made(
            DOCUMENT,
            [NewReference("#b1", (Transform(uris.EXC_C14N, ("x", "")),))],
            form=Canonical(uris.EXC_C14N, ("ds",)),
            prefix="",
            **more,
        ),
    }


@needs("xmlsec1")
@pytest.mark.parametrize(("scheme", "kind"), SCHEMES[:2])
@pytest.mark.parametrize("digest", ("sha256", "sha512"))
async def test_xmlsec1_verifies_what_we_sign(scheme: str, kind: str, digest: str, tmp_path: Path) -> None:
    for name, content in variants(scheme, kind, digest).items():
        code, said = await xmlsec1(tmp_path, content, "--id-attr:Id", "b", "--id-attr:Id", "urn:a:b")
        assert code == 0, (name, said)
        assert ask(content, policy=PRODUCTION).judgement is Judgement.VALID, name
        code, said = await xmlsec1(tmp_path, content.replace("Sở".encode(), b"So"), "--id-attr:Id", "urn:a:b")
        assert code != 0, name


@needs("openssl")
@pytest.mark.parametrize("digest", ("sha256", "sha384", "sha512"))
async def test_openssl_verifies_our_pss_value_by_the_uris_own_parameters(digest: Any, tmp_path: Path) -> None:
    """xmlsec1 1.2 knows no RSASSA-PSS: MGF1 and salt as RFC 6931 §2.3.10 fixes them, checked on the octets."""
    content = enveloped(DOCUMENT, scheme="rsa-pss", signer=rsa_signer(), digest=digest)
    root = safexml.parse(content).root
    assert next(root.iter(uris.ds("SignatureMethod"))).get("Algorithm") == f"{uris.MORE_07}{digest}-rsa-MGF1"
    public = rsa_signer().cert.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    value = base64.b64decode(next(root.iter(uris.ds("SignatureValue"))).text)
    octets = etree.tostring(next(root.iter(uris.ds("SignedInfo"))), method="c14n", exclusive=True, with_tail=False)
    for name, written in (("key", public), ("value", value), ("octets", octets)):
        (tmp_path / name).write_bytes(written)
    padding = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")
    asked = ("-verify", "key", "-signature", "value", "octets")
    code, said = await run("openssl", "dgst", f"-{digest}", *padding, *asked, folder=tmp_path)
    assert code == 0, said
    assert ask(content, policy=PRODUCTION).judgement is Judgement.VALID


@needs("xmlsec1")
async def test_xmlsec1_verifies_our_detached_signature(tmp_path: Path) -> None:
    (tmp_path / "van-ban.txt").write_bytes(b"octets")
    content = made(None, [NewReference("van-ban.txt", content=b"octets")], scheme="ecdsa")
    code, said = await xmlsec1(tmp_path, content)
    assert code == 0, said
    assert ask(content, detached={"van-ban.txt": b"octets"}).judgement is Judgement.VALID


@pytest.mark.parametrize(("scheme", "kind"), SCHEMES)
def test_the_document_stays_as_it_was_around_the_signature(scheme: str, kind: str) -> None:
    root = safexml.parse(enveloped(DOCUMENT, scheme=scheme, signer=signer(kind))).root
    added = root[-1]
    assert added.tag == uris.ds("Signature")
    root.remove(added)
    assert etree.tostring(root.getroottree(), method="c14n") == etree.tostring(
        safexml.parse(DOCUMENT).root.getroottree(), method="c14n"
    )


def test_a_signature_can_stand_at_an_index() -> None:
    root = safexml.parse(made(DOCUMENT, [NewReference("", ENVELOPED)], index=0)).root
    assert root[0].tag == uris.ds("Signature")


def test_what_is_to_be_signed_does_not_depend_on_the_value() -> None:
    root = safexml.parse(DOCUMENT).root
    organisation = world()[2]
    prepared = prepare([NewReference("", ENVELOPED)], scheme="ecdsa", certificate=organisation.cert, place=root)
    before = prepared.to_sign
    value = raw(organisation, "ecdsa", "sha256", before)
    assert prepared.complete(value) == prepared.complete(value)
    assert prepared.insert(value) is prepared.signature and prepared.to_sign == before


def test_a_given_key_info_is_taken_as_it_is() -> None:
    key_info = etree.Element(uris.ds("KeyInfo"))
    etree.SubElement(key_info, "{urn:wsse}SecurityTokenReference")
    content = made(DOCUMENT, [NewReference("", ENVELOPED)], key_info=key_info)
    assert b"SecurityTokenReference" in content and b"X509Certificate" not in content


def test_what_cannot_be_signed_is_said_before_the_key_is_asked() -> None:
    certificate = world()[2].cert
    for references, fault in (
        ([], r"signature\.reference"),
        ([NewReference("#none")], r"signature\.reference"),
        ([NewReference("x.txt")], r"signature\.reference"),
        ([NewReference("", (Transform("urn:own"),))], r"algorithm\.unsupported"),
    ):
        with pytest.raises(NotValid, match=fault):
            prepare(references, scheme="ecdsa", certificate=certificate, place=safexml.parse(DOCUMENT).root)
    with pytest.raises(NotValid, match=r"signature\.ambiguous"):
        twice = safexml.parse(b'<a><b Id="x"/><c ID="x"/></a>').root
        prepare([NewReference("#x")], scheme="ecdsa", certificate=certificate, place=twice)
    with pytest.raises(NotValid, match=r"algorithm\.unsupported"):
        prepare([NewReference("")], scheme="ecdsa", certificate=rsa_signer().cert)


def test_a_value_that_is_no_ecdsa_signature_is_refused() -> None:
    prepared = prepare([NewReference("x", content=b"x")], scheme="ecdsa", certificate=world()[2].cert)
    with pytest.raises(NotValid, match=r"signature\.wrong"):
        prepared.complete(b"\x30\x00")
