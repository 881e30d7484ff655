"""XAdES signatures we make: levels B, T and LT, read by ourselves and, at their core, by xmlsec1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from gateway.model.verdict import Judgement, NotValid, Scope
from gateway.signing.policy import PRODUCTION
from gateway.signing.trust import Evidence, describe
from gateway.signing.xades import (
    SignedContent,
    add_stamp,
    add_values,
    bytes_to_stamp,
    document_bytes,
    judge,
    prepare,
)
from gateway.signing.xmldsig import NewReference, Transform
from gateway.signing.xmldsig import prepare as prepare_plain
from gateway.signing.xmldsig.uris import ENVELOPED, EXC_C14N
from sandbox.pki.identity import Identity
from tests.adapters.pki_tools import needs, run
from tests.unit.trust_pki import AT, DAY, Holder, crl
from tests.unit.xades_tools import DOCUMENT, question, refused, scheme, sign_bytes, verdict, world

WHOLE = SignedContent(NewReference("", (Transform(ENVELOPED), Transform(EXC_C14N))), "text/xml")


def _prepared(signer: Identity, *contents: SignedContent, document: str | None = DOCUMENT) -> Any:
    return prepare(
        contents or (WHOLE,),
        scheme=scheme(signer),
        certificate=signer.certificate,
        chain=signer.chain,
        signed_at=AT - DAY,
        signature_id="sig-1",
        place=etree.fromstring(document) if document else None,
    )


def _signature(signer: Identity, *contents: SignedContent, document: str | None = DOCUMENT) -> Any:
    prepared = _prepared(signer, *contents, document=document)
    return prepared.insert(sign_bytes(signer, prepared.to_sign))


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_level_b_holds_and_says_what_it_was_told(kind: str) -> None:
    signer = world().signer if kind == "ec" else world().rsa_signer
    prepared = _prepared(signer)
    found = verdict(prepared.complete(sign_bytes(signer, prepared.to_sign)))
    assert (found.judgement, found.scope, found.signer) == (
        Judgement.VALID,
        Scope.FULL,
        describe.subject(signer.certificate),
    )
    assert (found.signed_at, found.time_proven) == (AT - DAY, False)


def test_level_t_proves_its_time() -> None:
    signature = _signature(world().signer)
    add_stamp(signature, world().stamp(bytes_to_stamp(signature), AT - DAY / 2))
    found = verdict(document_bytes(signature))
    assert (found.judgement, found.signed_at, found.time_proven) == (Judgement.VALID, AT - DAY / 2, True)


def test_a_stamp_can_be_added_to_a_document_read_again() -> None:
    signature = etree.fromstring(document_bytes(_signature(world().signer))).find(".//{*}Signature")
    add_stamp(signature, world().stamp(bytes_to_stamp(signature)))
    assert verdict(document_bytes(signature)).time_proven


def test_level_lt_holds_in_production_without_anything_from_outside() -> None:
    signature = _signature(world().signer)
    add_stamp(signature, world().stamp(bytes_to_stamp(signature)))
    hierarchy = world().hierarchy
    authorities = [of(tree) for tree in ("public", "government") for of in (hierarchy.root, hierarchy.issuing)]
    lists = tuple(crl(Holder(one.certificate, one.identity.key)) for one in authorities)
    add_values(signature, [one.certificate for one in authorities], Evidence(crls=lists))
    found = judge(document_bytes(signature), question(PRODUCTION))
    assert (found.judgement, found.time_proven) == (Judgement.VALID, True)
    with pytest.raises(NotValid):
        add_values(signature, [], Evidence(crls=lists))


def test_content_beside_the_signature_is_signed_by_name() -> None:
    beside = SignedContent(NewReference("thư.pdf", content=b"%PDF"), "application/pdf")
    signature = _signature(world().signer, beside, document=None)
    assert verdict(document_bytes(signature), detached={"thư.pdf": b"%PDF"}).scope is Scope.FULL
    assert refused(document_bytes(signature), detached={"thư.pdf": b"%PDF2"}).reason == "signature.digest"


def test_a_plain_signature_cannot_be_raised() -> None:
    plain = prepare_plain(
        [NewReference("", (Transform(ENVELOPED), Transform(EXC_C14N)))],
        scheme="ecdsa",
        certificate=world().signer.certificate,
        place=etree.fromstring(DOCUMENT),
    )
    signature = plain.insert(sign_bytes(world().signer, plain.to_sign))
    for raising in (lambda: add_stamp(signature, b"x"), lambda: add_values(signature, [], Evidence())):
        with pytest.raises(NotValid) as caught:
            raising()
        assert caught.value.reason == "signature.properties"


async def _xmlsec1(folder: Path, content: bytes) -> tuple[int, str]:
    files = {"signed.xml": content}
    hierarchy = world().hierarchy
    files["root.pem"] = hierarchy.root("government").certificate.public_bytes(Encoding.PEM)
    files["issuing.pem"] = hierarchy.issuing("government").certificate.public_bytes(Encoding.PEM)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return await run(
        *("xmlsec1", "--verify", "--enabled-key-data", "x509"),
        *("--trusted-pem", folder / "root.pem", "--untrusted-pem", folder / "issuing.pem"),
        *("--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"),
        folder / "signed.xml",
    )


@needs("xmlsec1")
@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_xmlsec1_agrees_on_the_signature_at_every_level(tmp_path: Path, kind: str) -> None:
    signature = _signature(world().signer if kind == "ec" else world().rsa_signer)
    code, said = await _xmlsec1(tmp_path, document_bytes(signature))
    assert code == 0, said
    add_stamp(signature, world().stamp(bytes_to_stamp(signature)))
    add_values(signature, world().signer.chain, Evidence())
    code, said = await _xmlsec1(tmp_path, document_bytes(signature))
    assert code == 0, said
    code, said = await _xmlsec1(
        tmp_path, document_bytes(signature).replace(b"xades:SigningTime>2", b"xades:SigningTime>1", 1)
    )
    assert code != 0, said
