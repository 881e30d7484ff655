"""Attacks on XML signatures, generated: wrapping in every published form, and every part of a signature changed.

Sources of the patterns: McIntosh/Austel 2005 (XML signature element wrapping), Gajek et al. 2009, Somorovsky et al.
2012 ("On Breaking SAML"), CVE-2017-11427 ff. (comments), CVE-2009-0217 (HMAC truncation), W3C XMLDSig Best Practices.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from lxml import etree

from gateway.formats import safexml
from gateway.signing.xmldsig import Canonical, NewReference, NodeSet, canonical, uris
from gateway.signing.xmldsig.algorithms import DIGESTS, SIGNATURES
from tests.unit.trust_pki import world
from tests.unit.xmldsig_tools import ENVELOPED, EXCLUSIVE, made, raw, stranger

WSU = uris.WSU
XML = uris.XML
ID_NAMES = ("Id", "ID", "id", f"{{{XML}}}id", f"{{{WSU}}}Id", "AssertionID")
Mutant = tuple[str, bytes]


@dataclass(frozen=True)
class Original:
    """A signed message, and which of its elements are signed."""

    name: str
    content: bytes
    id_name: str = "Id"

    def tree(self) -> Any:
        return safexml.parse(self.content).root


def originals() -> list[Original]:
    """Messages with a signed body (by every id attribute), a signed whole, and a signed object."""
    found = []
    for name in ID_NAMES:
        document = _message(name)
        found.append(Original(f"body by {name}", made(document, [NewReference("#body", EXCLUSIVE)], at="Header"), name))
    both = [NewReference("#body", EXCLUSIVE), NewReference("#stamp", EXCLUSIVE)]
    found.append(Original("body and stamp", made(_message("Id"), both, at="Header")))
    found.append(Original("whole", made(_message("Id"), [NewReference("", ENVELOPED)])))
    holder = etree.Element(uris.ds("Object"), Id="body")
    etree.SubElement(holder, "Amount").text = "100"
    found.append(Original("object", made(None, [NewReference("#body", EXCLUSIVE)], objects=[holder])))
    return found


def _message(id_name: str) -> bytes:
    root = etree.Element("Message", nsmap={"u": WSU, "m": "urn:m"})
    header = etree.SubElement(root, "Header")
    etree.SubElement(header, "Stamp", Id="stamp").text = "2026-11-22"
    body = etree.SubElement(root, "Body")
    body.set(id_name, "body")
    etree.SubElement(body, "To").text = "UBND tỉnh"
    etree.SubElement(body, "{urn:m}Amount").text = "100"
    body[-1].tail = "đồng"
    return bytes(etree.tostring(root, encoding="UTF-8"))


def mutants(original: Original) -> Iterator[Mutant]:
    """Every attack on *original*, with its name."""
    for attack in (_wrapped, _relocated, _commented, _respelled, _redirected, _transformed, _canonicalised, _rekeyed):
        yield from attack(original)
    for attack in (_confused, _downgraded, _flipped, _reshaped):
        yield from attack(original)


def _written(root: Any) -> bytes:
    return bytes(etree.tostring(root.getroottree(), encoding="UTF-8"))


def _target(root: Any) -> Any:
    return next(one for one in root.iter("*") if "body" in one.attrib.values())


def _find(root: Any, local: str) -> Any:
    return next(root.iter(uris.ds(local)))


def _evil(target: Any, id_name: str | None, value: str = "body") -> Any:
    """The element an attacker wants to be read."""
    evil = etree.Element(target.tag)
    if id_name is not None:
        evil.set(id_name, value)
    etree.SubElement(evil, "To").text = "Kẻ gian"
    etree.SubElement(evil, "{urn:m}Amount").text = "999"
    return evil


def _places(root: Any, evil: Any) -> dict[str, Callable[[Any], None]]:
    """Where the original can be hidden."""
    signature = _find(root, "Signature")

    def inside(parent: Any, name: str, index: int | None = None) -> Callable[[Any], None]:
        def put(one: Any) -> None:
            wrapper = etree.Element(name)
            wrapper.append(one)
            parent.insert(len(parent) if index is None else index, wrapper)

        return put

    return {
        "in a wrapper first": inside(root, "Wrapper", 0),
        "in a wrapper last": inside(root, "Wrapper"),
        "in a new ds:Object": inside(signature, uris.ds("Object")),
        "in KeyInfo": inside(_find(root, "KeyInfo"), "Wrapper"),
        "in the evil element": inside(evil, "Wrapper"),
        "as the evil element's child": lambda one: evil.append(one),
        "beside": lambda one: root.append(one),
        "before all": lambda one: root.insert(0, one),
        "in the SignedInfo": inside(_find(root, "SignedInfo"), "Wrapper"),
    }


def _wrapped(original: Original) -> Iterator[Mutant]:
    """The signed element moved or copied away, another in its place, with every id attribute or none."""
    for id_name in (*ID_NAMES, None, "other"):
        for kept in ("moved", "copied"):
            for place in list(_places(original.tree(), etree.Element("x"))):
                root = original.tree()
                target = _target(root)
                if target is root or target.getparent() is None:
                    continue
                evil = _evil(target, "Id", "other") if id_name == "other" else _evil(target, id_name)
                hidden = deepcopy(target)
                hidden.tail = None
                target.getparent().replace(target, evil)
                if kept == "copied":
                    evil.getparent().insert(0, deepcopy(hidden))
                _places(root, evil)[place](hidden)
                yield f"{original.name}: {kept} {place}, evil by {id_name}", _written(root)


def _relocated(original: Original) -> Iterator[Mutant]:
    """The signature elsewhere, twice, or inside another message."""
    for name in ("root end", "root start", "in the target", "twice", "in another root", "in another signature"):
        root = original.tree()
        signature = _find(root, "Signature")
        if signature is root:
            continue
        if name == "root end":
            root.append(signature)
        elif name == "root start":
            root.insert(0, signature)
        elif name == "in the target":
            _target(root).append(signature)
        elif name == "twice":
            root.append(deepcopy(signature))
        elif name == "in another signature":
            outer = etree.SubElement(root, uris.ds("Signature"))
            etree.SubElement(outer, uris.ds("Object")).append(signature)
        else:
            outer = etree.Element("Message")
            outer.append(_evil(_target(root), "Id"))
            outer.append(root)
            root = outer
        yield f"{original.name}: signature {name}", _written(root)


def _commented(original: Original) -> Iterator[Mutant]:
    """A comment or instruction at every text; the texts change for who reads up to the first node."""
    count = sum(1 for one in original.tree().iter("*") if one.text)
    for kind in (etree.Comment, lambda text: etree.ProcessingInstruction("x", text)):
        for number in range(count):
            for cut in (0, 1, -1):
                root = original.tree()
                element = [one for one in root.iter("*") if one.text][number]
                text = element.text
                at = cut % (len(text) + 1)
                aside = kind("y")
                element.text, aside.tail = text[:at], text[at:]
                element.insert(0, aside)
                yield f"{original.name}: aside {number} at {cut}", _written(root)


def _respelled(original: Original) -> Iterator[Mutant]:
    """Namespaces, prefixes, xml attributes and white space that one reader sees and another does not."""
    content = original.content
    for name, old, new in (
        ("default namespace", b"<Message", b'<Message xmlns="urn:evil"'),
        ("xml:lang", b"<Message", b'<Message xml:lang="en"'),
        ("xml:base", b"<Message", b'<Message xml:base="http://evil/"'),
        ("m rebound", b'xmlns:m="urn:m"', b'xmlns:m="urn:evil"'),
        ("ds rebound", uris.DS.encode() + b'"', b'urn:evil"'),
        ("body namespace", b"<Body", b'<Body xmlns="urn:evil"'),
        ("body renamed", b"Body", b"Bady"),
        ("space added", b"100", b" 100"),
        ("new line", b"</To>", b"</To>\n"),
        ("carriage return", b"</To>", b"</To>&#13;"),
        ("attribute added", b"<To", b'<To x="1"'),
        ("cdata", b"100", b"<![CDATA[100]]>"),
        ("character reference", b"100", b"&#49;00"),
        ("entity", b"<Message", b"<!DOCTYPE x [<!ENTITY e '1'>]><Message"),
        ("tail changed", "đồng".encode(), b"USD"),
        ("element repeated", b"<To>", b"<To>Evil</To><To>"),
        ("two roots", b"<Message", b"<Evil/><Message"),
        ("null byte", b"100", b"1\x0000"),
    ):
        if old in content:
            yield f"{original.name}: {name}", content.replace(old, new)


def _redirected(original: Original) -> Iterator[Mutant]:
    """References to something else, to nothing, once more, or none at all."""
    for uri in (
        *("", "#", "#xpointer(/)", "#xpointer(id('body'))", '#xpointer(id("body"))', "#stamp", "#none", "body"),
        *("#body ", "#Body", "#xpointer(//Body)", "http://evil/x", "cid:x", "file:///etc/passwd", "#body#stamp"),
        None,
    ):
        root = original.tree()
        reference = _find(root, "Reference")
        reference.attrib.pop("URI")
        if uri is not None:
            reference.set("URI", uri)
        yield f"{original.name}: URI {uri!r}", _written(root)
    root = original.tree()
    signed_info = _find(root, "SignedInfo")
    for reference in list(root.iter(uris.ds("Reference"))):
        signed_info.remove(reference)
    yield f"{original.name}: no references", _written(root)
    for count in (1, 2, 100):
        root = original.tree()
        for _ in range(count):
            _find(root, "SignedInfo").append(deepcopy(_find(root, "Reference")))
        yield f"{original.name}: {count} references more", _written(root)
    root = original.tree()
    _find(root, "Reference").tag = "{urn:evil}Reference"
    yield f"{original.name}: a reference of another namespace", _written(root)


_XPATHS = ("not(ancestor-or-self::ds:Signature)", "ancestor-or-self::Body", "self::text()", "true()", "count(//*)>0")


def _transformed(original: Original) -> Iterator[Mutant]:
    """Transforms put before, after or instead of what was signed."""
    algorithms = [uris.ENVELOPED, uris.BASE64, uris.XSLT, "urn:evil", "", *sorted(uris.CANONICAL_FORMS)]
    for algorithm in algorithms:
        for where in ("first", "last", "only", "six more"):
            root = original.tree()
            holder = _find(root, "Transforms")
            if where == "only":
                holder[:] = []
            for _ in range(6 if where == "six more" else 1):
                one = etree.Element(uris.ds("Transform"), Algorithm=algorithm)
                holder.insert(0 if where == "first" else len(holder), one)
            yield f"{original.name}: transform {algorithm} {where}", _written(root)
    for expression in _XPATHS:
        for algorithm in (uris.XPATH, uris.XPATH_FILTER):
            root = original.tree()
            one = etree.Element(uris.ds("Transform"), Algorithm=algorithm)
            inner = uris.ds("XPath") if algorithm == uris.XPATH else f"{{{uris.XPATH_FILTER}}}XPath"
            filtering = etree.SubElement(one, inner, nsmap={"ds": uris.DS}, Filter="intersect")
            filtering.text = expression
            _find(root, "Transforms").insert(0, one)
            yield f"{original.name}: {algorithm} {expression}", _written(root)


def _canonicalised(original: Original) -> Iterator[Mutant]:
    """Other canonical forms of SignedInfo."""
    for form in (*sorted(uris.CANONICAL_FORMS), "urn:evil", "", "http://www.w3.org/2010/xml-c14n2", uris.BASE64):
        for prefixes in (None, "ds", "#default m u"):
            root = original.tree()
            method = _find(root, "CanonicalizationMethod")
            method.set("Algorithm", form)
            if prefixes is not None:
                etree.SubElement(method, f"{{{uris.EXC_C14N}}}InclusiveNamespaces", PrefixList=prefixes)
            yield f"{original.name}: SignedInfo in {form} {prefixes}", _written(root)


def _rekeyed(original: Original) -> Iterator[Mutant]:
    """Another key in KeyInfo; and content changed and signed anew by it."""
    evil = stranger()
    der = base64.b64encode(evil.der).decode()
    for name in ("certificate swapped", "certificate first", "emptied", "removed"):
        root = original.tree()
        holder = _find(root, "X509Data")
        if name == "certificate swapped":
            holder[0].text = der
        elif name == "certificate first":
            holder.insert(0, deepcopy(holder[0]))
            holder[0].text = der
        elif name == "emptied":
            holder[:] = []
        else:
            holder.getparent().getparent().remove(holder.getparent())
        yield f"{original.name}: key {name}", _written(root)
    for keep in (False, True):
        root = original.tree()
        holder = _find(root, "X509Data")
        if not keep:
            holder[:] = holder[:1]
            holder[0].text = der
        _find_text(root, "100").text = "999"
        _signed_anew(root, lambda octets: raw(evil, "ecdsa", "sha256", octets))
        yield f"{original.name}: signed anew, certificates kept {keep}", _written(root)


def _find_text(root: Any, text: str) -> Any:
    return next(one for one in root.iter("*") if one.text == text)


def _signed_anew(root: Any, sign: Callable[[bytes], bytes]) -> None:
    """All digests right again, and a value by *sign*."""
    for reference in root.iter(uris.ds("Reference")):
        octets = canonical(_referred(root, reference.get("URI")), Canonical())
        reference.find(uris.ds("DigestValue")).text = base64.b64encode(hashlib.sha256(octets).digest()).decode()
    octets = sign(canonical(NodeSet(_find(root, "SignedInfo")), Canonical()))
    _find(root, "SignatureValue").text = base64.b64encode(octets).decode()


def _referred(root: Any, uri: str) -> NodeSet:
    if uri == "":
        return NodeSet(root, document=True, without=(_find(root, "Signature"),))
    return NodeSet(next(one for one in root.iter("*") if uri[1:] in one.attrib.values()))


def _confused(original: Original) -> Iterator[Mutant]:
    """HMAC keyed with what everybody knows: the certificate or the public key; and HMAC cut short (CVE-2009-0217)."""
    _, _, signer = world()
    public = signer.cert.public_key()
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    secrets = {
        "certificate": signer.der,
        "certificate in PEM": signer.cert.public_bytes(pem),
        "public key": public.public_bytes(der, spki),
        "public key in PEM": public.public_bytes(pem, spki),
        "point": public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint),
        "nothing": b"",
    }
    for name, secret in secrets.items():
        for bits in (None, "0", "8", "80", "128"):
            root = original.tree()
            method = _find(root, "SignatureMethod")
            method.set("Algorithm", f"{uris.MORE}hmac-sha256")
            if bits is not None:
                etree.SubElement(method, uris.ds("HMACOutputLength")).text = bits
            _find_text(root, "100").text = "999"

            def sign(octets: bytes, secret: bytes = secret, bits: str | None = bits) -> bytes:
                return hmac.digest(secret, octets, "sha256")[: 32 if bits is None else int(bits) // 8]

            _signed_anew(root, sign)
            yield f"{original.name}: HMAC with the {name}, {bits} bits", _written(root)


def _downgraded(original: Original) -> Iterator[Mutant]:
    """Other algorithms named for the same octets."""
    for element, names in (("SignatureMethod", SIGNATURES), ("DigestMethod", DIGESTS)):
        for name in (*names, "", "urn:evil", f"{uris.DS}none"):
            root = original.tree()
            _find(root, element).set("Algorithm", name)
            if original.content != _written(root):
                yield f"{original.name}: {element} {name}", _written(root)


def _flipped(original: Original) -> Iterator[Mutant]:
    """One bit of a digest, of the value or of a signed text turned."""
    for element in ("DigestValue", "SignatureValue"):
        octets = base64.b64decode(_find(original.tree(), element).text)
        for position in range(0, len(octets), 3):
            turned = bytearray(octets)
            turned[position] ^= 1 << position % 8
            root = original.tree()
            _find(root, element).text = base64.b64encode(bytes(turned)).decode()
            yield f"{original.name}: {element} bit in octet {position}", _written(root)
        for name, other in (
            ("short", octets[:-1]),
            ("long", octets + b"\0"),
            ("empty", b""),
            ("zero", bytes(len(octets))),
        ):
            root = original.tree()
            _find(root, element).text = base64.b64encode(other).decode()
            yield f"{original.name}: {element} {name}", _written(root)
    root = original.tree()
    _find_text(root, "100").text = "101"
    yield f"{original.name}: content changed", _written(root)


def _reshaped(original: Original) -> Iterator[Mutant]:
    """Parts of the signature doubled, missing, exchanged or nested."""
    for local in (
        "SignedInfo",
        "SignatureValue",
        "KeyInfo",
        "DigestValue",
        "DigestMethod",
        "SignatureMethod",
        "Transforms",
    ):
        for name in ("doubled before", "doubled after", "missing", "last", "renamed", "wrapped"):
            root = original.tree()
            element = _find(root, local)
            parent = element.getparent()
            if name == "doubled before":
                parent.insert(parent.index(element), deepcopy(element))
            elif name == "doubled after":
                parent.insert(parent.index(element) + 1, deepcopy(element))
            elif name == "missing":
                parent.remove(element)
            elif name == "last":
                parent.append(element)
            elif name == "renamed":
                element.tag = f"{{urn:evil}}{local}"
            else:
                wrapper = etree.Element("Wrapper")
                parent.replace(element, wrapper)
                wrapper.append(element)
            yield f"{original.name}: {local} {name}", _written(root)
