"""Statuses both ways, the automatic 01, and recipients here and elsewhere, over real HTTP."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from province import Province, document, running_gateway

from gateway.clock import VIETNAM
from sandbox.app import Running, start
from sandbox.edxml import Organ, Reference
from sandbox.settings import MINISTRY_SYSTEM, SandboxSettings
from sandbox.writing import write_status

LOCAL = "H53.02"


async def report(province: Province, message_id: str, system: str, **body: Any) -> tuple[int, Any]:
    return await province.call("POST", f"/api/v1/documents/{message_id}/status", system=system, json=body)


async def taken(province: Province, system: str) -> str:
    """Fetch and acknowledge the first delivery of *system*'s mailbox; its message id."""

    async def first() -> Any:
        _, listed = await province.call("GET", "/api/v1/mailbox", system=system)
        return listed["deliveries"]

    row = (await province.until(first))[0]
    await province.call("GET", f"/api/v1/mailbox/{row['delivery']}", system=system)
    status, _ = await province.call(
        "POST", f"/api/v1/mailbox/{row['delivery']}/ack", system=system, json={"result": "done"}
    )
    assert status == 200
    return str(row["message_id"])


async def statuses_at(province: Province, party: str) -> list[str]:
    """Status codes of the packages the axis got from *party*."""
    ministry = province.sandbox.ministries[MINISTRY_SYSTEM]
    await ministry.poll_once()
    return [row["status_code"] for row in ministry.statuses.records.values() if row["sender"] == party]


async def test_a_systems_status_goes_out_as_an_edxml_status_package(province: Province) -> None:
    await province.control("POST", f"/packages?from=000.00.00.G22&to={LOCAL}&number=31")
    message_id = await taken(province, "stc")
    status, answer = await report(province, message_id, "stc", status=3, description="Đã vào sổ")
    assert status == 202, answer
    await province.delivered(answer["message_id"])
    assert await statuses_at(province, LOCAL) == ["03"]
    _, shown = await province.call("GET", f"/api/v1/messages/{message_id}", system="stc")
    assert [row["status"] for row in shown["history"]] == [3]


async def test_a_status_between_two_parties_here_needs_no_detour(province: Province) -> None:
    async with province.system("snv") as snv:
        sent = await snv.send(document("32", to=LOCAL), "key-32")
    message_id = await taken(province, "stc")
    assert message_id == sent.message_id
    status, _ = await report(province, message_id, "stc", status=3)
    assert status == 202
    _, listed = await province.call("GET", "/api/v1/mailbox", system="snv")
    assert [row["kind"] for row in listed["deliveries"]] == ["status"]
    assert (await province.control("GET", "/state"))["counts"]["packages"] == 0


async def test_statuses_no_receiver_could_use_are_refused_with_their_place(province: Province) -> None:
    async with province.system("snv") as snv:
        await snv.send(document("33", to=LOCAL), "key-33")
    message_id = await taken(province, "stc")
    for body, where in (({"status": 7}, "StatusCode"), ({"status": 2}, "Description"), ({"status": 13}, "/from")):
        status, problem = await report(province, message_id, "stc", **body)
        assert (status, problem["where"]) == (422, where)


@pytest.mark.parametrize(("rule", "expected"), [("warn", 202), ("refuse", 409), ("off", 202)])
async def test_a_status_out_of_order_is_what_the_systems_table_says(
    tmp_path: Path, sandbox: Running, rule: str, expected: int
) -> None:
    async with running_gateway(tmp_path, sandbox, receiver=f'status_order = "{rule}"') as province:
        async with province.system("snv") as snv:
            await snv.send(document("34", to=LOCAL), "key-34")
        message_id = await taken(province, "stc")
        assert (await report(province, message_id, "stc", status=3))[0] == 202
        status, answer = await report(province, message_id, "stc", status=3, at="2026-11-22T10:00:00")
        assert status == expected, answer
        if rule == "refuse":
            assert answer["code"] == "status.order"
            return
        message = await province.gateway.store.message(answer["message_id"])
        assert message is not None
        assert any(finding.startswith("status.order") for finding in message.findings) is (rule == "warn")


async def test_a_status_before_its_document_is_kept_unattached_until_that_appears(province: Province) -> None:
    about = Reference("H53.01", "50/SNV-VP", "H53.01,2026/11/20,50/SNV-VP", "2026/11/20")
    early = write_status(Organ("000.00.00.G22", "VPCP"), about, "01", "Đã đến", datetime.now(VIETNAM))
    made = await province.control("POST", "/packages?from=000.00.00.G22&messagetype=status", data=early)
    assert "docId" in made, made
    status_id = await taken(province, "snv")
    _, shown = await province.call("GET", f"/api/v1/messages/{status_id}")
    assert (shown["attached"], shown["history"]) == (False, [])
    async with province.system("snv") as snv:
        sent = await snv.send(document("50"), "key-50")
    _, shown = await province.call("GET", f"/api/v1/messages/{status_id}")
    assert shown["attached"] is True
    _, shown = await province.call("GET", f"/api/v1/messages/{sent.message_id}")
    assert [row["message_id"] for row in shown["history"]] == [status_id]


async def test_inbound_statuses_are_accepted_in_any_order(province: Province) -> None:
    ministry = province.sandbox.ministries[MINISTRY_SYSTEM]
    async with province.system("snv") as snv:
        sent = await snv.send(document("35"), "key-35")
        await province.delivered(sent.message_id)
        await ministry.poll_once()

        async def both() -> bool:
            await snv.pull_once()
            return snv.received.distinct == 2

        await province.until(both)
    _, shown = await province.call("GET", f"/api/v1/messages/{sent.message_id}")
    assert sorted(row["status"] for row in shown["history"]) == [1, 3]


async def test_where_delegated_01_follows_the_systems_done_once_and_says_so(tmp_path: Path, sandbox: Running) -> None:
    async with running_gateway(tmp_path, sandbox, receiver=f'automatic_arrival = ["{LOCAL}"]') as province:
        await province.control("POST", f"/packages?from=000.00.00.G22&to={LOCAL}&number=36")
        message_id = await taken(province, "stc")

        async def arrived() -> list[str]:
            return await statuses_at(province, LOCAL)

        assert await province.until(arrived) == ["01"]
        status, own = await report(province, message_id, "stc", status=1, description="Đã đến")
        assert (status, own["duplicate"]) == (200, True), "the system's own 01 succeeds"
        status, _ = await report(province, message_id, "stc", status=3)
        assert status == 202

        async def registered() -> bool:
            return "03" in await statuses_at(province, LOCAL)

        await province.until(registered)
        assert await statuses_at(province, LOCAL) == ["01", "03"], "and is not sent again"
        automatic = await province.gateway.store.message(own["message_id"])
        assert automatic is not None
        assert "tự động" in automatic.envelope.subject
        assert (await province.gateway.store.books()).balanced


async def test_no_01_follows_a_fail_or_where_nobody_delegated_it(tmp_path: Path, sandbox: Running) -> None:
    async with running_gateway(tmp_path, sandbox, receiver='automatic_arrival = ["H53.99"]') as province:
        for number in (37, 38):
            await province.control("POST", f"/packages?from=000.00.00.G22&to={LOCAL}&number={number}")
        await taken(province, "stc")

        async def second() -> Any:
            _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
            return listed["deliveries"]

        row = (await province.until(second))[0]
        fail = {"result": "fail", "reason": "hỏng"}
        await province.call("POST", f"/api/v1/mailbox/{row['delivery']}/ack", system="stc", json=fail)
        assert (await province.gateway.store.books()).accepted == 2, "two documents, no status"


@pytest.mark.parametrize("reading", ["overrides", "ignored"])
async def test_mixed_recipients_are_served_once_whatever_the_axis_makes_of_the_to_header(
    tmp_path: Path, reading: Any
) -> None:
    sandbox = await start(SandboxSettings(ministries_poll=False, to_header=reading))
    try:
        async with running_gateway(tmp_path, sandbox) as province:
            async with province.system("snv") as snv:
                sent = await snv.send(document("39", to=f"000.00.00.G22,{LOCAL}"), "key-39")

            async def on_axis() -> bool:
                rows = await province.gateway.store.deliveries_of(sent.message_id)
                return any(row.destination == "vxp" and row.state == "delivered" for row in rows)

            await province.until(on_axis)
            assert await taken(province, "stc") == sent.message_id
            await came_back(province, expected=reading == "ignored")
            _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
            assert listed["deliveries"] == []
            message = await province.gateway.store.message(sent.message_id)
            assert message is not None
            assert ("also_arrived" in message.marks) is (reading == "ignored")
            ministry = province.sandbox.ministries[MINISTRY_SYSTEM]
            await ministry.poll_once()
            assert ministry.documents.distinct == 1
    finally:
        await sandbox.stop()


async def came_back(province: Province, *, expected: bool) -> None:
    """Wait until the axis holds nothing for us; *expected* whether it ever did."""

    async def settled() -> bool:
        state = await province.control("GET", "/state")
        ours = [copy for copy in state["copies"] if LOCAL in str(copy["to"])]
        return bool(ours) is expected and all(copy["state"] == "done" for copy in ours)

    await province.until(settled)


@pytest.mark.parametrize("reading", ["overrides", "ignored"])
async def test_a_province_may_send_its_local_documents_by_way_of_the_axis(tmp_path: Path, reading: Any) -> None:
    sandbox = await start(SandboxSettings(ministries_poll=False, to_header=reading))
    try:
        async with running_gateway(tmp_path, sandbox, platform='local = "via_axis"') as province:
            async with province.system("snv") as snv:
                sent = await snv.send(document("40", to=LOCAL), "key-40")
            assert await taken(province, "stc") == sent.message_id
            assert (await province.control("GET", "/state"))["counts"]["packages"] == 1
            _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
            assert listed["deliveries"] == []
    finally:
        await sandbox.stop()


async def test_recall_update_and_replacement_show_on_both_documents(province: Province) -> None:
    number = {"number": "41", "notation": "SNV-VP"}
    old = f"H53.01,2026/11/20,{number['number']}/SNV-VP"
    async with province.system("snv") as snv:
        first = await snv.send(document("41", to=LOCAL), "key-41")
        update = document("42", to=LOCAL, business={"type": 2, "reason": "Sửa", "document_id": old})
        second = await snv.send(update, "key-42")
        replacing = {"type": 3, "reason": "Thay", "replacements": [{"document_id": old, "organ_ids": [LOCAL]}]}
        third = await snv.send(document("43", to=LOCAL, business=replacing), "key-43")
        recall = document("41", to=LOCAL, business={"type": 1, "reason": "Thu hồi"})
        fourth = await snv.send(recall, "key-44")
        await snv.report(third.message_id, 13, "Gửi nhầm", to=LOCAL)
    everything = {first.message_id, second.message_id, third.message_id, fourth.message_id}
    for message_id in everything:
        _, shown = await province.call("GET", f"/api/v1/messages/{message_id}")
        related = {row["message_id"] for row in shown["history"] if row["kind"] != "status"}
        assert related == everything - {message_id}, shown["kind"]
    _, shown = await province.call("GET", f"/api/v1/messages/{third.message_id}")
    assert [row["status"] for row in shown["history"] if row["kind"] == "status"] == [13]


async def test_what_is_refused_counts_against_the_quarantine_share_of_its_party(province: Province) -> None:
    broken = document("45", to=LOCAL, sender="H53.01.07")
    broken["signer"] = {}
    broken["to"].append({"organ_id": "000.00.00.G22", "name": "VPCP"})
    status, _ = await province.call("POST", "/api/v1/documents", json=broken)
    assert status == 422
    (kept,) = await province.gateway.store.quarantined()
    books = await province.gateway.store.party_books("H53.01.07")
    assert kept.code == "edxml.strict"
    assert books.quarantined == 1
