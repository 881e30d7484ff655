"""The two stories end to end: out to the axis, in from the axis, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from pathlib import Path

import aiohttp
from province import Province, document, running_gateway

from sandbox.app import Running, start
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings, System


async def test_a_document_reaches_its_ministry_with_identical_attachments(province: Province) -> None:
    async with province.system("snv") as snv:
        accepted = await snv.send(document("12"), "key-12")
    await province.delivered(accepted.message_id)
    ministry = province.sandbox.ministries[MINISTRY_SYSTEM]
    await ministry.poll_once()
    (record,) = ministry.documents.records.values()
    assert record["document_id"] == "H53.01,2026/11/20,12/SNV-VP"
    state = await province.control("GET", "/state")
    assert state["counts"]["repeats"] == 0
    assert state["signing_errors"] == []


async def test_a_document_from_the_axis_is_pulled_once_and_acknowledged_on_the_axis(province: Province) -> None:
    await province.control("POST", "/packages?from=000.00.00.G22&to=H53.01&priority=3&pdfs=2&subject=Hoa+toc")

    async def waiting() -> list[object]:
        _, answer = await province.call("GET", "/api/v1/mailbox")
        return answer["deliveries"]

    (row,) = await province.until(waiting)
    assert row["urgent"] is True
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 1
        assert await snv.pull_once() == 0
        (kept,) = snv.received.records.values()
    assert len(kept["files"]) == 2

    async def acknowledged() -> bool:
        state = await province.control("GET", "/state")
        return all(copy["state"] == "done" for copy in state["copies"])

    await province.until(acknowledged)


async def test_the_ministrys_statuses_come_back_to_the_department(province: Province) -> None:
    async with province.system("snv") as snv:
        accepted = await snv.send(document("13"), "key-13")
        await province.delivered(accepted.message_id)
        ministry = province.sandbox.ministries[MINISTRY_SYSTEM]
        await ministry.poll_once()

        async def two_statuses() -> bool:
            await snv.pull_once()
            return snv.received.distinct == 2

        await province.until(two_statuses)


async def test_the_timeline_has_one_row_per_recipient(province: Province) -> None:
    async with province.system("snv") as snv:
        accepted = await snv.send(document("14", to="000.00.00.G22,000.00.00.G09,H53.02"), "key-14")

    async def axis_done() -> bool:
        rows = await province.gateway.store.deliveries_of(accepted.message_id)
        return any(row.destination == "vxp" and row.state == "delivered" for row in rows)

    await province.until(axis_done)
    status, shown = await province.call("GET", f"/api/v1/messages/{accepted.message_id}")
    assert status == 200
    rows = {row["recipient"]: row for row in shown["timeline"]}
    assert set(rows) == {"000.00.00.G22", "000.00.00.G09", "H53.02"}
    assert rows["000.00.00.G22"]["state"] == "delivered"
    assert rows["H53.02"]["destination"] == "stc"
    assert rows["H53.02"]["state"] == "queued"


async def test_a_repeat_with_the_same_key_gets_the_first_answer_and_makes_no_second_delivery(
    province: Province,
) -> None:
    body = json.dumps(document("15")).encode()
    headers = {"Idempotency-Key": "k15", "Content-Type": "application/json"}
    first = await province.call("POST", "/api/v1/documents", data=body, headers=headers)
    again = await province.call("POST", "/api/v1/documents", data=body, headers=headers)
    other_key = await province.call(
        "POST", "/api/v1/documents", data=body, headers={**headers, "Idempotency-Key": "k15b"}
    )
    assert (first[0], again[0], other_key[0]) == (202, 200, 200)
    assert first[1]["message_id"] == again[1]["message_id"] == other_key[1]["message_id"]
    assert len(await province.gateway.store.deliveries_of(first[1]["message_id"])) == 1


async def test_the_same_id_with_other_content_is_refused_and_kept_in_quarantine(province: Province) -> None:
    headers = {"Content-Type": "application/json"}
    first = json.dumps(document("16")).encode()
    other = json.dumps(document("16", subject="Nội dung khác")).encode()
    assert (await province.call("POST", "/api/v1/documents", data=first, headers=headers))[0] == 202
    status, problem = await province.call("POST", "/api/v1/documents", data=other, headers=headers)
    assert (status, problem["code"]) == (409, "message.conflict")
    (kept,) = await province.gateway.store.quarantined()
    assert kept.code == "message.conflict"
    assert (await province.gateway.store.books()).balanced


async def test_an_outage_of_the_axis_loses_nothing_and_ends_by_itself(province: Province) -> None:
    await province.control("POST", "/outage", json={"on": True})
    async with province.system("snv") as snv:
        sent = [await snv.send(document(str(100 + i)), f"key-{i}") for i in range(10)]
    await asyncio.sleep(0)
    await province.control("POST", "/outage", json={"on": False})
    for accepted in sent:
        await province.delivered(accepted.message_id)
    state = await province.control("GET", "/state")
    assert state["counts"]["packages"] == 10


async def test_an_answer_lost_after_sending_is_repeated_identically_and_marked(province: Province) -> None:
    rule = {"operation": "sendEdoc", "action": "cut_after_send", "times": 1}
    await province.control("POST", "/faults", json=[rule])
    async with province.system("snv") as snv:
        accepted = await snv.send(document("17"), "key-17")
    await province.delivered(accepted.message_id)
    (delivery,) = await province.gateway.store.deliveries_of(accepted.message_id)
    assert delivery.maybe_twice
    attempts = await province.gateway.store.attempts_of(delivery.id)
    assert len({attempt.sent_sha256 for attempt in attempts}) == 1
    state = await province.control("GET", "/state")
    assert state["counts"]["repeats"] == 1
    assert (await province.gateway.store.books()).maybe_twice == 1


async def test_a_package_for_an_unknown_unit_is_accepted_and_held_unassigned(province: Province) -> None:
    await province.control("POST", "/packages?from=000.00.00.G22&to=000.00.02.H53")

    async def held() -> bool:
        queues = await province.gateway.store.queues()
        return any(queue.destination == "unassigned" for queue in queues)

    await province.until(held)
    assert (await province.gateway.store.books()).balanced


async def test_truncated_packages_are_quarantined_and_three_in_a_row_stop_taking(province: Province) -> None:
    rule = {"operation": "getEdoc", "action": "truncate", "times": 100}
    await province.control("POST", "/faults", json=[rule])
    for _ in range(5):
        await province.control("POST", "/packages?from=000.00.00.G22&to=H53.01")

    async def stopped() -> bool:
        return "poll:vxp:edoc" in await province.gateway.store.paused()

    await province.until(stopped)
    kept = await province.gateway.store.quarantined()
    assert len(kept) == 3
    (incident,) = [i for i in await province.gateway.store.incidents() if i.code == "poll.unreadable"]
    assert incident.subject == "poll:vxp:edoc"
    state = await province.control("GET", "/state")
    assert all(copy["state"] == "processing" for copy in state["copies"]), "nothing was acknowledged"


async def test_a_person_accepts_a_quarantined_package_after_the_cause_is_gone(province: Province) -> None:
    await province.control("POST", "/faults", json=[{"operation": "getEdoc", "action": "truncate", "times": 1}])
    await province.control("POST", "/packages?from=000.00.00.G22&to=H53.01")
    kept = (await province.until(province.gateway.store.quarantined))[0]
    accepted = await province.gateway.settling.accept(kept.id, "test", to="H53.01")
    _, listed = await province.call("GET", "/api/v1/mailbox")
    assert [row["kind"] for row in listed["deliveries"]] == ["opaque"]
    assert accepted.message_id

    async def acknowledged() -> bool:
        state = await province.control("GET", "/state")
        return [copy["state"] for copy in state["copies"]] == ["done"]

    await province.until(acknowledged)
    assert (await province.gateway.store.books()).balanced


async def test_a_person_rejects_a_quarantined_package_and_the_axis_hears_fail(province: Province) -> None:
    await province.control("POST", "/faults", json=[{"operation": "getEdoc", "action": "truncate", "times": 1}])
    await province.control("POST", "/packages?from=000.00.00.G22&to=H53.01")
    kept = (await province.until(province.gateway.store.quarantined))[0]
    await province.gateway.settling.reject(kept.id, "test", "hỏng")

    async def failed() -> bool:
        state = await province.control("GET", "/state")
        return [copy["state"] for copy in state["copies"]] == ["fail"]

    await province.until(failed)


async def test_raw_edxml_travels_byte_for_byte(province: Province) -> None:
    raw = (Path(__file__).parent.parent / "vectors" / "edxml" / "edoc_new.xml").read_bytes()
    raw = raw.replace(b"000.00.00.A80", b"H53.01").replace(b"28.22.H17", b"000.00.00.G22")
    status, answer = await province.call(
        "POST", "/api/v1/documents", data=raw, headers={"Content-Type": "application/xml"}
    )
    assert status == 202, answer
    message = await province.gateway.store.message(answer["message_id"])
    assert message is not None
    assert await province.gateway.store.body(message.body.id) == raw


async def test_an_expired_delivery_is_told_to_its_sender(tmp_path: Path, sandbox: Running) -> None:
    async with running_gateway(tmp_path, sandbox, delivery='expiry = "300ms"') as province:
        await province.control("POST", "/outage", json={"on": True})
        async with province.system("snv") as snv:
            accepted = await snv.send(document("18"), "key-18")

        async def expired() -> bool:
            await province.gateway.expiry.expire_due()
            rows = await province.gateway.store.deliveries_of(accepted.message_id)
            return rows[0].state == "expired"

        await province.until(expired)
        _, listed = await province.call("GET", "/api/v1/mailbox")
        (notice,) = listed["deliveries"]
        assert notice["kind"] == "notice"
        books = await province.gateway.store.books()
        assert books.expired == 1
        assert books.balanced


async def test_what_ended_before_a_restart_is_still_on_record_and_the_tree_still_verifies(
    tmp_path: Path, sandbox: Running
) -> None:
    async with running_gateway(tmp_path, sandbox) as province:
        async with province.system("snv") as snv:
            accepted = await snv.send(document("19"), "key-19")
        await province.delivered(accepted.message_id)
    async with running_gateway(tmp_path, sandbox) as province:
        (delivery,) = await province.gateway.store.deliveries_of(accepted.message_id)
        assert delivery.state == "delivered"
        assert (await province.gateway.store.books()).balanced


async def test_management_answers_alive_ready_and_figures(province: Province) -> None:
    async with aiohttp.ClientSession() as session:
        for path, word in (("/livez", "ok"), ("/readyz", "ready"), ("/metrics", "lienthong_accepted")):
            async with session.get(province.console_url + path) as response:
                assert response.status == 200
                assert word in await response.text()


async def test_hostile_bodies_get_their_code_and_leave_their_bytes_in_quarantine(province: Province) -> None:
    bomb = b'<!DOCTYPE edXML [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><edXML>&b;</edXML>'
    cases = [
        (b"<edXML", "application/xml", "xml.malformed"),
        (bomb, "application/xml", "xml.doctype"),
        (b"<EdXMLEnvelope/>", "application/xml", "edxml.root"),
        (b'{"a":1,"a":2}', "application/json", "json.duplicate"),
        (b'{"a":', "application/json", "json.malformed"),
    ]
    for body, media_type, code in cases:
        status, problem = await province.call(
            "POST", "/api/v1/documents", data=body, headers={"Content-Type": media_type}
        )
        assert (status, problem["code"]) == (422, code)
    kept = await province.gateway.store.quarantined()
    assert {item.code for item in kept} == {code for _, _, code in cases}
    assert (await province.gateway.store.books()).balanced


async def test_a_body_over_the_limit_is_refused_before_it_is_read(tmp_path: Path, sandbox: Running) -> None:
    async with running_gateway(tmp_path, sandbox, intake='max_body = "100KB"') as province:
        file = base64.b64encode(b"x" * 200_000).decode()
        big = json.dumps(document("20", attachments=[{"name": "a.pdf", "content": file}])).encode()
        status, problem = await province.call(
            "POST", "/api/v1/documents", data=big, headers={"Content-Type": "application/json"}
        )
        assert (status, problem["code"]) == (413, "limit.body")
        assert await province.gateway.store.quarantined() == []


async def test_a_compressed_body_is_refused_because_its_size_is_not_known(province: Province) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    status, problem = await province.call("POST", "/api/v1/documents", data=bomb, headers=headers)
    assert (status, problem["code"], problem["where"]) == (415, "http.media_type", "Content-Encoding")


async def test_strangers_leave_no_bytes_and_are_stopped(tmp_path: Path, sandbox: Running) -> None:
    async with running_gateway(tmp_path, sandbox, intake="stranger_calls_per_minute = 5") as province:
        codes = []
        async with aiohttp.ClientSession() as session:
            for _ in range(8):
                url = province.base_url + "/api/v1/documents"
                async with session.post(url, data=b"x" * 10_000) as response:
                    codes.append(response.status)
        assert codes[:4] == [401] * 4
        assert codes[-1] == 429
        assert (await province.gateway.store.books()).received == 0


async def test_another_systems_messages_are_not_found(province: Province) -> None:
    async with province.system("snv") as snv:
        accepted = await snv.send(document("21"), "key-21")
    status, problem = await province.call("GET", f"/api/v1/messages/{accepted.message_id}", system="stc")
    assert (status, problem["code"]) == (404, "message.not_found")


async def test_a_system_cannot_send_for_a_party_it_does_not_serve(province: Province) -> None:
    status, problem = await province.call(
        "POST",
        "/api/v1/documents",
        data=json.dumps(document("22", sender="H53.02")).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert (status, problem["code"]) == (403, "auth.forbidden")


async def test_the_file_that_came_from_the_real_axis_in_2025_is_delivered(tmp_path: Path) -> None:
    raw = (Path(__file__).parent.parent / "vectors" / "edxml" / "received_from_axis_2025.xml").read_bytes()
    party = "vxp.saas.03"
    systems = (System(PROVINCE_SYSTEM, "s" * 32, "Tỉnh", (party, "*.H53", "H53.*")),)
    sandbox = await start(SandboxSettings(systems=systems, ministries_poll=False, document_check="well_formed"))
    try:
        async with running_gateway(tmp_path, sandbox, system=f'parties = ["{party}"]') as province:
            made = await province.control("POST", f"/packages?from={party}&to_header=H53.01", data=raw)
            assert "docId" in made, made
            async with province.system("snv") as snv:
                await province.until(snv.pull_once)
                (kept,) = snv.received.records.values()
            assert kept["document_id"] == "5e515fca-3627-4f2e-b517-7169acdc8bda"
            assert [file["name"] for file in kept["files"]] == ["1761211722949_TestTrucLienThong.pdf"]
    finally:
        await sandbox.stop()
