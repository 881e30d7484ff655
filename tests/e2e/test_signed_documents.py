"""Signatures in the flow: judged on arrival by policy, kept with the message, and applied to what leaves."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
from province import document
from signed_province import SENDER, Signed, attached, key_file, signed_province

from gateway.clock import VIETNAM
from gateway.config import ConfigError, load
from sandbox.edxml import Organ
from sandbox.pki.authority import Validity
from sandbox.pki.forgery import forge
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.seal import seal_png
from sandbox.pki.typeface import default_typeface
from sandbox.settings import MINISTRY_SYSTEM
from sandbox.writing import Draft, write_document

MINISTRY = Organ(MINISTRY_SYSTEM, "Văn phòng Chính phủ")
REQUIRED = 'signatures = { document = "require" }'


async def hand_in(signed: Signed, number: str, *contents: bytes, **more: Any) -> tuple[int, Any]:
    files = [attached(content, f"tep-{place}.pdf") for place, content in enumerate(contents)]
    return await signed.province.call("POST", "/api/v1/documents", json=document(number, files=files, **more))


async def recorded(signed: Signed, type: str) -> list[dict[str, Any]]:
    """The entries of one type; the unsealed are read first, so that none falls between the two readings."""
    store = signed.province.gateway.store
    rows = {row.id: row for row in (*await store.unsealed(1000), *await store.sealed(0, 1000))}
    return [json.loads(row.raw) for row in rows.values() if row.type == type]


async def shown(signed: Signed, message_id: str) -> Any:
    return (await signed.province.call("GET", f"/api/v1/messages/{message_id}"))[1]


async def test_a_signed_document_is_judged_with_what_the_authorities_say_and_the_verdict_is_kept(
    tmp_path: Path,
) -> None:
    async with signed_province(tmp_path, system=REQUIRED) as signed:
        status, accepted = await hand_in(signed, "1", signed.letter())
        assert (status, accepted.get("code")) == (202, None)
        said = await shown(signed, accepted["message_id"])
        (row,) = said["signatures"]
        assert (row["verdict"], row["scope"], row["signatures"], row["time_proven"]) == ("valid", "full", 2, True)
        assert "Sở Nội vụ" in row["signer"]
        assert said["marks"] == ["signed"]


async def test_what_was_changed_after_signing_is_refused_with_what_was_changed_and_waits_in_quarantine(
    tmp_path: Path,
) -> None:
    async with signed_province(tmp_path, system=REQUIRED) as signed:
        for name, forged in forge(signed.letter()).items():
            status, problem = await hand_in(signed, name, forged)
            assert status == 422, name
            assert problem["code"] in ("signature.changed", "signature.invalid"), name
            assert problem["where"] == "tep-0.pdf"
        status, problem = await hand_in(signed, "page", forge(signed.letter())["page_added"])
        assert "page" in problem["detail"]
        assert problem["title"] == "Tệp bị sửa sau khi ký số"
        kept = await signed.province.gateway.store.quarantined()
        assert {item.code.partition(".")[0] for item in kept} == {"signature"}


async def test_an_unsigned_document_is_refused_where_signatures_are_required_and_marked_where_they_are_not(
    tmp_path: Path,
) -> None:
    route = 'signatures = { document = "require" }'
    async with signed_province(tmp_path, route=route) as signed:
        status, problem = await hand_in(signed, "1", b"%PDF-1.7 nothing")
        assert (status, problem["code"]) == (422, "signature.absent")
        status, accepted = await hand_in(signed, "2", b"%PDF-1.7 nothing", to="H53.02")
        assert status == 202  # connected here: the route asks nothing of it
        assert (await shown(signed, accepted["message_id"]))["marks"] == ["unsigned"]


async def test_while_the_authorities_are_silent_a_sender_is_told_to_come_back(tmp_path: Path) -> None:
    async with signed_province(tmp_path, system=REQUIRED) as signed:
        letter = signed.letter(sealed=False)
        await signed.province.control("POST", "/pki/faults", json=[{"operation": "ocsp", "action": "500"}])
        await signed.province.control("POST", "/pki/faults", json=[{"operation": "crl", "action": "500"}])
        status, problem = await hand_in(signed, "1", letter)
        assert (status, problem["code"]) == (503, "signature.unproven")
        assert (await signed.province.gateway.store.books()).quarantined == 0


async def test_a_revoked_signer_is_refused(tmp_path: Path) -> None:
    async with signed_province(tmp_path, system=REQUIRED) as signed:
        letter = signed.letter(sealed=False)
        long_ago = signed.hierarchy.now() - timedelta(days=30)
        for line in signed.hierarchy.lines():
            if line.purpose == "signing":
                signed.hierarchy.revoke(line.serial, long_ago)
        status, problem = await hand_in(signed, "1", letter)
        assert (status, problem["code"]) == (422, "signature.invalid")
        assert "certificate.revoked" in problem["detail"]


async def test_a_duplicate_gets_the_first_answer_though_its_signer_was_revoked_meanwhile(tmp_path: Path) -> None:
    async with signed_province(tmp_path, system=REQUIRED) as signed:
        letter = signed.letter(sealed=False)
        status, accepted = await hand_in(signed, "1", letter)
        assert status == 202
        for line in signed.hierarchy.lines():
            if line.purpose == "signing":
                signed.hierarchy.revoke(line.serial, signed.hierarchy.now() - timedelta(days=30))
        await signed.province.control("POST", "/pki/faults", json=[{"operation": "ocsp", "action": "500"}])
        await signed.province.control("POST", "/pki/faults", json=[{"operation": "crl", "action": "500"}])
        status, again = await hand_in(signed, "1", letter)
        assert (status, again["message_id"]) == (200, accepted["message_id"])


async def test_a_released_package_keeps_its_verdict(tmp_path: Path) -> None:
    async with signed_province(tmp_path, platform=REQUIRED) as signed:
        forged = forge(signed.letter())["amount_changed"]
        await inject(signed, forged)

        async def quarantined() -> Any:
            return await signed.province.gateway.store.quarantined()

        (item,) = await signed.province.until(quarantined)
        assert item.code == "signature.changed"
        accepted = await signed.province.gateway.settling.accept(item.id, "an.nguyen")
        (row,) = (await shown(signed, accepted.message_id))["signatures"]
        assert (row["verdict"], row["reason"]) == ("invalid", "signature.changed_later")


async def inject(signed: Signed, content: bytes) -> None:
    """A ministry's document with this file, waiting on the axis."""
    draft = Draft(MINISTRY, (SENDER,), "77", "VPCP-KSTT", "V/v kiểm tra", "2026/11/20", files=(attached(content),))
    package = write_document(draft, datetime.now(VIETNAM), Random(7))
    query = f"from={MINISTRY.code}&messagetype=edoc&to={SENDER.code}"
    await signed.province.control("POST", f"/packages?{query}", data=package)


SEALED = """
[signing]
stamps = ["{pki}/tsa/government"]
[[signing.keys]]
id = "van-thu"
file = "{folder}/van-thu.p12"
password = "env:KEY_PASSWORD"
[[signing.profiles]]
id = "so-noi-vu"
key = "van-thu"
parties = ["H53.01"]
seal_image = "{folder}/dau.png"
"""


def with_a_key(hierarchy: Hierarchy, folder: Path) -> None:
    key_file(hierarchy.organisation("Sở Nội vụ", kind="rsa"), folder, "van-thu")
    (folder / "dau.png").write_bytes(seal_png("SỞ NỘI VỤ", "Ủy ban nhân dân tỉnh Tây Ninh", default_typeface()))


async def test_what_leaves_by_a_route_that_signs_bears_the_seal_and_its_attachments_the_corner(tmp_path: Path) -> None:
    arrangement = signed_province(tmp_path, route='sign = ["so-noi-vu"]', more=SEALED, prepare=with_a_key)
    async with arrangement as signed:
        letter, annex = signed.letter(sealed=False), signed.letter("Phụ lục", sealed=False)
        status, accepted = await hand_in(signed, "1", letter, annex)
        assert status == 202
        await signed.province.delivered(accepted["message_id"])
        ministry = signed.province.sandbox.ministries[MINISTRY_SYSTEM]
        await ministry.poll_once()
        (record,) = ministry.documents.records.values()
        sent = {file["name"]: file["sha256"] for file in record["files"]}
        assert sent["tep-0.pdf"] != hashlib.sha256(letter).hexdigest()
        (delivery,) = await signed.province.gateway.store.deliveries_of(accepted["message_id"])
        applied = await recorded(signed, "signature.applied")
        assert {entry["signed_sha256"] for entry in applied} == set(sent.values())
        assert delivery.state == "delivered"


async def test_a_pdf_signed_over_the_interface_is_valid_in_the_gateways_own_eyes(tmp_path: Path) -> None:
    async with signed_province(tmp_path, more=SEALED, prepare=with_a_key) as signed:
        headers = {"Authorization": f"Bearer {signed.province.keys['snv']}", "Content-Type": "application/pdf"}
        url = f"{signed.province.base_url}/api/v1/signatures"
        query = {"party": "H53.01", "form": "corner", "number": "12/SNV-VP"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{url}/apply", params=query, data=signed.letter(sealed=False)) as response:
                assert response.status == 200, await response.text()
                content = await response.read()
            async with session.post(f"{url}/verify", params={"kind": "pdf"}, data=content) as response:
                said = await response.json()
            async with session.post(f"{url}/apply", params={"party": "H53.02"}, data=content) as response:
                assert response.status == 403
        assert (said["verdict"], said["signatures"], said["time_proven"]) == ("valid", 2, True)
        (entry,) = await recorded(signed, "signature.applied")
        assert (entry["actor"], entry["party"]) == ("snv", "H53.01")
        assert entry["signed_sha256"] == hashlib.sha256(content).hexdigest()


async def test_while_no_time_stamp_is_to_be_had_a_delivery_waits_and_goes_out_signed_afterwards(tmp_path: Path) -> None:
    arrangement = signed_province(tmp_path, route='sign = ["so-noi-vu"]', more=SEALED, prepare=with_a_key)
    async with arrangement as signed:
        await signed.province.control("POST", "/pki/faults", json=[{"operation": "tsa", "action": "500"}])
        status, accepted = await hand_in(signed, "1", signed.letter(sealed=False))
        assert status == 202

        async def deferred() -> bool:
            rows = await signed.province.gateway.store.deliveries_of(accepted["message_id"])
            return any(row.code == "sign.authority" for row in rows)

        await signed.province.until(deferred)
        await signed.province.control("DELETE", "/pki/faults")
        await signed.province.delivered(accepted["message_id"])


async def test_only_certificates_that_may_speak_for_a_party_satisfy_its_requirement(tmp_path: Path) -> None:
    def speakers(hierarchy: Hierarchy, folder: Path) -> None:
        other = hierarchy.organisation("Sở Tài chính")
        mark = hashlib.sha256(other.der()).hexdigest()
        (folder / "trust" / "speakers.toml").write_text(
            f'[[speaker]]\nparties = ["H53.01"]\ncertificate = "{mark}"\n', encoding="utf-8"
        )

    async with signed_province(tmp_path, system=REQUIRED, prepare=speakers) as signed:
        status, problem = await hand_in(signed, "1", signed.letter())
        assert (status, problem["code"]) == (422, "signature.untrusted")
        assert "certificate.speaker" in problem["detail"]


async def test_a_certificate_about_to_end_is_an_incident(tmp_path: Path) -> None:
    def short(hierarchy: Hierarchy, folder: Path) -> None:
        from datetime import timedelta

        now = hierarchy.now()
        soon = hierarchy.organisation(
            "Sở Nội vụ", validity=Validity(now - timedelta(days=300), now + timedelta(days=20))
        )
        key_file(soon, folder, "van-thu")
        (folder / "dau.png").write_bytes(seal_png("SỞ NỘI VỤ", "UBND", default_typeface()))

    async with signed_province(tmp_path, more=SEALED, prepare=short) as signed:

        async def told() -> Any:
            found = await signed.province.gateway.store.incidents()
            return [one for one in found if one.code == "certificate.expiring"]

        (incident,) = await signed.province.until(told)
        assert incident.subject.endswith(":30")


def test_signatures_cannot_be_required_where_nobody_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "lienthong.toml"
    file.write_text('[gateway]\nid = "x"\n[trust.signatures]\ndocument = "require"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file, {})
    assert "trust" in str(refused.value)
