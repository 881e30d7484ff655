"""Small worlds of certificates: an anchor, what lies between, and the certificate in question."""

from __future__ import annotations

from collections.abc import Callable

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from trust_pki import (
    AT,
    DAY,
    Holder,
    key,
    make,
    name,
    relabelled,
    san,
)

World = tuple[Holder, list[Holder], Holder]
P1, P2, P3, ANY = "2.16.840.1.101.3.2.1.48.1", "2.16.840.1.101.3.2.1.48.2", "2.16.840.1.101.3.2.1.48.3", "2.5.29.32.0"


def root(**wishes: object) -> Holder:
    return make("CN=Anchor", ca=True, **wishes)


def straight(**leaf: object) -> World:
    top = root()
    middle = top.authority("CN=Middle")
    return top, [middle], middle.issue("CN=Leaf", **leaf)


def under(middle_wishes: dict[str, object], **leaf: object) -> World:
    top = root()
    middle = top.authority("CN=Middle", **middle_wishes)
    return top, [middle], middle.issue("CN=Leaf", **leaf)


def anchored(root_wishes: dict[str, object], **leaf: object) -> World:
    top = root(**root_wishes)
    return top, [], top.issue("CN=Leaf", **leaf)


def names(constraint: object, *held: x509.GeneralName, subject: str = "CN=Leaf") -> World:
    top = root()
    middle = top.authority("CN=Middle", extensions=[constraint])
    return top, [middle], middle.issue(subject, extensions=[san(*held)] if held else [])


def chain_of(*lengths: int | None, leaf_is_ca: bool = False) -> World:
    top = root()
    found, last = [], top
    for place, length in enumerate(lengths):
        last = last.authority(f"CN=CA {place}", path=length)
        found.append(last)
    return top, found, last.authority("CN=Leaf CA") if leaf_is_ca else last.issue("CN=Leaf")


def self_issued_length(extra: int) -> World:
    top = root()
    one = top.authority("CN=Same", path=extra, key_label="same 1")
    two = one.authority("CN=Same", path=extra, key_label="same 2")
    return top, [one, two], two.issue("CN=Leaf")


def dns(text: str) -> x509.DNSName:
    return x509.DNSName(text)


def unchecked(kind: type, text: str) -> x509.GeneralName:
    return kind._init_without_validation(text)


def directory(text: str) -> x509.DirectoryName:
    return x509.DirectoryName(name(text))


def raw_constraint(host: str) -> tuple[x509.ExtensionType, bool]:
    """A dNSName constraint that a library would not let one write."""
    text = host.encode()
    inner = b"\x82" + bytes([len(text)]) + text
    for tag in (0x30, 0xA0, 0x30):
        inner = bytes([tag, len(inner)]) + inner
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.30"), inner), True


def critical_unknown() -> tuple[x509.ExtensionType, bool]:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55738.1"), b"\x05\x00"), True


def explicit(value: int | None, mapping: int | None = None) -> tuple[x509.ExtensionType, bool]:
    return x509.PolicyConstraints(value, mapping), True


def mapped(*pairs: tuple[str, str]) -> tuple[x509.ExtensionType, bool]:
    value = asn1.PolicyMappings([{"issuer_domain_policy": a, "subject_domain_policy": b} for a, b in pairs])
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.33"), value.dump()), False


def policy_world(*levels: list[tuple[x509.ExtensionType, bool]]) -> World:
    """Authorities with these extensions one below the other; the last list is the leaf's."""
    anchor = root()
    found, last = [], anchor
    for place, extensions in enumerate(levels[:-1]):
        last = last.authority(f"CN=Policy {place}", extensions=extensions)
        found.append(last)
    return anchor, found, last.issue("CN=Leaf", extensions=levels[-1])


def edited(holder: Holder, change: Callable[[asn1.Certificate], None], signer: object = None) -> Holder:
    """*holder* with its tbsCertificate changed and signed anew by *signer*."""
    parsed = asn1.Certificate.load(holder.der)
    change(parsed)
    tbs = parsed["tbs_certificate"].dump(force=True)
    if signer is not None:
        parsed["signature_value"] = signer.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return Holder(x509.load_der_x509_certificate(parsed.dump(force=True)), holder.key)


def changed(change: Callable[[asn1.Certificate], None]) -> World:
    top, middles, leaf = straight()
    return top, middles, edited(leaf, change, middles[0].key)


def set_serial(value: int) -> Callable[[asn1.Certificate], None]:
    def change(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["serial_number"] = value

    return change


def other_inner_algorithm(parsed: asn1.Certificate) -> None:
    parsed["tbs_certificate"]["signature"] = {"algorithm": "sha384_ecdsa"}


def twice(parsed: asn1.Certificate) -> None:
    parsed["tbs_certificate"]["extensions"].append(parsed["tbs_certificate"]["extensions"][0].copy())


def version_one(parsed: asn1.Certificate) -> None:
    parsed["tbs_certificate"]["version"] = "v1"


def general_time(parsed: asn1.Certificate) -> None:
    before = parsed["tbs_certificate"]["validity"]["not_before"].native
    parsed["tbs_certificate"]["validity"]["not_before"] = asn1.Time({"general_time": before})


def backwards(parsed: asn1.Certificate) -> None:
    validity = parsed["tbs_certificate"]["validity"]
    validity["not_after"] = asn1.Time({"utc_time": AT - 700 * DAY})


def forged_leaf() -> World:
    top, middles, _ = straight()
    return top, middles, middles[0].issue("CN=Leaf", signed_by=key("stranger"))


def forged_middle() -> World:
    top = root()
    middle = top.authority("CN=Middle", signed_by=key("stranger"))
    return top, [middle], middle.issue("CN=Leaf")


def without_path() -> World:
    _, middles, leaf = straight()
    return make("CN=Elsewhere", ca=True), middles, leaf


def cross() -> World:
    """Two roots sign the same authority; only one is trusted, the other's certificate comes first."""
    untrusted, trusted = make("CN=Old root", ca=True), root()
    one = untrusted.authority("CN=Crossed", key_label="crossed")
    two = trusted.authority("CN=Crossed", key_label="crossed")
    return trusted, [untrusted, one, two], two.issue("CN=Leaf")


def looped() -> World:
    """Two authorities that only certify each other."""
    seed_a, seed_b = make("CN=A", ca=True), make("CN=B", ca=True)
    return root(), [seed_a.authority("CN=B"), seed_b.authority("CN=A")], seed_a.issue("CN=Leaf")


def looped_with_way_out() -> World:
    """The mutually certified authorities of GnuTLS's cycle (CVE-2024-0567), with a trusted root among them."""
    a, b, c = root(), make("CN=B", ca=True), make("CN=C", ca=True)
    below = a.authority("CN=A1")
    tangle = [
        x.authority(y.cert.subject.rfc4514_string(), key_label=y.cert.subject.rfc4514_string())
        for x in (a, b, c)
        for y in (a, b, c)
        if x is not y
    ]
    return a, [*tangle, below], below.issue("CN=Leaf")


def expired_detour() -> World:
    """A dead cross certificate beside the living one."""
    trusted, second = root(), make("CN=Second", ca=True)
    dead = second.authority("CN=Mid", ends=AT - DAY, key_label="mid")
    alive = trusted.authority("CN=Mid", key_label="mid")
    return trusted, [dead, alive], alive.issue("CN=Leaf")


def renewed_key(new_with_old: bool) -> World:
    """PKITS 4.5: a self-issued certificate carries the trust from one key of an authority to the other."""
    top = root()
    old = top.authority("CN=Rolling", key_label="rolling old")
    new = old.authority("CN=Rolling", key_label="rolling new") if new_with_old else make("CN=Rolling", ca=True)
    return top, [old, new], new.issue("CN=Leaf")


def utf8_names() -> World:
    """PKITS 4.3.11: issuer and subject agree in case-insensitive, space-folded comparison."""
    top = root()
    middle = top.authority("CN=Middle  Authority")
    return top, [middle], middle.issue("CN=Leaf", issuer_name="CN=middle AUTHORITY")


def sha1_leaf() -> World:
    top, middles, leaf = straight()
    der = relabelled(leaf.der, asn1.Certificate, "tbs_certificate")
    return top, middles, Holder(x509.load_der_x509_certificate(der), leaf.key)


def v1_middle() -> World:
    top = root()
    middle = top.authority("CN=Middle")

    def plain(parsed: asn1.Certificate) -> None:
        parsed["tbs_certificate"]["version"] = "v1"
        del parsed["tbs_certificate"]["extensions"]

    return top, [edited(middle, plain, top.key)], middle.issue("CN=Leaf")
