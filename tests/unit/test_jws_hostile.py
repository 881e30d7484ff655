"""JWS that must never be taken for valid: algorithm confusion, numbers out of range, texts with two readings."""

from __future__ import annotations

import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jws_tools import (
    PAYLOAD,
    SECRET,
    SHARED,
    b64,
    compact,
    general,
    json_part,
    private_key,
    question,
    raw_signature,
    raw_trust,
    refused,
    verify,
)
from trust_pki import key

from gateway.model.verdict import Judgement, NotValid
from gateway.signing.jws import certificates, judge
from gateway.signing.policy import COMPAT, PRODUCTION
from gateway.signing.trust import TrustStore

TRUST = raw_trust(a=key("a"))
ORDER = ec.SECP256R1().group_order


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", [b"", b"\x00"])
def test_alg_none_is_never_taken(name: str, signature: bytes) -> None:
    for policy in (COMPAT, PRODUCTION):
        assert refused(compact(name, None, signature=signature), TRUST, policy).reason == "algorithm.forbidden"


@pytest.mark.parametrize("name", ["es256", "ES256 ", "RS1", "HS1", "", "ES256\u0000", "A128KW"])
def test_an_unknown_alg_is_unsupported(name: str) -> None:
    assert refused(compact(name, None, signature=b"1"), TRUST).judgement is Judgement.UNSUPPORTED


@pytest.mark.parametrize("value", [None, 1, ["ES256"], {"a": 1}, True])
def test_alg_must_be_a_text(value: object) -> None:
    content = compact("ES256", None, header={"alg": value}, signature=b"1")
    assert refused(content, TRUST).judgement is Judgement.MALFORMED
    assert refused(compact("", None, header_text=b"{}", signature=b"1"), TRUST).judgement is Judgement.MALFORMED


def test_a_public_key_is_never_a_shared_key() -> None:
    public = key("rsa jws").public_key()
    trust = raw_trust(a=key("rsa jws"))
    for raw in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ):
        assert refused(compact("HS256", raw), trust).reason == "key.untrusted"
        both = TrustStore(public_keys=trust.public_keys, shared_keys=(("s", SECRET),))
        assert refused(compact("HS256", raw), both).reason == "signature.wrong"
    # A deployment that put the public key's PEM where shared keys are does not open this door either.
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert refused(compact("HS256", pem), TrustStore(shared_keys=(("s", pem),))).reason == "signature.wrong"


def test_a_short_shared_key_is_not_used() -> None:
    trust = TrustStore(shared_keys=(("s", b"secret"),))
    assert refused(compact("HS256", b"secret"), trust).reason == "signature.wrong"


@pytest.mark.parametrize(("alg", "other"), [("RS256", "PS256"), ("PS256", "RS256"), ("RS256", "RS512")])
def test_a_signature_holds_under_its_own_algorithm_only(alg: str, other: str) -> None:
    private, header = private_key(alg), json.dumps({"alg": other}).encode()
    value = raw_signature(alg, private, f"{b64(header)}.{b64(PAYLOAD)}".encode())
    content = compact(other, None, signature=value)
    assert refused(content, raw_trust(a=private)).reason == "signature.wrong"


def test_a_curve_belongs_to_its_algorithm() -> None:
    """ES384 with a P-256 key, and ES256 with one of secp256k1, whose signatures are of the same length."""
    for alg, label in (("ES256", "k1 jws"), ("ES256K", "jws")):
        content = compact(alg, key(label))
        assert refused(content, raw_trust(a=key(label))).reason == "key.untrusted"
    assert refused(compact("ES384", key("a")), TRUST).reason == "key.untrusted"


def _pair(number: bytes | int, other: bytes | int) -> bytes:
    return b"".join(one if isinstance(one, bytes) else one.to_bytes(32) for one in (number, other))


ZERO = bytes(32)
FORGED = {
    "empty": b"",
    "zeros": ZERO + ZERO,
    "r zero": _pair(0, 1),
    "s zero": _pair(1, 0),
    "r is the order": _pair(ORDER, 1),
    "both are the order": _pair(ORDER, ORDER),
    "all ones": b"\xff" * 64,
    "one and one": _pair(1, 1),
    "DER of zeros": bytes.fromhex("3006020100020100"),
    "short": b"\x01" * 63,
    "long": b"\x01" * 65,
}


@pytest.mark.parametrize("signature", FORGED.values(), ids=FORGED.keys())
def test_numbers_that_no_key_made_are_refused(signature: bytes) -> None:
    assert refused(compact("ES256", None, signature=signature), TRUST).reason == "signature.wrong"


def test_only_the_one_encoding_of_r_and_s_is_taken() -> None:
    right = compact("ES256", key("a"))
    first, second, _ = right.decode().split(".")
    der = key("a").sign(f"{first}.{second}".encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    assert verify(f"{first}.{second}.{b64(_pair(r, s))}".encode(), TRUST) == PAYLOAD
    for other in (
        der,
        b"\x00" + r.to_bytes(32) + b"\x00" + s.to_bytes(32),
        r.to_bytes(32) + s.to_bytes(32) + b"\x00",
        r.to_bytes(33) + s.to_bytes(33),
        (r + ORDER).to_bytes(33)[-32:] + s.to_bytes(32),
        s.to_bytes(32) + r.to_bytes(32),
    ):
        assert refused(f"{first}.{second}.{b64(other)}".encode(), TRUST).reason == "signature.wrong"


def test_a_truncated_or_lengthened_mac_or_rsa_signature_is_refused() -> None:
    for alg, private, trust in (("HS256", SECRET, SHARED), ("RS256", key("rsa r"), raw_trust(r=key("rsa r")))):
        head, _, _ = compact(alg, private).rpartition(b".")
        raw = raw_signature(alg, private, head)
        for other in (raw[:-1], raw[:16], b"\x00" + raw, raw + b"\x00", raw[1:]):
            content = head + b"." + b64(other).encode()
            assert refused(content, trust).reason == "signature.wrong"


def _bent(content: bytes) -> dict[str, bytes]:
    first, second, third = content.split(b".")
    last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = third[:-1] + last[last.index(third[-1]) + 1 : last.index(third[-1]) + 2]
    return {
        "padding": content + b"==",
        "header padding": first + b"==." + second + b"." + third,
        "line end": content + b"\n",
        "leading blank": b" " + content,
        "blank inside": first + b"." + second[:4] + b" " + second[4:] + b"." + third,
        "line inside": first + b".\n" + second + b"." + third,
        "four parts": content + b".",
        "five parts": content + b"..",
        "two parts": first + b"." + second,
        "no header": b"." + second + b"." + third,
        "stray bits": first + b"." + second + b"." + stray,
        "plain base64": first + b"." + second + b"." + b"+/" + third[2:],
        "impossible length": first + b"." + second + b"." + third + b"AAA",
        "not ASCII": first + b"." + second + b"." + third[:-1] + "é".encode(),
        "nothing": b"",
        "dots": b"..",
    }


@pytest.mark.parametrize("bend", _bent(b"e30.e30.AQ"))
def test_another_spelling_of_a_good_jws_is_malformed(bend: str) -> None:
    assert refused(_bent(compact("ES256", key("a")))[bend], TRUST).judgement is Judgement.MALFORMED


HEADERS = {
    "alg twice": b'{"alg":"ES256","alg":"ES256"}',
    "alg twice, escaped": b'{"alg":"ES256","\\u0061lg":"none"}',
    "not an object": b'["ES256"]',
    "trailing": b'{"alg":"ES256"}x',
    "byte order mark": b'\xef\xbb\xbf{"alg":"ES256"}',
    "not UTF-8": b'{"alg":"ES256","x":"\xff"}',
    "crit empty": b'{"alg":"ES256","crit":[]}',
    "crit a text": b'{"alg":"ES256","crit":"b64"}',
    "crit twice": b'{"alg":"ES256","b64":true,"crit":["b64","b64"]}',
    "crit of something absent": b'{"alg":"ES256","crit":["b64"]}',
    "crit of a number": b'{"alg":"ES256","crit":[1]}',
    "crit null": b'{"alg":"ES256","crit":null}',
    "b64 not critical": b'{"alg":"ES256","b64":true}',
    "b64 a text": b'{"alg":"ES256","b64":"false","crit":["b64"]}',
    "kid a number": b'{"alg":"ES256","kid":1}',
    "x5c empty": b'{"alg":"ES256","x5c":[]}',
    "x5c null": b'{"alg":"ES256","x5c":null}',
    "x5c not base64": b'{"alg":"ES256","x5c":["-_-_"]}',
    "x5c not DER": b'{"alg":"ES256","x5c":["MIIB"]}',
    "x5c not a certificate": b'{"alg":"ES256","x5c":["MAA="]}',
    "x5t of another length": b'{"alg":"ES256","x5t":"AAAA"}',
    "deep": b'{"alg":"ES256","x":' + b"[" * 90 + b"]" * 90 + b"}",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_with_two_readings_is_malformed_although_signed(header: bytes) -> None:
    assert refused(compact("ES256", key("a"), header_text=header), TRUST).judgement is Judgement.MALFORMED


@pytest.mark.parametrize("names", [["exp"], ["alg"], ["b64", "http://example.org/x"]])
def test_an_extension_that_is_not_understood_stops_everything(names: list[str]) -> None:
    header = {"crit": names, "b64": True, **dict.fromkeys(names, True), "alg": "ES256"}
    assert refused(compact("ES256", key("a"), header=header), TRUST).judgement is Judgement.UNSUPPORTED


def test_an_unencoded_payload_in_the_compact_form_has_no_dot() -> None:
    header = {"b64": False, "crit": ["b64"]}
    dotted = compact("ES256", key("a"), payload=b"a.b", header=header)
    assert refused(dotted, TRUST).judgement is Judgement.MALFORMED
    control = compact("ES256", key("a"), payload=b"a\nb", header=header)
    assert refused(control, TRUST).judgement is Judgement.MALFORMED


GOOD = json_part("ES256", key("a"), {"alg": "ES256"})
JSON = {
    "no signatures": general(),
    "signatures not a list": json.dumps({"payload": "", "signatures": {}}).encode(),
    "both forms": general(GOOD, signature=GOOD["signature"]),
    "both forms, header": general(GOOD, header={}),
    "overlap": general({**GOOD, "header": {"alg": "ES256"}}),
    "crit unprotected": general({**GOOD, "header": {"crit": ["b64"]}}),
    "b64 unprotected": general({**GOOD, "header": {"b64": False}}),
    "header a text": general({**GOOD, "header": "x"}),
    "header null": general({**GOOD, "header": None}),
    "protected null": general({**GOOD, "protected": None}),
    "signature missing": general({"protected": GOOD["protected"]}),
    "payload a number": general(GOOD, payload=1),  # type: ignore[arg-type]
    "payload padded": general(GOOD, payload=b64(PAYLOAD) + "=" * (-len(b64(PAYLOAD)) % 4 or 4)),
    "payload twice": b'{"payload":"","payload":"","signatures":[]}',
    "a signature that is a text": general("x"),  # type: ignore[arg-type]
    "empty object": b"{}",
}


@pytest.mark.parametrize("content", JSON.values(), ids=JSON.keys())
def test_json_forms_with_two_readings_are_refused(content: bytes) -> None:
    assert refused(content, TRUST).judgement in (Judgement.MALFORMED, Judgement.INVALID)


def test_signatures_that_disagree_on_the_payloads_form_are_refused() -> None:
    header = {"alg": "ES256", "b64": False, "crit": ["b64"]}
    first = b64(json.dumps(header).encode())
    value = raw_signature("ES256", key("a"), f"{first}.{b64(PAYLOAD)}".encode())
    other = {"protected": first, "signature": b64(value)}
    assert verify(general(other), TRUST) == b64(PAYLOAD).encode()
    assert refused(general(GOOD, other), TRUST).judgement is Judgement.MALFORMED


def test_the_payload_of_one_jws_does_not_go_with_the_signature_of_another() -> None:
    one, two = compact("ES256", key("a")).split(b"."), compact("ES256", key("a"), payload=b"other").split(b".")
    assert refused(b".".join((one[0], two[1], one[2])), TRUST).reason == "signature.wrong"
    assert refused(b".".join((two[0], one[1], two[2])), TRUST).reason == "signature.wrong"


def test_a_flood_of_signatures_is_not_verified() -> None:
    begun = time.monotonic()
    assert refused(general(*[GOOD] * 5000), TRUST).reason == "limit.exceeded"
    assert time.monotonic() - begun < 2


def test_a_jws_beyond_the_limit_is_not_read() -> None:
    assert refused(b"e30." + b"A" * (32 << 20) + b".AA", TRUST).reason == "limit.exceeded"


@given(st.binary(max_size=200) | st.text('eyJhbGciOiJub25lIn0.{}[]:,"', max_size=80).map(str.encode))
def test_no_bytes_make_it_stumble(content: bytes) -> None:
    assert certificates(content) == ()
    with pytest.raises(NotValid):
        judge(content, question(TRUST))


@given(st.data())
def test_no_single_changed_byte_is_valid(data: st.DataObject) -> None:
    content = _ONE
    at = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != content[at]))
    with pytest.raises(NotValid):
        judge(content[:at] + bytes([byte]) + content[at + 1 :], question(TRUST))


_ONE = compact("ES256", key("a"))
