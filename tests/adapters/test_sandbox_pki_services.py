"""The sandbox's OCSP, CRL and time stamps as openssl sees them, right and wrong on order."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from asn1crypto import ocsp, tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder, OCSPResponseStatus, load_der_ocsp_response
from pki_tools import NOW, bench, needs, run

from sandbox.pki.faults import ACTIONS, rule_from_json
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.identity import Identity
from sandbox.pki.responder import Responder
from sandbox.pki.revocation import revocation_list
from sandbox.pki.stamping import POLICY, Stamping

QUERY = "application/ocsp-request"


def rule(operation: str, action: str, **more: Any) -> Any:
    return rule_from_json({"operation": operation, "action": action, **more})


def still(base_url: str = "http://127.0.0.1:1") -> Hierarchy:
    return Hierarchy(base_url, lambda: NOW)


def asking(hierarchy: Hierarchy, identity: Identity, nonce: bytes = b"0123456789abcdef") -> bytes:
    builder = OCSPRequestBuilder().add_certificate(
        identity.certificate, hierarchy.issuing("government").certificate, hashes.SHA256()
    )
    return builder.add_extension(x509.OCSPNonce(nonce), critical=False).build().public_bytes(Encoding.DER)


def stamp_request(digest: bytes = b"\1" * 32, algorithm: str = "sha256", **more: Any) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}
    request: bytes = tsp.TimeStampReq({"version": 1, "message_imprint": imprint, **more}).dump()
    return request


@needs("openssl")
async def test_openssl_builds_the_chain_of_either_tree_and_never_across(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        for kind in ("ec", "rsa"):
            own = pki.file("own.pem", pki.organisation(kind=kind).pem())
            for root, expected in (("government-root", 0), ("root", 2)):
                code, said = await run(
                    *("openssl", "verify", "-x509_strict", "-CAfile", tmp_path / f"{root}.pem"),
                    *("-untrusted", tmp_path / "government-issuing.pem", own),
                )
                assert code == expected, said


def test_an_organisation_is_named_and_used_as_in_vietnamese_certificates() -> None:
    identity = still().organisation("Sở Công Thương", "3900244389")
    subject = identity.certificate.subject.rfc4514_string()
    assert "O=Sở Công Thương" in subject
    assert "UID=MST:3900244389" in subject
    usage = identity.certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    assert not usage.value.key_cert_sign


def test_the_stamping_certificate_is_for_stamping_alone() -> None:
    usage = still().stamping().certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert list(usage.value) == [x509.ExtendedKeyUsageOID.TIME_STAMPING]


@needs("openssl")
async def test_openssl_hears_good_then_revoked_with_date_and_reason(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        identity = pki.organisation()
        assert "asked.pem: good" in (await pki.ocsp(identity))[1]
        pki.hierarchy.revoke(identity.serial, pki.hierarchy.now() - timedelta(days=3), "cACompromise")
        code, said = await pki.ocsp(identity)
        assert code == 0
        assert "Response verify OK" in said
        assert "asked.pem: revoked" in said
        assert "Reason: cACompromise" in said
        pki.hierarchy.restore(identity.serial)
        assert "asked.pem: good" in (await pki.ocsp(identity))[1]


async def test_get_and_post_say_the_same_and_the_nonce_comes_back(tmp_path: Path) -> None:
    async with bench(tmp_path, now=lambda: NOW) as pki:
        request = asking(pki.hierarchy, pki.organisation())
        for encoded in (quote(b64encode(request).decode(), safe=""), b64encode(request).decode()):
            _, got = await pki.get(f"/ocsp/{encoded}")
            _, posted = await pki.post("/ocsp", request, QUERY)
            for answer in map(load_der_ocsp_response, (got, posted)):
                assert answer.response_status is OCSPResponseStatus.SUCCESSFUL
                assert answer.next_update_utc == NOW + timedelta(hours=12)
                assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"0123456789abcdef"


async def test_the_responder_answers_each_of_several_questions(tmp_path: Path) -> None:
    hierarchy = still()
    known, other = hierarchy.organisation("A"), hierarchy.organisation("B")
    hierarchy.revoke(other.serial)
    asked = [
        ocsp.OCSPRequest.load(asking(hierarchy, each))["tbs_request"]["request_list"][0] for each in (known, other)
    ]
    answer = ocsp.OCSPResponse.load(Responder(hierarchy).answer(_request(asked)))
    singles = answer.response_data["responses"]
    assert [single["cert_status"].name for single in singles] == ["good", "revoked"]


def _request(singles: list[Any]) -> bytes:
    whole: bytes = ocsp.OCSPRequest({"tbs_request": {"request_list": singles}}).dump()
    return whole


@pytest.mark.parametrize("request_bytes", [b"", b"\x30\x00", b"\x30\x03\x02\x01", b"garbage", bytes(100)])
def test_what_is_no_request_is_called_malformed(request_bytes: bytes) -> None:
    answer = load_der_ocsp_response(Responder(still()).answer(request_bytes))
    assert answer.response_status is OCSPResponseStatus.MALFORMED_REQUEST


def test_strangers_certificates_are_not_answered_for() -> None:
    mine, other = still(), still()
    answer = load_der_ocsp_response(Responder(mine).answer(asking(other, other.organisation("A"))))
    assert answer.response_status is OCSPResponseStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("wrong_signer", "Response Verify Failure"),
        ("bad_signature", "signature failure"),
        ("stale", "status expired"),
        ("unknown", "asked.pem: unknown"),
        ("wrong_id", "No Status found"),
    ],
)
@needs("openssl")
async def test_openssl_believes_no_false_answer(tmp_path: Path, action: str, words: str) -> None:
    async with bench(tmp_path) as pki:
        pki.fault("ocsp", action)
        _, said = await pki.ocsp(pki.organisation(), "-validity_period", "60")  # its exit code is 0 all the same
        assert words in said


@pytest.mark.parametrize("action", ["try_later", "wrong_nonce", "no_nonce"])
def test_the_responder_can_be_unwilling_or_forget_the_nonce(action: str) -> None:
    hierarchy = still()
    asked = asking(hierarchy, hierarchy.organisation("A"))
    answer = load_der_ocsp_response(Responder(hierarchy).answer(asked, rule("ocsp", action)))
    if action == "try_later":
        assert answer.response_status is OCSPResponseStatus.TRY_LATER
        return
    nonces = [each.value.nonce for each in answer.extensions if isinstance(each.value, x509.OCSPNonce)]
    assert nonces != [b"0123456789abcdef"]
    assert bool(nonces) is (action == "wrong_nonce")


@needs("openssl")
async def test_openssl_reads_the_list_and_checks_a_certificate_by_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        kept, lost = pki.organisation(), pki.organisation()
        pki.hierarchy.revoke(lost.serial, reason="keyCompromise")
        status, der = await pki.get("/crl/government-issuing.crl")
        assert status == 200
        crl = pki.file("list.crl", der)
        code, said = await run("openssl", "crl", "-inform", "DER", "-in", crl, "-out", tmp_path / "list.pem")
        assert code == 0, said
        for identity, expected in ((kept, "OK"), (lost, "certificate revoked")):
            own = pki.file("own.pem", identity.pem())
            trust = ("-CAfile", tmp_path / "government-root.pem", "-untrusted", tmp_path / "government-issuing.pem")
            code, said = await run("openssl", "verify", "-crl_check", *trust, "-CRLfile", tmp_path / "list.pem", own)
            assert expected in said


def test_a_list_can_be_stale_or_signed_by_nobody() -> None:
    hierarchy = still()
    authority = hierarchy.issuing()
    key = authority.certificate.public_key()
    good, stale, false = (
        x509.load_der_x509_crl(revocation_list(hierarchy, authority, fault))
        for fault in (None, rule("crl", "stale"), rule("crl", "wrong_signature"))
    )
    assert good.is_signature_valid(key)  # type: ignore[arg-type]
    assert good.next_update_utc is not None
    assert good.next_update_utc > NOW
    assert stale.is_signature_valid(key)  # type: ignore[arg-type]
    assert stale.next_update_utc is not None
    assert stale.next_update_utc < NOW
    assert not false.is_signature_valid(key)  # type: ignore[arg-type]


async def test_an_issuers_certificate_is_where_its_certificates_say(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        identity = pki.organisation()
        access = identity.certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        named = [each.access_location.value for each in access]
        assert named == [f"{pki.pki.url}/ocsp", f"{pki.pki.url}/ca/government-issuing.cer"]
        _, der = await pki.get("/ca/government-issuing.cer")
        identity.certificate.verify_directly_issued_by(x509.load_der_x509_certificate(der))
        assert (await pki.get("/ca/nobody.cer"))[0] == 404
        pki.fault("crl", "missing")
        assert (await pki.get("/crl/issuing.crl"))[0] == 404


@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
@needs("openssl")
async def test_openssl_verifies_a_time_stamp(tmp_path: Path, digest: str) -> None:
    async with bench(tmp_path) as pki:
        query, reply = await pki.stamp(b"noi dung", digest, "-cert")
        code, said = await pki.verify_stamp(query, reply)
        assert code == 0, said
        assert "Verification: OK" in said


@needs("openssl")
async def test_certificates_and_nonce_are_there_only_if_asked_for(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        query, reply = await pki.stamp(b"noi dung", "-sha256", "-no_nonce")
        token = tsp.TimeStampResp.load(reply.read_bytes())["time_stamp_token"]["content"]
        assert token["certificates"].native is None
        assert token["encap_content_info"]["content"].parsed["nonce"].native is None
        chain = pki.file("tsa.pem", pki.hierarchy.stamping().pem())
        code, said = await pki.verify_stamp(query, reply, "-untrusted", chain)
        assert code == 0, said


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("wrong_imprint", "message imprint mismatch"),
        ("wrong_nonce", "nonce mismatch"),
        ("bad_signature", "signature failure"),
        ("wrong_eku", "unsuitable certificate purpose"),
        ("expired", "certificate has expired"),
        ("rejection", "status code: rejection"),
    ],
)
@needs("openssl")
async def test_openssl_believes_no_false_time_stamp(tmp_path: Path, action: str, words: str) -> None:
    async with bench(tmp_path) as pki:
        pki.fault("tsa", action)
        query, reply = await pki.stamp(b"noi dung", "-sha256", "-cert")
        code, said = await pki.verify_stamp(query, reply)
        assert code != 0
        assert words in said.casefold(), said


def test_the_clock_of_the_stamp_can_be_a_day_off() -> None:
    stamping = Stamping(still())
    for fault, expected in (
        (None, NOW),
        (rule("tsa", "clock"), NOW + timedelta(days=1)),
        (rule("tsa", "clock", seconds=-60), NOW - timedelta(minutes=1)),
    ):
        answer = tsp.TimeStampResp.load(stamping.answer(stamp_request(), fault))
        content = answer["time_stamp_token"]["content"]["encap_content_info"]["content"].parsed
        assert content["gen_time"].native == expected
        assert content["policy"].native == POLICY
        assert content["accuracy"]["seconds"].native == 1


@pytest.mark.parametrize(
    ("request_bytes", "failure"),
    [
        (b"garbage", "bad_data_format"),
        (b"", "bad_data_format"),
        (stamp_request(b"\1" * 20, "sha1"), "bad_alg"),
        (stamp_request(b"\1" * 31), "bad_data_format"),
        (stamp_request(req_policy="1.2.3.4"), "unaccepted_policy"),
        (stamp_request(extensions=[{"extn_id": "1.2.3", "extn_value": b"x"}]), "unaccepted_extensions"),
    ],
    ids=["garbage", "nothing", "sha1", "short", "policy", "extension"],
)
def test_a_request_that_cannot_be_stamped_is_rejected_with_its_reason(request_bytes: bytes, failure: str) -> None:
    class Status(tsp.TimeStampResp):  # type: ignore[misc]
        _fields = [("status", tsp.PKIStatusInfo)]  # noqa: RUF012

    answer = Status.load(Stamping(still()).answer(request_bytes))
    assert answer["status"]["status"].native == "rejection"
    assert answer["status"]["fail_info"].native == {failure}


async def test_every_service_can_fail_in_transport(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        request = asking(pki.hierarchy, pki.organisation())
        asked = f"/ocsp/{quote(b64encode(request).decode(), safe='')}"
        for operation, path in (("ocsp", asked), ("crl", "/crl"), ("ca", "/ca/issuing.cer")):
            pki.fault(operation, "500")
            assert (await pki.get(path))[0] == 500
            pki.fault(operation, "garbage")
            assert b"Bad Gateway" in (await pki.get(path))[1]
            pki.fault(operation, "oversize")
            assert len((await pki.get(path))[1]) > 16 * 1024 * 1024
            pki.fault(operation, "refuse")
            with pytest.raises(aiohttp.ClientError):
                await pki.get(path)
            pki.fault(operation, "slow", seconds=3600)
            with pytest.raises(TimeoutError):
                await pki.get(path, timeout=0.2)
            pki.fault(operation, "500", match={"nth": 2})
            assert [(await pki.get(path))[0] for _ in range(3)] == [200, 500, 200]


async def test_a_fault_may_concern_one_certificate_only(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        meant, other = pki.organisation(), pki.organisation()
        pki.fault("ocsp", "unknown", match={"serial": meant.serial})
        seen = []
        for identity in (meant, other):
            _, answer = await pki.post("/ocsp", asking(pki.hierarchy, identity), QUERY)
            seen.append(load_der_ocsp_response(answer).certificate_status.name)
        assert seen == ["UNKNOWN", "GOOD"]


@pytest.mark.parametrize(
    "source", [{"operation": "*", "action": "500"}, {"operation": "crl", "action": "clock"}, {"action": "500"}, [], 7]
)
def test_a_rule_that_makes_no_sense_is_refused(source: object) -> None:
    with pytest.raises(ValueError, match=r"operation|action|rule"):
        rule_from_json(source)


def test_every_service_has_the_faults_of_transport() -> None:
    assert all({"slow", "500", "refuse", "garbage", "oversize"} <= actions for actions in ACTIONS.values())
