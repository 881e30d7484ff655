"""Attacks on signed SOAP messages: whatever a forger moves, doubles or swaps, no forged byte is handed on.

Every mutant is made without the key. Allowed ends: a refusal, or exactly the genuine signed parts.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from gateway.formats.safexml import Element
from gateway.formats.soap import NAMESPACES, Version
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity import Attachment, ReplayCache, Rules
from gateway.signing.xmldsig import prepare as prepare_signature
from tests.unit.trust_pki import make
from tests.unit.wss_messages import (
    AT,
    DS,
    MARK,
    MINUTE,
    RULES,
    USUAL,
    WSA,
    WSSE,
    WSU,
    by_hand,
    envelope,
    mime,
    people,
    raw,
    signature,
    signed,
    tree,
    verified,
)

FORGED = b"Forged"
VERSIONS: tuple[Version, ...] = ("1.1", "1.2")
ID_NAMES = (
    f"{{{WSU}}}Id",
    "Id",
    "ID",
    "id",
    "{http://www.w3.org/XML/1998/namespace}id",
    "AssertionID",
)
STRICT = Rules(addressing=True)


@functools.cache
def genuine(version: Version) -> bytes:
    return signed(version=version)


@functools.cache
def handed_on(version: Version) -> tuple[bytes, ...]:
    return pieces(verified(genuine(version), rules=STRICT))


def pieces(found: Any) -> tuple[bytes, ...]:
    return (
        found.body.content,
        *(one.content for one in found.headers),
        *(one.content for one in found.attachments),
        found.message_id.encode(),
        str(found.timestamp).encode(),
        found.signer.name.encode(),
    )


@dataclass
class Message:
    """A genuine message taken apart, to be put together otherwise."""

    root: Element
    version: Version

    @property
    def space(self) -> str:
        return f"{{{NAMESPACES[self.version]}}}"

    @property
    def body(self) -> Element:
        return self.root.find(f"{self.space}Body")

    @property
    def header(self) -> Element:
        return self.root.find(f"{self.space}Header")

    @property
    def security(self) -> Element:
        return self.header.find(f"{{{WSSE}}}Security")

    @property
    def stamp(self) -> Element:
        return self.security.find(f"{{{WSU}}}Timestamp")

    @property
    def signature(self) -> Element:
        return self.security.find(f"{{{DS}}}Signature")

    @property
    def action(self) -> Element:
        return self.header.find(f"{{{WSA}}}Action")

    @property
    def token(self) -> Element:
        return self.security.find(f"{{{WSSE}}}BinarySecurityToken")

    def bytes(self) -> bytes:
        return raw(self.root)


def taken_apart(version: Version) -> Message:
    return Message(tree(genuine(version)), version)


def forged(element: Element, name: str | None, value: str) -> Element:
    """A copy of *element* with other content, bearing *value* as its id under *name* (None: without any)."""
    copy = deepcopy(element)
    copy.tail = None
    copy.attrib.pop(f"{{{WSU}}}Id", None)
    if name is not None:
        copy.set(name, value)
    for one in copy.iter():
        if one.text and one.text.strip():
            one.text = FORGED.decode() if "Created" not in one.tag and "Expires" not in one.tag else one.text
    for one in copy.iter(f"{{{WSU}}}Created", f"{{{WSU}}}Expires"):
        one.text = "2099-01-01T00:00:0" + ("0Z" if one.tag.endswith("Created") else "9Z")
    return copy


def wrapper(parent: Element, index: int | None = None) -> Element:
    made = etree.Element("{urn:wrapper}Wrapper")
    parent.append(made) if index is None else parent.insert(index, made)
    return made


PLACES: dict[str, Callable[[Message], Element]] = {
    "a wrapper in Header": lambda message: wrapper(message.header),
    "a wrapper first in Header": lambda message: wrapper(message.header, 0),
    "a wrapper in Security": lambda message: wrapper(message.security),
    "the Security header itself": lambda message: message.security,
    "another header block": lambda message: message.action,
    "the Signature's Object": lambda message: etree.SubElement(message.signature, f"{{{DS}}}Object"),
    "the KeyInfo": lambda message: message.signature.find(f"{{{DS}}}KeyInfo"),
    "the Timestamp": lambda message: message.stamp,
    "the Header itself": lambda message: message.header,
    "the Envelope": lambda message: message.root,
    "a wrapper in the Body": lambda message: wrapper(message.body),
}


def moved(version: Version, part: str, place: str, id_name: str | None, *, same: bool) -> bytes:
    """The signed *part* goes to *place*, a forged one comes where it was, with the same id or another."""
    message = taken_apart(version)
    original = getattr(message, part)
    own = original.get(f"{{{WSU}}}Id")
    copy = forged(original, id_name, own if same else f"{own}-x")
    parent = original.getparent()
    parent.replace(original, copy)
    PLACES[place](message).append(original)
    return message.bytes()


def wrappings() -> Iterator[tuple[str, Version, bytes]]:
    for version in VERSIONS:
        for part in ("body", "stamp", "action"):
            for place in PLACES:
                if place == {"stamp": "the Timestamp", "action": "another header block"}.get(part):
                    continue
                for name, same in [*((name, True) for name in ID_NAMES), (ID_NAMES[0], False), (None, False)]:
                    label = f"{part} to {place}, {'same' if same else 'other'} id in {name}"
                    yield label, version, moved(version, part, place, name, same=same)


Change = Callable[[Message], None]
CHANGES: dict[str, Change] = {}


def change(function: Change) -> Change:
    CHANGES[function.__name__] = function
    return function


@change
def second_body_behind(message: Message) -> None:
    message.root.append(forged(message.body, None, ""))


@change
def second_body_before(message: Message) -> None:
    message.root.insert(1, forged(message.body, ID_NAMES[0], "x"))


@change
def second_header(message: Message) -> None:
    message.root.insert(0, etree.Element(f"{message.space}Header"))


@change
def two_security_headers(message: Message) -> None:
    message.header.append(deepcopy(message.security))


@change
def empty_security_header_before(message: Message) -> None:
    message.header.insert(0, etree.Element(f"{{{WSSE}}}Security"))


@change
def empty_security_header_behind(message: Message) -> None:
    message.header.append(etree.Element(f"{{{WSSE}}}Security"))


@change
def security_for_the_next_beside_ours(message: Message) -> None:
    other = deepcopy(message.security)
    name = "actor" if message.version == "1.1" else "role"
    uri = "http://schemas.xmlsoap.org/soap/actor/next" if name == "actor" else f"{message.space[1:-1]}/role/next"
    other.set(f"{message.space}{name}", uri)
    message.header.append(other)


@change
def security_for_somebody_else(message: Message) -> None:
    message.security.set(f"{message.space}{'actor' if message.version == '1.1' else 'role'}", "urn:other")


@change
def security_below_another_header(message: Message) -> None:
    wrapper(message.header).append(message.security)


@change
def security_in_the_body(message: Message) -> None:
    message.body.append(message.security)


@change
def signature_in_another_header(message: Message) -> None:
    wrapper(message.header).append(message.signature)


@change
def signature_in_the_body(message: Message) -> None:
    message.body.append(message.signature)


@change
def two_timestamps(message: Message) -> None:
    message.security.insert(0, forged(message.stamp, None, ""))


@change
def second_timestamp_behind(message: Message) -> None:
    message.security.append(forged(message.stamp, None, ""))


@change
def a_later_timestamp(message: Message) -> None:
    for one in message.stamp:
        one.text = "2099-01-01T00:00:0" + ("0Z" if one.tag.endswith("Created") else "9Z")


@change
def an_expires_more(message: Message) -> None:
    message.stamp.append(deepcopy(message.stamp[-1]))


@change
def no_timestamp(message: Message) -> None:
    message.security.remove(message.stamp)


@change
def no_signature(message: Message) -> None:
    message.security.remove(message.signature)


@change
def no_signature_value(message: Message) -> None:
    message.signature.find(f"{{{DS}}}SignatureValue").text = ""


@change
def no_token(message: Message) -> None:
    message.security.remove(message.token)


@change
def token_of_another(message: Message) -> None:
    message.token.text = _encoded(people()[3].der)


@change
def token_of_a_stranger_with_the_same_name(message: Message) -> None:
    message.token.text = _encoded(make("CN=Sở Công Thương,O=Test,C=VN", key_label="stranger").der)


@change
def token_with_the_same_id_before(message: Message) -> None:
    other = deepcopy(message.token)
    other.text = _encoded(people()[3].der)
    message.security.insert(0, other)


@change
def key_info_with_two_references(message: Message) -> None:
    key_info = message.signature.find(f"{{{DS}}}KeyInfo")
    key_info.append(deepcopy(key_info[0]))


@change
def key_info_with_a_bare_key(message: Message) -> None:
    key_info = message.signature.find(f"{{{DS}}}KeyInfo")
    key_info.remove(key_info[0])
    etree.SubElement(key_info, f"{{{DS}}}KeyName").text = "anything"


@change
def no_key_info(message: Message) -> None:
    message.signature.remove(message.signature.find(f"{{{DS}}}KeyInfo"))


@change
def token_reference_out_of_the_message(message: Message) -> None:
    message.signature.find(f".//{{{WSSE}}}Reference").set("URI", "http://forger.example/token")


@change
def token_reference_to_the_body(message: Message) -> None:
    message.signature.find(f".//{{{WSSE}}}Reference").set("URI", f"#{message.body.get(ID_NAMES[0])}")


@change
def body_reference_removed(message: Message) -> None:
    signed_info = message.signature.find(f"{{{DS}}}SignedInfo")
    signed_info.remove(signed_info.find(f"{{{DS}}}Reference"))
    _forge_body(message)


@change
def every_reference_removed(message: Message) -> None:
    signed_info = message.signature.find(f"{{{DS}}}SignedInfo")
    for one in signed_info.findall(f"{{{DS}}}Reference"):
        signed_info.remove(one)


@change
def reference_doubled(message: Message) -> None:
    signed_info = message.signature.find(f"{{{DS}}}SignedInfo")
    signed_info.append(deepcopy(signed_info.find(f"{{{DS}}}Reference")))


@change
def reference_to_the_whole_document(message: Message) -> None:
    message.signature.find(f".//{{{DS}}}Reference").set("URI", "")


@change
def reference_by_xpointer(message: Message) -> None:
    reference = message.signature.find(f".//{{{DS}}}Reference")
    reference.set("URI", f"#xpointer(id('{reference.get('URI')[1:]}'))")


@change
def digest_recomputed_by_the_forger(message: Message) -> None:
    _forge_body(message)
    octets = etree.tostring(message.body, method="c14n", exclusive=True)
    value = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    message.signature.find(f".//{{{DS}}}DigestValue").text = value


@change
def body_changed(message: Message) -> None:
    _forge_body(message)


@change
def body_child_added(message: Message) -> None:
    etree.SubElement(message.body, "{urn:shop}Order").text = FORGED.decode()


@change
def body_text_split_by_a_comment(message: Message) -> None:
    text = next(message.body.iter("{urn:shop}To"))
    text.text, tail = "Genuine", " payee"
    text.append(etree.Comment("x"))
    text[-1].tail = tail


@change
def body_attribute_added(message: Message) -> None:
    message.body[0].set("forged", FORGED.decode())


@change
def action_changed(message: Message) -> None:
    message.action.text = FORGED.decode()


@change
def unsigned_action_added(message: Message) -> None:
    copy = forged(message.action, None, "")
    copy.attrib.clear()
    message.header.insert(0, copy)


@change
def message_id_doubled(message: Message) -> None:
    message.header.insert(0, forged(message.header.find(f"{{{WSA}}}MessageID"), None, ""))


@change
def unknown_mandatory_header(message: Message) -> None:
    wrapper(message.header).set(f"{message.space}mustUnderstand", "1")


@change
def unknown_header(message: Message) -> None:
    wrapper(message.header).text = FORGED.decode()


@change
def prefix_of_a_type_bound_to_another_vocabulary(message: Message) -> None:
    text = message.bytes().replace(b'xmlns:xs="http://www.w3.org/2001/XMLSchema"', b'xmlns:xs="urn:Forged"', 1)
    message.root = tree(text)


@change
def payload_with_the_id_of_the_timestamp(message: Message) -> None:
    wrapper(message.header).set("ID", message.stamp.get(ID_NAMES[0]))


@change
def encrypted_data_in_the_body(message: Message) -> None:
    message.body.append(etree.Element("{http://www.w3.org/2001/04/xmlenc#}EncryptedData"))


@change
def encrypted_key_in_security(message: Message) -> None:
    message.security.append(etree.Element("{http://www.w3.org/2001/04/xmlenc#}EncryptedKey"))


@change
def processing_instruction(message: Message) -> None:
    message.body[0].append(etree.ProcessingInstruction("forged", "x"))


@change
def other_soap_version(message: Message) -> None:
    other = NAMESPACES["1.2" if message.version == "1.1" else "1.1"]
    message.root = tree(message.bytes().replace(message.space[1:-1].encode(), other.encode()))


def _forge_body(message: Message) -> None:
    next(message.body.iter("{urn:shop}To")).text = FORGED.decode()


def _encoded(der: bytes) -> str:
    return base64.b64encode(der).decode()


TRANSFORMS = {
    "xpath": "http://www.w3.org/TR/1999/REC-xpath-19991116",
    "filter": "http://www.w3.org/2002/06/xmldsig-filter2",
    "xslt": "http://www.w3.org/TR/1999/REC-xslt-19991116",
    "base64": f"{DS}base64",
    "enveloped": f"{DS}enveloped-signature",
    "str": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#STR-Transform",
    "attachment": "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#Attachment-Content-Signature-Transform",
    "unknown": "urn:forged",
}


def injected(version: Version, which: str, *, first: bool, instead: bool) -> bytes:
    """A transform more in every Reference, or only that one, over a forged Body."""
    message = taken_apart(version)
    for one in message.signature.iter(f"{{{DS}}}Transforms"):
        made = etree.Element(f"{{{DS}}}Transform", Algorithm=TRANSFORMS[which])
        etree.SubElement(made, f"{{{DS}}}XPath").text = "false()"
        if instead:
            one[:] = [made]
        else:
            one.insert(0 if first else len(one), made)
    _forge_body(message)
    return message.bytes()


ALGORITHMS = {
    "SignatureMethod": (
        f"{DS}hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        f"{DS}rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "urn:none",
        "",
    ),
    "CanonicalizationMethod": ("http://www.w3.org/TR/1999/REC-xslt-19991116", f"{DS}base64", "urn:none", ""),
    "DigestMethod": (f"{DS}sha1", "http://www.w3.org/2001/04/xmldsig-more#md5", "urn:none", ""),
}


def confused(version: Version, where: str, algorithm: str) -> bytes:
    message = taken_apart(version)
    for one in message.signature.iter(f"{{{DS}}}{where}"):
        one.set("Algorithm", algorithm)
    return message.bytes()


def all_mutants() -> Iterator[tuple[str, Version, bytes]]:
    yield from wrappings()
    for version in VERSIONS:
        for name, change_it in CHANGES.items():
            message = taken_apart(version)
            change_it(message)
            yield name, version, message.bytes()
        for which in TRANSFORMS:
            for first, instead in ((True, False), (False, False), (False, True)):
                yield f"transform {which}", version, injected(version, which, first=first, instead=instead)
        for where, algorithms in ALGORITHMS.items():
            for algorithm in algorithms:
                yield f"{where} {algorithm}", version, confused(version, where, algorithm)


HARMLESS = {"unknown_header", "body_text_split_by_a_comment", "no_key_info", "key_info_with_a_bare_key"}
"""Changes to what nobody signs (a comment is not canonical, KeyInfo a hint): what is handed on stays as it was."""


def outcome(message: bytes, rules: Rules = STRICT) -> str | tuple[bytes, ...]:
    try:
        return pieces(verified(message, rules=rules))
    except NotValid as refused:
        return refused.reason


@pytest.mark.parametrize("version", VERSIONS)
def test_the_genuine_message_is_accepted_so_that_refusals_mean_something(version: Version) -> None:
    assert MARK in handed_on(version)[0]
    assert outcome(genuine(version)) == handed_on(version)


def test_no_wrapping_or_change_hands_on_a_forged_byte() -> None:
    ends: Counter[str] = Counter()
    for label, version, mutant in all_mutants():
        assert mutant != genuine(version), label
        end = outcome(mutant)
        if isinstance(end, str):
            ends[end] += 1
            continue
        ends["accepted"] += 1
        assert end == handed_on(version), label
        assert label in HARMLESS, label
    assert sum(ends.values()) >= 500, ends
    assert ends["accepted"] == len(VERSIONS) * len(HARMLESS)
    assert "internal" not in ends


def test_no_wrapping_passes_when_headers_need_not_be_signed() -> None:
    for label, version, mutant in wrappings():
        end = outcome(mutant, RULES)
        if not isinstance(end, str):
            assert end[0] == handed_on(version)[0], label
            assert not any(FORGED in one for one in end), label


def test_flipped_bytes_never_change_what_is_handed_on() -> None:
    dice = random.Random(20261128)
    accepted = 0
    for _ in range(400):
        version = dice.choice(VERSIONS)
        mutant = bytearray(genuine(version))
        for _ in range(dice.choice((1, 1, 2, 5))):
            mutant[dice.randrange(len(mutant))] = dice.choice(b"<>&\"'/ aA0=#:\x00\xff\n")
        end = outcome(bytes(mutant))
        if not isinstance(end, str):
            accepted += 1
            assert end == handed_on(version), bytes(mutant)
    assert accepted < 60


def test_swapped_lines_of_two_messages_never_mix_what_is_handed_on() -> None:
    """Signature, Timestamp, token or Body of one genuine message in another."""
    for version in VERSIONS:
        other_body = envelope(version).replace(MARK, FORGED)
        other = signed(other_body, version=version, holder=people()[3], seed=bytes(range(1, 17)))
        for part in ("body", "stamp", "signature", "token", "action", "security"):
            message, source = taken_apart(version), Message(tree(other), version)
            old = getattr(message, part)
            old.getparent().replace(old, getattr(source, part))
            end = outcome(message.bytes())
            assert isinstance(end, str), part


# Attachments ---------------------------------------------------------------------------------------------------------

PARTS = [
    ("a1@x", "application/pdf", b"%PDF Genuine\r\n1"),
    ("a2@x", "text/plain", b"Genuine\nline"),
    ("a3@x", "text/xml", b"<q  a='1'>Genuine</q>"),
]


@functools.cache
def with_attachments() -> bytes:
    return signed(attachments=tuple(Attachment(*part) for part in PARTS))


Parts = list[tuple[str, str, bytes]]


def _with(at: int, *, name: str = "", media: str = "", content: bytes = b"") -> Parts:
    old = PARTS[at]
    return [*PARTS[:at], (name or old[0], media or old[1], content or old[2]), *PARTS[at + 1 :]]


SWAPS: dict[str, Callable[[], Parts]] = {
    **{f"{at} replaced": functools.partial(_with, at, content=b"Forged") for at in range(3)},
    **{f"{at} renamed": functools.partial(_with, at, name="z@x") for at in range(3)},
    "0 removed": lambda: PARTS[1:],
    "1 removed": lambda: [PARTS[0], PARTS[2]],
    "2 removed": lambda: PARTS[:2],
    "two swapped": lambda: [(PARTS[1][0], *PARTS[0][1:]), (PARTS[0][0], *PARTS[1][1:]), PARTS[2]],
    "one more": lambda: [*PARTS, ("a4@x", "text/plain", b"Forged")],
    "one more, named in capitals": lambda: [*PARTS, ("A1@x", "text/plain", b"Forged")],
    "one twice": lambda: [*PARTS, ("a1@x", "application/pdf", b"Forged")],
    "one twice, escaped": lambda: [("a1%40x", "application/pdf", b"Forged"), *PARTS],
    "text called binary": lambda: _with(1, media="application/octet-stream"),
    "xml called text": lambda: _with(2, media="text/plain"),
    "xml broken": lambda: _with(2, content=b"<q>Forged"),
    "xml with a DOCTYPE": lambda: _with(2, content=b"<!DOCTYPE q><q a='1'>Genuine</q>"),
}


def test_signed_attachments_are_handed_on_as_they_were_digested() -> None:
    found = verified(mime(with_attachments(), PARTS))
    assert {one.content_id: one.content for one in found.attachments} == {
        "a1@x": b"%PDF Genuine\r\n1",
        "a2@x": b"Genuine\r\nline",
        "a3@x": b'<q a="1">Genuine</q>',
    }


@pytest.mark.parametrize("swap", SWAPS)
def test_an_attachment_replaced_renamed_added_or_removed_is_refused(swap: str) -> None:
    end = outcome(mime(with_attachments(), SWAPS[swap]()), RULES)
    assert isinstance(end, str), end
    assert end in {"signature.digest", "signature.reference", "signature.place", "malformed"}


def test_an_unsigned_attachment_is_not_handed_on_where_it_is_allowed() -> None:
    found = verified(mime(with_attachments(), SWAPS["one more"]()), rules=Rules(attachments="signed"))
    assert [one.content_id for one in found.attachments] == ["a1@x", "a2@x", "a3@x"]


# Time and repetition -------------------------------------------------------------------------------------------------


def test_a_message_counts_once_within_its_window_however_it_is_dressed() -> None:
    replays = ReplayCache()
    verified(genuine("1.1"), replays=replays)
    message = taken_apart("1.1")
    wrapper(message.header)
    for again in (genuine("1.1"), message.bytes(), genuine("1.1").replace(b"?>\n", b"?>\n\n", 1)):
        for later in (0, 1, 4):
            with pytest.raises(NotValid) as refused:
                verified(again, replays=replays, now=AT + later * MINUTE)
            assert refused.value.reason == "signature.replayed"


def test_outside_its_window_a_message_is_refused_by_its_time_also_by_an_empty_memory() -> None:
    for later in (-2, 7, 60):
        with pytest.raises(NotValid) as refused:
            verified(genuine("1.1"), replays=ReplayCache(), now=AT + later * MINUTE)
        assert refused.value.reason == "signature.time"


def test_a_second_signature_value_for_the_same_content_is_a_replay() -> None:
    """Of an ECDSA signature (r, s) anybody can make (r, n - s), which holds as well."""
    plain = by_hand(lambda *_: USUAL)  # no MessageID is signed that would give it away
    message = Message(tree(plain), "1.1")
    value = message.signature.find(f"{{{DS}}}SignatureValue")
    octets = base64.b64decode(value.text)
    half = len(octets) // 2
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = order - int.from_bytes(octets[half:])
    value.text = base64.b64encode(octets[:half] + other.to_bytes(half)).decode()
    replays = ReplayCache()
    verified(message.bytes())
    verified(plain, replays=replays)
    with pytest.raises(NotValid) as refused:
        verified(message.bytes(), replays=replays)
    assert refused.value.reason == "signature.replayed"


def test_of_two_signatures_that_would_do_neither_alone_makes_the_message_new() -> None:
    """Whoever takes one of them out must not have a second message."""
    both = tree(by_hand(lambda *_: USUAL))
    security = both.find(f".//{{{WSSE}}}Security")
    first = security.find(f"{{{DS}}}Signature")
    key_info = deepcopy(first.find(f"{{{DS}}}KeyInfo"))
    key_info[0].attrib.clear()
    prepared = prepare_signature(
        tuple(reversed(USUAL)), scheme="ecdsa", certificate=people()[2].cert, place=security, key_info=key_info
    )
    second = prepared.insert(signature(people()[2], prepared.to_sign, "ecdsa"))
    for gone in (first, second):
        replays = ReplayCache()
        assert verified(raw(both), replays=replays).signatures == 2
        one = tree(raw(both))
        at = list(security).index(gone)
        shorter = one.find(f".//{{{WSSE}}}Security")
        shorter.remove(shorter[at])
        verified(raw(one), replays=ReplayCache())
        with pytest.raises(NotValid) as refused:
            verified(raw(one), replays=replays)
        assert refused.value.reason == "signature.replayed"


def test_a_forged_message_leaves_nothing_in_the_memory() -> None:
    replays = ReplayCache()
    message = taken_apart("1.1")
    _forge_body(message)
    with pytest.raises(NotValid):
        verified(message.bytes(), replays=replays)
    assert len(replays) == 0


def test_the_same_message_id_signed_again_is_a_replay() -> None:
    replays = ReplayCache()
    verified(signed(), replays=replays)
    with pytest.raises(NotValid) as refused:
        verified(signed(created=AT + timedelta(seconds=1)), replays=replays, now=AT + MINUTE)
    assert refused.value.reason == "signature.replayed"
