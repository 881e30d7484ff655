"""A container is valid only if every signature in it holds, and only for the files that were signed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from asic_maker import EXTENDED, SIMPLE, container, extended, manifest, signed, simple, xades
from cms_maker import HOUR, STAMP, Make, authority, message, token
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from trust_pki import AT, DAY, Holder, crl, key, make, world

from gateway.model.verdict import Judgement, Scope, Verdict
from gateway.signing import asic, cms, verify
from gateway.signing.policy import COMPAT, PRODUCTION, Policy
from gateway.signing.question import Question
from gateway.signing.trust import sorted_out

CONTENT = b"%PDF-1.7 noi dung cong van"
FILES = {"cong-van.pdf": CONTENT, "phu-luc/Bảng số 1.xlsx": b"PK bang tinh"}
P7S, LIST = "META-INF/signature001.p7s", "META-INF/ASiCManifest001.xml"


def signer() -> Holder:
    return world()[2]


def tsa() -> Holder:
    return authority(world()[1])


def judged(
    members: Mapping[str, bytes] | bytes,
    *,
    at: datetime = AT + HOUR,
    policy: Policy = COMPAT,
    detached: dict[str, bytes] | None = None,
    trusted: tuple[x509.Certificate, ...] = (),
) -> Verdict:
    root, issuing, _ = world()
    raw = members if isinstance(members, bytes) else container(members)
    store = sorted_out(trusted or (root.cert, issuing.cert))
    return verify.judge(raw, Question("asic", store, at, policy, detached or {}))


def outcome(members: Mapping[str, bytes] | bytes, **more: object) -> tuple[str, str]:
    verdict = judged(members, **more)  # type: ignore[arg-type]
    assert verdict.judgement is Judgement.VALID or not verdict.signed
    return verdict.judgement.value, verdict.reason


def names(verdict: Verdict) -> set[str]:
    return {part.path for part in verdict.signed}


def test_a_simple_container_is_valid_for_its_file() -> None:
    verdict = judged(simple(CONTENT, signer()))
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)
    assert [(part.path, part.sha256) for part in verdict.signed] == [
        ("van-ban.pdf", hashlib.sha256(CONTENT).hexdigest())
    ]
    assert (verdict.signer, verdict.signed_at, verdict.time_proven) == ("CN=UBND,O=Test,C=VN", AT, False)
    assert (verdict.signatures, verdict.later_changes) == (1, ())


def test_an_extended_container_is_valid_for_all_files_of_its_manifest() -> None:
    verdict = judged(extended(FILES, signer()))
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.FULL)
    assert names(verdict) == {*FILES, LIST}


def test_a_container_may_say_what_it_is_in_its_comment_or_not_at_all() -> None:
    members = simple(CONTENT, signer())
    del members["mimetype"]
    assert outcome(members) == ("valid", "ok")
    assert outcome(container(members, b"mimetype=" + SIMPLE)) == ("valid", "ok")
    del (more := extended(FILES, signer()))["mimetype"]
    assert outcome(more) == ("valid", "ok")


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_changed_after_signing_is_noticed(whole: bool) -> None:
    members = extended(FILES, signer()) if whole else simple(CONTENT, signer(), "cong-van.pdf")
    assert outcome({**members, "cong-van.pdf": CONTENT + b"!"}) == ("invalid", "signature.digest")


def test_a_file_added_is_told_as_not_signed() -> None:
    verdict = judged({**extended(FILES, signer()), "them.txt": b"them"})
    assert (verdict.judgement, verdict.scope) == (Judgement.VALID, Scope.PARTIAL)
    assert "them.txt" not in names(verdict)
    assert verdict.later_changes == ("not signed: them.txt",)


def test_a_file_added_to_meta_inf_is_told_as_well() -> None:
    verdict = judged({**extended(FILES, signer()), "META-INF/readme.txt": b"x", "META-INF/manifest.xml": b"<a/>"})
    assert verdict.scope is Scope.PARTIAL
    assert verdict.later_changes == ("not signed: META-INF/readme.txt",)


def test_a_simple_container_with_a_second_file_is_refused() -> None:
    members = simple(CONTENT, signer())
    assert outcome({**members, "them.txt": b"them"}) == ("invalid", "signature.place")
    assert outcome({**members, "meta-inf/signature.p7s": b""})[0] == "malformed"
    del members["van-ban.pdf"]
    assert outcome(members) == ("invalid", "signature.place")


def test_a_file_taken_away_or_renamed_is_noticed() -> None:
    members = extended(FILES, signer())
    moved = members.pop("cong-van.pdf")
    assert outcome(members) == ("invalid", "signature.reference")
    assert outcome({**members, "khac.pdf": moved}) == ("invalid", "signature.reference")


def test_a_manifest_changed_or_swapped_is_noticed() -> None:
    members = extended(FILES, signer())
    forged = {**FILES, "cong-van.pdf": b"%PDF-1.7 khac"}
    assert outcome({**members, **forged, LIST: manifest(P7S, forged)}) == ("invalid", "signature.digest")
    other = extended({"khac.txt": b"x"}, signer())
    assert outcome({**members, P7S: other[P7S]}) == ("invalid", "signature.digest")


def test_a_signature_nobody_points_to_has_no_meaning() -> None:
    members = extended(FILES, signer())
    assert outcome({**members, "META-INF/signature002.p7s": members[P7S]}) == ("invalid", "signature.place")
    del members[LIST]
    assert outcome(members) == ("invalid", "signature.place")


def test_a_manifest_that_points_to_no_signature_is_refused() -> None:
    members = extended(FILES, signer())
    for target in ("META-INF/nowhere.p7s", "cong-van.pdf", "../a", "http://x.vn/a.p7s"):
        extra = manifest(target, FILES)
        assert outcome({**members, "META-INF/ASiCManifest002.xml": extra}) == ("invalid", "signature.reference")
    assert outcome({**members, "META-INF/ASiCManifest002.xml": members[LIST]}) == ("invalid", "signature.ambiguous")


def relisted(listed: bytes) -> dict[str, bytes]:
    """A container whose manifest *listed* was properly signed as it is."""
    return {"mimetype": EXTENDED, **FILES, LIST: listed, P7S: signed(listed, signer())}


def test_a_manifest_that_makes_no_sense_is_refused_although_signed() -> None:
    good = manifest(P7S, FILES)
    assert outcome(relisted(good)) == ("valid", "ok")
    for listed, expected in (
        (good.replace(b"#sha256", b"#md5"), ("unsupported", "algorithm.unsupported")),
        (good.replace(b"</ds:DigestValue>", b"!</ds:DigestValue>", 1), ("malformed", "malformed")),
        (manifest(P7S, {**FILES, "absent": b""}), ("invalid", "signature.reference")),
        (manifest(P7S, {}), ("malformed", "malformed")),
        (manifest(P7S, FILES, "<SigReference URI='x'/>"), ("malformed", "malformed")),
        (manifest(P7S, FILES, "<DataObjectReference URI='cong-van.pdf'/>"), ("malformed", "malformed")),
        (manifest(P7S, FILES, good.split(b"/>", 1)[1].decode().split("</ASiC")[0]), ("invalid", "signature.ambiguous")),
        (manifest(P7S, FILES, "<E><Extension Critical='true'/></E>"), ("unsupported", "algorithm.unsupported")),
        (manifest(P7S, FILES, "<E><Extension Critical='false'/></E>"), ("valid", "ok")),
        (manifest(P7S, FILES, space="urn:x"), ("malformed", "malformed")),
        (b"<!DOCTYPE a><a/>", ("malformed", "malformed")),
        (b"", ("malformed", "malformed")),
    ):
        assert outcome(relisted(listed)) == expected, listed


def test_references_are_paths_from_the_root_and_escaped_names_are_understood() -> None:
    listed = manifest(P7S, FILES).replace(b'URI="cong-van.pdf"', b'URI="/cong-van.pdf"')
    assert outcome(relisted(listed)) == ("valid", "ok")
    for uri in (
        b"phu-luc/../cong-van.pdf",
        b"//cong-van.pdf",
        b"./cong-van.pdf",
        b"file:cong-van.pdf",
        b"cong-van.pdf#x",
    ):
        listed = manifest(P7S, FILES).replace(b'URI="cong-van.pdf"', b'URI="%s"' % uri)
        assert outcome(relisted(listed)) == ("invalid", "signature.reference"), uri
    both = {"a b": b"1", "a%20b": b"1"}
    listed = manifest(P7S, both)
    listed = listed.replace(b"a%2520b", b"a%20b")
    members = {"mimetype": EXTENDED, **both, LIST: listed, P7S: signed(listed, signer())}
    assert outcome(members) == ("invalid", "signature.ambiguous")


@pytest.mark.parametrize(
    ("stated", "comment", "expected"),
    [
        (b"application/zip", b"", ("unsupported", "algorithm.unsupported")),
        (EXTENDED, b"mimetype=" + SIMPLE, ("malformed", "malformed")),
        (SIMPLE, b"", ("invalid", "signature.place")),
        (EXTENDED + b"\n", b"just a remark", ("valid", "ok")),
    ],
)
def test_what_the_container_says_it_is_counts(stated: bytes, comment: bytes, expected: tuple[str, str]) -> None:
    assert outcome(container({**extended(FILES, signer()), "mimetype": stated}, comment)) == expected


def test_a_container_without_a_signature_says_so() -> None:
    assert outcome({"mimetype": EXTENDED, **FILES}) == ("invalid", "signature.absent")
    assert outcome({"mimetype": EXTENDED, LIST: b"", P7S: b""})[0] != "valid"


@pytest.mark.parametrize("raw", [b"", b"hello", b"PK\x03\x04", b"\x30\x00"])
def test_a_file_that_is_no_container_is_malformed(raw: bytes) -> None:
    assert outcome(raw) == ("malformed", "malformed")
    assert asic.certificates(raw) == ()


def test_two_entries_of_one_name_are_refused() -> None:
    pairs = [*simple(CONTENT, signer()).items(), ("VAN-BAN.PDF", b"other")]
    assert outcome(container(pairs)) == ("malformed", "malformed")


def test_the_key_must_be_that_of_the_certificate_and_the_chain_known() -> None:
    assert outcome(simple(CONTENT, signer(), make=Make(signed_by=key("stranger")))) == ("invalid", "signature.wrong")
    stranger = Holder(signer().cert, signer().key)
    verdict = judged(simple(CONTENT, stranger), trusted=(_elsewhere(),))
    assert (verdict.judgement, verdict.reason) == (Judgement.INDETERMINATE, "chain.unknown")
    assert verdict.signer == "CN=UBND,O=Test,C=VN"
    stamper = tsa()
    assert outcome(simple(CONTENT, stamper)) == ("invalid", "chain.usage")


def _elsewhere() -> x509.Certificate:
    return make("CN=Elsewhere,O=Test,C=VN", ca=True).cert


def test_every_signature_must_hold() -> None:
    good = extended(FILES, signer())
    second = manifest("META-INF/signature002.p7s", FILES)
    for other, expected in ((None, "valid"), (Make(signed_by=key("stranger")), "invalid")):
        more = {"META-INF/ASiCManifest002.xml": second, "META-INF/signature002.p7s": signed(second, signer(), other)}
        verdict = judged({**good, **more})
        assert verdict.judgement.value == expected
        assert verdict.signatures == (2 if other is None else 0)


def test_only_files_that_all_signatures_cover_count_as_signed() -> None:
    good = extended(FILES, signer())
    fewer = manifest("META-INF/signature002.p7s", {"cong-van.pdf": CONTENT})
    more = {"META-INF/ASiCManifest002.xml": fewer, "META-INF/signature002.p7s": signed(fewer, signer())}
    verdict = judged({**good, **more})
    assert (verdict.scope, names(verdict)) == (Scope.PARTIAL, {"cong-van.pdf"})


def test_several_signers_in_one_message_all_count() -> None:
    verdict = judged(simple(CONTENT, signer(), make=Make(signers=2)))
    assert (verdict.judgement, verdict.signatures) == (Judgement.VALID, 2)
    assert outcome(simple(CONTENT, signer(), make=Make(signers=9))) == ("indeterminate", "limit.exceeded")


def test_a_signature_without_attributes_is_no_cades() -> None:
    assert outcome(simple(CONTENT, signer(), make=Make(attributes=None))) == ("invalid", "signature.properties")


def test_content_inside_the_signature_is_refused() -> None:
    members = {"mimetype": SIMPLE, "a.txt": CONTENT, "META-INF/signature.p7s": message(CONTENT, signer())}
    assert outcome(members) == ("invalid", "signature.reference")


def stamped(at: datetime, *, over: bytes | None = None) -> dict[str, bytes]:
    """A simple container whose signature (RSA: always the same) carries a time stamp."""
    own = world()[1].issue("CN=UBND,O=Test,C=VN", key_label="rsa", serial=4711)
    signature = cms.read(signed(CONTENT, own)).signers[0].signature
    held = token(over or signature, tsa(), at=at)
    return simple(CONTENT, own, make=Make(unsigned=[(STAMP, [held])]))


def test_a_signature_time_stamp_proves_the_time_and_outlives_the_certificate() -> None:
    verdict = judged(stamped(AT))
    assert (verdict.judgement, verdict.signed_at, verdict.time_proven) == (Judgement.VALID, AT, True)
    late = AT + 500 * DAY
    assert outcome(simple(CONTENT, signer()), at=late) == ("indeterminate", "certificate.expired")
    assert outcome(stamped(AT), at=late) == ("valid", "ok")
    assert outcome(stamped(AT, over=b"other"), at=late) == ("invalid", "timestamp.invalid")


def test_a_container_of_a_time_stamp_alone_is_valid_for_its_file() -> None:
    members = {"mimetype": SIMPLE, "a.txt": CONTENT, "META-INF/timestamp.tst": token(CONTENT, tsa())}
    verdict = judged(members)
    assert (verdict.judgement, verdict.scope, verdict.time_proven) == (Judgement.VALID, Scope.FULL, True)
    assert verdict.signer == "CN=TSA,O=Test,C=VN"
    assert outcome({**members, "a.txt": b"other"}) == ("invalid", "timestamp.invalid")


def test_an_archive_time_stamp_over_the_signature_proves_when_it_existed() -> None:
    inner = extended(FILES, signer())
    covered = {name: content for name, content in inner.items() if name != "mimetype"}
    place, listing = "META-INF/timestamp001.tst", "META-INF/ASiCArchiveManifest001.xml"
    listed = manifest(place, covered)
    members = {**inner, listing: listed, place: token(listed, tsa())}
    assert outcome(members, at=AT + 500 * DAY) == ("valid", "ok")
    assert outcome({**members, place: token(b"other", tsa())}) == ("invalid", "timestamp.invalid")
    listed = manifest(place, FILES)
    assert outcome({**inner, listing: listed, place: token(listed, tsa())}, at=AT + 500 * DAY) == (
        "indeterminate",
        "certificate.expired",
    )


def test_material_beside_the_container_is_used() -> None:
    root, issuing, own = world()
    members = simple(CONTENT, own, make=Make(certificates=[]))
    assert outcome(members) == ("indeterminate", "chain.unknown")
    beside = {"own.der": own.der, "issuing.der": issuing.der}
    assert outcome(members, detached=beside, trusted=(root.cert,)) == ("valid", "ok")
    gone = crl(issuing, [(own.cert.serial_number, AT - DAY)])
    assert outcome(members, detached={**beside, "a.crl": gone, "b.crl": crl(root)}) == (
        "invalid",
        "certificate.revoked",
    )


def test_the_policy_counts() -> None:
    weak = world()[1].issue("CN=Weak,O=Test,C=VN", key_label="rsa1024")
    assert outcome(simple(CONTENT, weak)) == ("valid", "ok")
    assert outcome(simple(CONTENT, weak), policy=PRODUCTION) == ("invalid", "algorithm.forbidden")


def test_certificates_of_signatures_and_stamps_are_found() -> None:
    found = asic.certificates(container({**stamped(AT), "META-INF/signatures0.xml": xades(FILES, signer())}))
    assert signer().cert in found
    assert {one.subject for one in found} == {signer().cert.subject, tsa().cert.subject}


def with_xml(files: Mapping[str, bytes], raw: bytes, kind: bytes = EXTENDED) -> dict[str, bytes]:
    return {"mimetype": kind, **files, "META-INF/signatures0.xml": raw}


def test_xades_signs_the_files_it_refers_to() -> None:
    verdict = judged(with_xml(FILES, xades(FILES, signer())))
    assert (verdict.judgement, verdict.scope, names(verdict)) == (Judgement.VALID, Scope.FULL, set(FILES))
    assert (verdict.signer, verdict.signed_at) == ("CN=UBND,O=Test,C=VN", AT)
    one = {"a.txt": CONTENT}
    simple_verdict = judged(
        {"mimetype": SIMPLE, **one, "META-INF/signatures.xml": xades(one, world()[1].issue("CN=R", key_label="rsa"))}
    )
    assert (simple_verdict.judgement, simple_verdict.scope) == (Judgement.VALID, Scope.FULL)


def test_xades_over_some_files_leaves_the_others_unsigned() -> None:
    verdict = judged(with_xml({**FILES, "them.txt": b"x"}, xades(FILES, signer())))
    assert (verdict.scope, verdict.later_changes) == (Scope.PARTIAL, ("not signed: them.txt",))


def test_xades_notices_files_changed_absent_or_elsewhere() -> None:
    raw = xades(FILES, signer())
    assert outcome(with_xml({**FILES, "cong-van.pdf": b"khac"}, raw)) == ("invalid", "signature.digest")
    assert outcome(with_xml({"phu-luc/Bảng số 1.xlsx": b"PK bang tinh"}, raw))[1] == "signature.reference"
    for uri in ("../cong-van.pdf", "http://x.vn/cong-van.pdf", "//x/cong-van.pdf", "cong-van.pdf?x"):
        elsewhere = xades(FILES, signer(), uris={"cong-van.pdf": uri})
        assert judged(with_xml(FILES, elsewhere)).judgement is not Judgement.VALID


def test_each_xades_signature_in_each_file_must_hold() -> None:
    good, forged = xades(FILES, signer()), xades(FILES, Holder(signer().cert, key("stranger")), ids="S2")
    members = with_xml(FILES, good)
    assert judged({**members, "META-INF/signatures1.xml": xades(FILES, signer(), ids="S2")}).signatures == 2
    assert outcome({**members, "META-INF/signatures1.xml": forged}) == ("invalid", "signature.wrong")
    end = b"</asic:XAdESSignatures>"
    both = good.replace(end, forged.split(b'v1.2.1#">', 1)[1])
    assert outcome(with_xml(FILES, both)) == ("invalid", "signature.wrong")


def test_xades_that_signs_none_of_the_files_is_refused() -> None:
    raw = xades({"mimetype": EXTENDED}, signer())
    assert outcome(with_xml(FILES, raw)) == ("invalid", "signature.place")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"<a/>", "signature.place"),
        (b'<asic:XAdESSignatures xmlns:asic="http://uri.etsi.org/02918/v1.2.1#"/>', "signature.absent"),
        (b"<!DOCTYPE a><a/>", "malformed"),
        (b"junk", "malformed"),
    ],
)
def test_a_signature_file_that_holds_no_signature_is_told_apart(raw: bytes, reason: str) -> None:
    assert outcome(with_xml(FILES, raw))[1] == reason


@settings(max_examples=150, deadline=None)
@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_signs_nothing_new(place: int, change: int) -> None:
    raw = bytearray(container(_fixed()))
    raw[place % len(raw)] ^= change
    verdict = judged(bytes(raw))
    if verdict.judgement is Judgement.VALID:
        assert {part.sha256 for part in verdict.signed} <= {
            hashlib.sha256(one).hexdigest() for one in _fixed().values()
        }


_FIXED: dict[str, bytes] = {}


def _fixed() -> dict[str, bytes]:
    if not _FIXED:
        _FIXED.update(extended(FILES, signer()))
    return _FIXED


def test_times_after_the_question_do_not_count() -> None:
    verdict = judged(stamped(AT + timedelta(days=3)), at=AT + HOUR)
    assert not verdict.time_proven
