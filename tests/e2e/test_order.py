"""Order and priority towards the axis: heads that are rejected, expired or held, and HOẢ TỐC after an outage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from province import Province, document, running_gateway

from gateway.cli import lienthong
from gateway.delivery.notice import Notices
from gateway.delivery.rescue import Expiry
from gateway.model.delivery import Delivery, State
from sandbox.app import Running

BUSINESS = {"recall": 1, "update": 2, "replacement": 3}


def follower(number: str, kind: str) -> dict[str, Any]:
    """A package of *kind* in the conversation of document *number*."""
    original = f"H53.01,2026/11/20,{number}/SNV-VP"
    business: dict[str, Any] = {"type": BUSINESS[kind], "reason": kind}
    if kind == "update":
        business |= {"document_id": original, "change": {"document_changed": True}}
    if kind == "replacement":
        business["replacements"] = [{"document_id": original, "organ_ids": ["000.00.00.G22"]}]
    return document(number, subject=kind, business=business)


async def send(province: Province, *contents: dict[str, Any]) -> list[str]:
    """Hand documents in, one after the other; their message ids."""
    ids = []
    for content in contents:
        body, headers = json.dumps(content).encode(), {"Content-Type": "application/json"}
        status, answer = await province.call("POST", "/api/v1/documents", data=body, headers=headers)
        assert status == 202, answer
        ids.append(answer["message_id"])
    return ids


async def only(province: Province, message_id: str) -> Delivery:
    (delivery,) = await province.gateway.store.deliveries_of(message_id)
    return delivery


async def ended(province: Province, *message_ids: str) -> list[State]:
    """The states of one delivery each, once all have ended."""

    async def states() -> list[State]:
        found = [await only(province, message_id) for message_id in message_ids]
        return [row.state for row in found] if all(row.ended_at for row in found) else []

    found: list[State] = await province.until(states)
    return found


async def notices(province: Province) -> Sequence[tuple[str, str]]:
    """(what happened, subject) of the notices in the sender's mailbox."""
    _, listed = await province.call("GET", "/api/v1/mailbox")
    rows = [row for row in listed["deliveries"] if row["kind"] == "notice"]
    contents = [(await province.call("GET", f"/api/v1/mailbox/{row['delivery']}"))[1]["content"] for row in rows]
    return [(content["notice"], content["message_id"]) for content in contents]


async def pause(province: Province) -> None:
    await province.gateway.store.pause("vxp", "test", "kiểm tra")


async def resume(province: Province) -> None:
    await province.gateway.store.resume("vxp", "test", "")
    province.gateway.wake(("vxp",))


async def sent_subjects(province: Province) -> list[str]:
    """The titles of the packages on the axis, in the order they came."""
    state = await province.control("GET", "/state")
    return [row["title"] for row in state["packages"]]


async def test_followers_of_a_rejected_head_that_need_it_are_cancelled_and_told_others_go_on(
    tmp_path: Path, sandbox: Running
) -> None:
    async with running_gateway(tmp_path, sandbox, platform='rejected_codes = ["77"]\nslots = 1') as province:
        rule = {"operation": "sendEdoc", "action": "fail", "code": "77", "times": 1}
        await province.control("POST", "/faults", json=[rule])
        await pause(province)
        head, recall, update, replacement, other = await send(
            province,
            document("40"),
            follower("40", "recall"),
            follower("40", "update"),
            follower("40", "replacement"),
            document("41", subject="khác"),
        )
        assert [(await only(province, one)).state for one in (head, recall, update, replacement, other)] == [
            State.QUEUED,
            State.WAITING,
            State.WAITING,
            State.WAITING,
            State.QUEUED,
        ]
        await resume(province)
        assert await ended(province, head, recall, update, replacement, other) == [
            State.REJECTED,
            State.CANCELLED,
            State.CANCELLED,
            State.DELIVERED,
            State.DELIVERED,
        ]
        assert sorted(await sent_subjects(province)) == ["khác", "replacement"]
        assert sorted(await notices(province)) == sorted(
            [("delivery.rejected", head), ("delivery.cancelled", recall), ("delivery.cancelled", update)]
        )
        assert (await province.gateway.store.books()).balanced


class Later:
    """The day after tomorrow."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=2)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()


async def test_an_expired_head_takes_its_recall_with_it_and_lets_the_replacement_go(province: Province) -> None:
    """The head is urgent and so expires after a day, its followers after three."""
    await pause(province)
    head, recall, replacement = await send(
        province, document("42", other={"priority": 3}), follower("42", "recall"), follower("42", "replacement")
    )
    store, clock = province.gateway.store, Later()
    expiry = Expiry(store, Notices(lambda peer: peer, clock), clock, province.gateway.wake)
    assert await expiry.expire_due() == 1
    assert [(await only(province, one)).state for one in (head, recall, replacement)] == [
        State.EXPIRED,
        State.CANCELLED,
        State.QUEUED,
    ]
    await resume(province)
    assert await ended(province, replacement) == [State.DELIVERED]
    assert await sent_subjects(province) == ["replacement"]
    assert sorted(await notices(province)) == sorted([("delivery.expired", head), ("delivery.cancelled", recall)])


async def shown(folder: Path, *arguments: str) -> str:
    """What a command prints for a person; orders go through the running gateway's control socket."""
    words = [*arguments, "-c", str(folder / "lienthong.toml")]
    result = await asyncio.to_thread(CliRunner().invoke, lienthong, words)
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_followers_of_a_held_head_wait_and_it_is_shown_behind_what(province: Province, tmp_path: Path) -> None:
    await pause(province)
    head, recall, other = await send(province, document("43"), follower("43", "recall"), document("44"))
    first = await only(province, head)
    await shown(tmp_path, "message", "hold", head, "--reason", "chờ lãnh đạo")
    await resume(province)
    assert await ended(province, other) == [State.DELIVERED], "another conversation is not held up"
    assert (await only(province, head)).state is State.HELD
    assert (await only(province, recall)).state is State.WAITING
    assert f"đứng sau lượt {first.id} (đang giữ)" in await shown(tmp_path, "message", "show", recall)
    assert "chờ lãnh đạo" in await shown(tmp_path, "message", "show", head)
    await shown(tmp_path, "message", "release", head, "--reason", "đồng ý")
    assert await ended(province, head, recall) == [State.DELIVERED, State.DELIVERED]
    assert (await sent_subjects(province))[1:] == ["V/v kiểm tra", "recall"], "in order"
    assert "đứng sau" not in await shown(tmp_path, "message", "show", recall)


async def test_in_a_mailbox_a_recall_never_waits_behind_its_document(province: Province) -> None:
    recall = follower("45", "recall") | {"to": [{"organ_id": "H53.02", "name": "Sở Tài chính"}]}
    await send(province, document("45", to="H53.02"), recall)
    _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
    rows = listed["deliveries"]
    assert [row["kind"] for row in rows] == ["document", "recall"], "oldest first, both at once"
    path = f"/api/v1/mailbox/{rows[1]['delivery']}"
    done = json.dumps({"result": "done"}).encode()
    headers = {"Content-Type": "application/json"}
    status, _ = await province.call("POST", f"{path}/ack", system="stc", data=done, headers=headers)
    assert status == 200


async def test_after_an_outage_an_urgent_document_overtakes_two_hundred_others(province: Province) -> None:
    await province.control("POST", "/outage", json={"on": True})
    await send(province, *(document(str(1000 + i), subject="thường") for i in range(200)))
    (urgent,) = await send(province, document("999", subject="HOẢ TỐC", other={"priority": 3}))
    await province.control("POST", "/outage", json={"on": False})

    async def sent() -> bool:
        return (await only(province, urgent)).state is State.DELIVERED

    await province.until(sent, 60)
    subjects = await sent_subjects(province)
    assert "HOẢ TỐC" in subjects[:5], f"at place {subjects.index('HOẢ TỐC') + 1}"


async def test_one_slot_in_five_goes_to_ordinary_documents(tmp_path: Path, sandbox: Running) -> None:
    async with running_gateway(tmp_path, sandbox, platform="slots = 1") as province:
        await pause(province)
        ordinary = [document(str(2000 + i), subject="thường") for i in range(8)]
        urgent = [document(str(3000 + i), subject="HOẢ TỐC", other={"priority": 3}) for i in range(12)]
        ids = await send(province, *ordinary, *urgent)
        await resume(province)
        await ended(province, *ids)
        subjects = await sent_subjects(province)
        assert [subject == "thường" for subject in subjects[:15]] == [False, False, False, False, True] * 3
        assert subjects[15:] == ["thường"] * 5
