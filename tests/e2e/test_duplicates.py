"""Duplicates as in P3, per recipient, over real HTTP: what is the same, what is not, and what each answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from province import Province, document

from gateway.model.delivery import Delivery, Purpose, State
from gateway.model.message import Message

MINISTRY = "000.00.00.G22"


async def post(province: Province, content: dict[str, Any], key: str = "") -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    return await province.call("POST", "/api/v1/documents", data=json.dumps(content).encode(), headers=headers)


async def content_deliveries(province: Province, message_id: str) -> Sequence[Delivery]:
    """The deliveries of a message that bring it somewhere, without transport acknowledgements."""
    rows = await province.gateway.store.deliveries_of(message_id)
    return [row for row in rows if row.purpose is Purpose.CONTENT]


async def package(province: Province, **query: object) -> str:
    """One package from the ministry onto the axis; its id as the province's system sees it."""
    asked = {"from": MINISTRY, "to": "H53.01", "number": "7816", "date": "2026/11/20", "seed": 1, **query}
    made = await province.control("POST", "/packages", json=asked)
    assert "docId" in made, made
    return str(made["docId"])


async def arrived(province: Province, count: int) -> Sequence[Message]:
    """The messages once *count* packages were acknowledged on the axis."""

    async def acknowledged() -> bool:
        state = await province.control("GET", "/state")
        return [copy["state"] for copy in state["copies"]].count("done") == count

    await province.until(acknowledged)
    return await province.gateway.store.messages()


def update(subject: str, document_id: str = "H53.01,2026/11/20,30/SNV-VP") -> dict[str, Any]:
    """An update (type 2) of document 30 that says *subject*."""
    business = {"type": 2, "document_id": "H53.01,2026/11/20,30/SNV-VP", "reason": subject}
    return {**document("30", subject=subject, business=business), "document_id": document_id}


async def test_two_updates_of_one_document_are_both_delivered(province: Province) -> None:
    answers = [
        await post(province, document("30")),
        await post(province, update("Cập nhật lần 1")),
        await post(province, update("Cập nhật lần 2")),
        await post(province, update("Cập nhật lần 3", document_id="H53.01,2026/11/21,31/SNV-VP")),
    ]
    assert [status for status, _ in answers] == [202] * 4, answers
    assert len({answer["message_id"] for _, answer in answers}) == 4
    for _, answer in answers:
        await province.delivered(answer["message_id"])
    status, again = await post(province, update("Cập nhật lần 1"))
    assert (status, again["message_id"]) == (200, answers[1][1]["message_id"]), "the same update is a duplicate"
    state = await province.control("GET", "/state")
    assert state["counts"]["packages"] == 4


async def test_the_same_document_to_a_second_recipient_next_day_reaches_only_the_new_one(province: Province) -> None:
    status, first = await post(province, document("32", to="H53.02"))
    async with province.system("stc") as stc:
        assert await stc.pull_once() == 1
        later = await post(province, document("32", to="H53.02,H53.01.05"))
        assert await stc.pull_once() == 0, "the first recipient has it"
    assert (status, later[0]) == (202, 202), "named anew, it is a message of its own"
    (row,) = await content_deliveries(province, later[1]["message_id"])
    assert (row.recipients, row.state) == (("H53.01.05",), State.QUEUED)
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 1
        (kept,) = snv.received.records.values()
    assert kept["party"] == "H53.01.05"
    for to, known in (("H53.02", first), ("H53.02,H53.01.05", later[1]), ("H53.01.05", later[1])):
        status, again = await post(province, document("32", to=to))
        assert (status, again["message_id"]) == (200, known["message_id"]), f"to {to}: nobody new, the first answer"
    assert (await province.gateway.store.books()).balanced


async def test_a_second_recipient_behind_the_axis_is_the_only_one_named_to_it(province: Province) -> None:
    _, first = await post(province, document("33"))
    await province.delivered(first["message_id"])
    _, second = await post(province, document("33", to=f"{MINISTRY},000.00.00.G09"))
    await province.delivered(second["message_id"])
    state = await province.control("GET", "/state")
    assert [copy["to"] for copy in state["copies"]] == [[MINISTRY], ["000.00.00.G09"]]


async def test_documents_whose_id_says_nothing_are_told_apart_by_their_content(province: Province) -> None:
    answers = [
        await post(province, {**document("34", subject=subject), "document_id": "N/A"})
        for subject in ("Giấy mời họp", "Báo cáo tháng", "Giấy mời họp")
    ]
    assert [status for status, _ in answers] == [202, 202, 200], answers
    first, other, again = (answer["message_id"] for _, answer in answers)
    assert first != other
    assert again == first


async def test_packages_of_the_axis_without_a_usable_id_are_all_delivered(province: Province) -> None:
    for subject in ("Giấy mời họp", "Báo cáo tháng"):
        await package(province, document_id="N/A", subject=subject)
    found = await arrived(province, 2)
    assert {message.envelope.subject for message in found} == {"Giấy mời họp", "Báo cáo tháng"}
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 2


async def test_a_retry_re_zipped_with_a_new_timestamp_and_trace_is_a_duplicate(province: Province) -> None:
    """The simulated axis writes each package with the moment of its making, fresh ZIP entry names and its own hop."""
    twice = [await package(province, pdfs=2) for _ in range(2)]
    assert len(set(twice)) == 2
    (message,) = await arrived(province, 2)
    bodies = [await sent_bytes(province, doc_id) for doc_id in twice]
    assert bodies[0] != bodies[1], "else this test would say nothing"
    assert len(await content_deliveries(province, message.id)) == 1
    books = await province.gateway.store.books()
    assert (books.accepted, books.duplicates) == (1, 1)
    assert message.marks == ()


async def sent_bytes(province: Province, doc_id: str) -> bytes:
    """A package as it left its sender, before the axis rewrote it."""
    found = province.sandbox.axis.operations.store.content(doc_id, "sent")
    assert found is not None
    return bytes(found)


async def test_one_package_under_two_axis_ids_is_one_message_and_both_are_acknowledged(province: Province) -> None:
    await province.control("POST", "/outage", json={"on": True, "mode": "503"})
    doc_id = await package(province)
    raw = await sent_bytes(province, doc_id)
    again = await province.control("POST", "/packages", data=raw)
    assert again["docId"] != doc_id
    await province.control("POST", "/outage", json={"on": False})
    (message,) = await arrived(province, 2)
    assert len(await content_deliveries(province, message.id)) == 1
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 1
        assert await snv.pull_once() == 0


async def test_the_same_id_with_other_content_from_the_axis_is_delivered_marked_and_an_incident(
    province: Province,
) -> None:
    await package(province, subject="V/v họp ngày 20")
    await arrived(province, 1)
    await package(province, subject="V/v họp ngày 21")
    found = await arrived(province, 2)
    assert [message.marks for message in found] == [("conflict",), ()], "newest first"
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 2
    (incident,) = [item for item in await province.gateway.store.incidents() if item.code == "message.conflict"]
    assert found[0].id in incident.detail
    assert found[1].id in incident.detail


async def test_two_updates_from_the_axis_are_both_delivered_without_an_alarm(province: Province) -> None:
    original = f"{MINISTRY},2026/11/20,7816/VPCP-KSTT"
    for subject in ("Cập nhật lần 1", "Cập nhật lần 2"):
        await package(province, business_type=2, business_document_id=original, subject=subject)
    found = await arrived(province, 2)
    assert [message.marks for message in found] == [(), ()]
    assert await province.gateway.store.incidents() == []
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 2


async def test_a_key_used_for_other_bytes_is_a_conflict(province: Province) -> None:
    assert (await post(province, document("35"), "k35"))[0] == 202
    assert (await post(province, document("35"), "k35"))[0] == 200
    status, problem = await post(province, document("36"), "k35")
    assert (status, problem["code"]) == (409, "message.conflict")
    assert (await post(province, document("36"), "k36"))[0] == 202, "with a key of its own it is accepted"
