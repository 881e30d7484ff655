"""What we sign: its form, and that programs which share no code with us accept it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.formats import soap
from gateway.formats.soap import NAMESPACES, Version
from gateway.model.verdict import NotValid
from gateway.signing import wssecurity
from gateway.signing.wssecurity import Attachment
from gateway.signing.wssecurity.prepare import prefixes_in_text
from tests.adapters.pki_tools import needs, run
from tests.unit.wss_messages import (
    AT,
    DS,
    MARK,
    SEED,
    WSA,
    WSSE,
    WSU,
    envelope,
    people,
    signed,
    tree,
    verified,
)


def security(message: bytes) -> object:
    return tree(message).find(f".//{{{WSSE}}}Security")


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_the_header_holds_timestamp_token_and_signature_in_that_order(version: Version) -> None:
    block = security(signed(version=version, actor="urn:us"))
    space = f"{{{NAMESPACES[version]}}}"
    names = [child.tag for child in block]
    assert names == [f"{{{WSU}}}Timestamp", f"{{{WSSE}}}BinarySecurityToken", f"{{{DS}}}Signature"]
    assert block.get(f"{space}mustUnderstand") == ("1" if version == "1.1" else "true")
    assert block.get(f"{space}{'actor' if version == '1.1' else 'role'}") == "urn:us"


def test_body_timestamp_token_and_addressing_are_signed_each_by_its_own_id() -> None:
    root = tree(signed())
    uris = [one.get("URI") for one in root.iter(f"{{{DS}}}Reference")]
    ids = {f"#{one.get(f'{{{WSU}}}Id')}": one.tag.rpartition("}")[2] for one in root.iter() if one.get(f"{{{WSU}}}Id")}
    assert [ids[uri] for uri in uris] == ["Body", "Timestamp", "BinarySecurityToken", "MessageID", "Action"]
    assert all(SEED.hex() in uri for uri in uris)


def test_an_envelope_without_header_gets_one_and_a_body_keeps_its_id() -> None:
    space = NAMESPACES["1.1"]
    bare = f'<e:Envelope xmlns:e="{space}"><e:Body xmlns:u="{WSU}" u:Id="mine"><p/></e:Body></e:Envelope>'.encode()
    message = signed(bare)
    assert [child.tag for child in tree(message)] == [f"{{{space}}}Header", f"{{{space}}}Body"]
    assert verified(message).body.content == (
        f'<e:Body xmlns:e="{space}" xmlns:u="{WSU}" u:Id="mine"><p></p></e:Body>'.encode()
    )


def test_the_message_handed_in_is_not_changed() -> None:
    mine = soap.parse(envelope())
    before = soap.etree.tostring(mine.root)
    wssecurity.prepare(mine, certificate=people()[2].cert, scheme="ecdsa", created=AT, seed=SEED)
    assert soap.etree.tostring(mine.root) == before


def test_prefixes_used_in_text_are_signed_with_their_meaning() -> None:
    message = signed()
    assert verified(message).signatures == 1
    rebound = message.replace(b'xmlns:xs="http://www.w3.org/2001/XMLSchema"', b'xmlns:xs="urn:other"', 1)
    assert rebound != message
    with pytest.raises(NotValid) as refused:
        verified(rebound)
    assert refused.value.reason == "signature.digest"
    assert b'xmlns:xs="http://www.w3.org/2001/XMLSchema"' in verified(message).body.content


def test_only_prefixes_that_are_in_scope_and_used_are_listed() -> None:
    root = tree(b'<a xmlns:p="urn:p" xmlns:q="urn:q" xmlns:r="urn:r"><b t="p:x">see q:y, r :z, http://s</b></a>')
    assert prefixes_in_text(root) == ("p", "q")


def test_a_header_that_is_to_be_signed_must_be_there() -> None:
    with pytest.raises(NotValid) as refused:
        signed(headers=("{urn:o}Nothing",))
    assert refused.value.reason == "signature.place"


def test_a_second_security_header_for_one_receiver_is_not_made() -> None:
    with pytest.raises(NotValid) as refused:
        signed(signed())
    assert refused.value.reason == "signature.ambiguous"


def test_ids_need_enough_randomness_and_times_a_zone() -> None:
    with pytest.raises(ValueError, match="seed"):
        signed(seed=b"short")
    with pytest.raises(ValueError, match="zone"):
        signed(created=datetime(2026, 11, 28))


def test_the_lifetime_is_written_as_expires() -> None:
    found = verified(signed(lifetime=timedelta(seconds=30)))
    assert found.timestamp is not None
    assert found.timestamp.expires == AT + timedelta(seconds=30)


def test_an_attachment_with_an_unusual_name_is_found_again() -> None:
    name = "tệp 1%<b>@x".replace("<", "(").replace(">", ")")
    message = signed(attachments=(Attachment(name, "application/pdf", b"%PDF"),))
    assert b'URI="cid:t%E1%BB%87p%201%25(b)@x"' in message
    found = verified(message, detached={name: b"%PDF"})
    assert [(one.content_id, one.content) for one in found.attachments] == [(name, b"%PDF")]


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize(("kind", "digest"), [("ec", "sha256"), ("ec", "sha384"), ("rsa", "sha256"), ("rsa", "sha512")])
@needs("xmlsec1")
async def test_xmlsec_verifies_what_we_sign(tmp_path: Path, version: Version, kind: str, digest: str) -> None:
    message = signed(version=version, kind=kind, digest=digest)
    assert verified(message, kind=kind).signatures == 1
    spoilt = message.replace(MARK, b"Forged!")
    key = tmp_path / "key.pem"
    key.write_bytes(_public_pem(people(kind)[2].cert))
    for name, content, wanted in (("good.xml", message, True), ("bad.xml", spoilt, False)):
        (tmp_path / name).write_bytes(content)
        code, said = await run(*_asked(version), "--pubkey-pem", key, tmp_path / name)
        assert (code == 0) is wanted, said


def _asked(version: Version) -> list[str]:
    """xmlsec1 and the elements that bear a wsu:Id (it knows no ids by itself)."""
    names = (
        f"{NAMESPACES[version]}:Body",
        f"{WSU}:Timestamp",
        f"{WSSE}:BinarySecurityToken",
        f"{WSA}:MessageID",
        f"{WSA}:Action",
    )
    return ["xmlsec1", "--verify", *(word for name in names for word in ("--id-attr:Id", name))]


def _public_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
