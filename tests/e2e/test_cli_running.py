"""Commands beside a running gateway: reading goes past it, orders go through its control socket."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from province import Province, document

from gateway.cli import lienthong
from gateway.model.delivery import State
from gateway.server.control import user_name

BROKEN = b"<?xml version='1.0'?><edXML><edXMLEnvelope>"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The file that the province's gateway was started with."""
    return tmp_path / "lienthong.toml"


async def ordered(config: Path, *arguments: str, exits: int = 0) -> Any:
    """The JSON that a command prints, once it ended with *exits*. The service's secrets are not in its environment."""
    words = [*arguments, "-c", str(config), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, lienthong, words)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exits, result.output
    return json.loads(result.stdout)


async def told(config: Path, *arguments: str) -> str:
    """What a command prints for a person."""
    result = await asyncio.to_thread(CliRunner().invoke, lienthong, [*arguments, "-c", str(config)])
    assert result.exit_code == 0, result.output
    return result.stdout


async def entries(province: Province, type: str) -> list[dict[str, Any]]:
    """The unsealed are read first: what is sealed between the two readings is then found twice, never not at all."""
    store = province.gateway.store
    rows = {row.id: row for row in (*await store.unsealed(1000), *await store.sealed(0, 1000))}
    return [json.loads(row.raw) for row in rows.values() if row.type == type]


async def broken_package(province: Province) -> str:
    headers = {"Content-Type": "application/xml"}
    status, _ = await province.call("POST", "/api/v1/documents", data=BROKEN, headers=headers)
    assert status == 422
    (item,) = await province.gateway.store.quarantined()
    return item.id


async def package_for_nobody(province: Province) -> str:
    """A document from the axis for a unit that no system serves; the id of its held delivery."""
    await province.control("POST", "/packages?from=000.00.00.G22&to=000.00.02.H53&subject=Lac")

    async def held() -> list[str]:
        rows = [
            delivery
            for message in await province.gateway.store.messages()
            for delivery in await province.gateway.store.deliveries_of(message.id)
        ]
        return [row.id for row in rows if row.state is State.HELD]

    (delivery_id,) = await province.until(held)
    return str(delivery_id)


async def test_a_key_works_from_the_moment_it_is_shown_until_it_is_revoked(province: Province, config: Path) -> None:
    added = await ordered(config, "key", "add", "--system", "snv")
    province.keys["snv"] = added["key"]
    assert (await province.call("GET", "/api/v1/mailbox"))[0] == 200
    await ordered(config, "key", "revoke", added["id"])
    assert (await province.call("GET", "/api/v1/mailbox"))[0] == 401


async def test_the_record_names_the_operating_system_user(province: Province, config: Path) -> None:
    added = await ordered(config, "key", "add", "--system", "snv")
    mine = [entry for entry in await entries(province, "key.added") if entry["key"] == added["id"]]
    assert [entry["actor"] for entry in mine] == [user_name(os.getuid())]


async def test_a_document_is_found_by_every_code_people_know(province: Province, config: Path) -> None:
    async with province.system("snv") as snv:
        accepted = await snv.send(document("12", to="000.00.00.G22,000.00.00.G09"), "key-12")
    await province.delivered(accepted.message_id)
    (delivery,) = await province.gateway.store.deliveries_of(accepted.message_id)
    for code in (accepted.message_id, delivery.id, "H53.01,2026/11/20,12/SNV-VP", "12/snv-vp"):
        (story,) = (await ordered(config, "message", "show", code))["messages"]
        assert story["message"]["id"] == accepted.message_id
    (travelling,) = story["deliveries"]
    assert travelling["delivery"]["state"] == "delivered"
    assert [attempt["outcome"] for attempt in travelling["attempts"]] == ["delivered"]
    text = await told(config, "message", "show", "12/SNV-VP")
    assert [line.split()[0] for line in text.splitlines() if line.startswith("000.")] == [
        "000.00.00.G22",
        "000.00.00.G09",
    ]
    assert "đã giao" in text
    await ordered(config, "message", "show", "nothing-like-it", exits=3)


async def test_messages_are_listed_newest_first_with_what_became_of_them(province: Province, config: Path) -> None:
    async with province.system("snv") as snv:
        for number in ("1", "2"):
            accepted = await snv.send(document(number), f"key-{number}")
            await province.delivered(accepted.message_id)
    rows = await ordered(config, "message", "list", "--peer", "snv")
    assert [row["message"]["envelope"]["code"] for row in rows] == ["2/SNV-VP", "1/SNV-VP"]
    assert rows[0]["states"] == {"delivered": 1}
    (only,) = await ordered(config, "message", "list", "--text", "1/SNV", "--limit", "1")
    assert only["message"]["envelope"]["code"] == "1/SNV-VP"
    assert await ordered(config, "message", "list", "--peer", "stc") == []


async def test_foreign_text_has_no_power_over_the_terminal(province: Province, config: Path) -> None:
    async with province.system("snv") as snv:
        await snv.send(document("66", subject="V/v [red]đỏ[/red] \u202e\u009b31m"), "key-66")
    text = await told(config, "message", "list")
    assert "[red]đỏ[/red]" in text
    assert not {"\u202e", "\u009b", "\x1b"} & set(text)


async def test_a_paused_platform_gets_nothing_until_it_is_resumed(province: Province, config: Path) -> None:
    await ordered(config, "queue", "pause", "vxp", "--reason", "bảo trì trục")
    async with province.system("snv") as snv:
        accepted = await snv.send(document("20"), "key-20")
    shown = await ordered(config, "queue", "list")
    assert shown["paused"] == {"vxp": "bảo trì trục"}
    assert "bảo trì trục" in await told(config, "queue", "list")
    (delivery,) = await province.gateway.store.deliveries_of(accepted.message_id)
    assert (delivery.state, delivery.attempts) == (State.QUEUED, 0)
    await ordered(config, "queue", "resume", "vxp")
    await province.delivered(accepted.message_id)
    assert (await entries(province, "queue.paused"))[0]["reason"] == "bảo trì trục"


@pytest.mark.parametrize("scope", ["other", "snv", "poll:vxp:other", "poll:other:edoc", "poll:vxp"])
async def test_only_queues_that_exist_can_be_paused(province: Province, config: Path, scope: str) -> None:
    answer = await ordered(config, "queue", "pause", scope, "--reason", "x", exits=3)
    assert answer["error"]["code"] == "peer.unknown"


async def test_a_poller_can_be_paused(province: Province, config: Path) -> None:
    await ordered(config, "queue", "pause", "poll:vxp:edoc", "--reason", "x")
    assert (await ordered(config, "queue", "list"))["paused"] == {"poll:vxp:edoc": "x"}
    assert "poll:vxp:edoc" in await told(config, "queue", "list")


async def test_a_broken_package_is_seen_and_its_bytes_come_out_unchanged(
    province: Province, config: Path, tmp_path: Path
) -> None:
    quarantine_id = await broken_package(province)
    (item,) = await ordered(config, "quarantine", "list")
    assert (item["id"], item["code"], item["peer"]) == (quarantine_id, "xml.malformed", "snv")
    await ordered(config, "quarantine", "show", quarantine_id, "--body", str(tmp_path / "body.xml"))
    assert (tmp_path / "body.xml").read_bytes() == BROKEN
    await ordered(config, "quarantine", "show", quarantine_id, "--body", str(tmp_path / "body.xml"), exits=2)
    assert "xml.malformed" in await told(config, "quarantine", "show", quarantine_id)
    await ordered(config, "quarantine", "show", "0" * 32, exits=3)


async def test_a_rejected_package_is_settled_by_a_named_person(province: Province, config: Path) -> None:
    quarantine_id = await broken_package(province)
    await ordered(config, "quarantine", "reject", quarantine_id, "--reason", "gửi lại bản đúng")
    assert await ordered(config, "quarantine", "list") == []
    (item,) = await ordered(config, "quarantine", "list", "--all")
    assert (item["state"], item["reason"]) == ("rejected", "gửi lại bản đúng")
    await ordered(config, "quarantine", "reject", quarantine_id, "--reason", "again", exits=5)


async def test_what_cannot_be_read_is_accepted_only_for_a_party_served_here(province: Province, config: Path) -> None:
    quarantine_id = await broken_package(province)
    await ordered(config, "quarantine", "accept", quarantine_id, exits=5)
    await ordered(config, "quarantine", "accept", quarantine_id, "--to", "H99", exits=5)
    accepted = await ordered(config, "quarantine", "accept", quarantine_id, "--to", "H53.02")
    (delivery,) = await province.gateway.store.deliveries_of(accepted["message_id"])
    assert (delivery.destination, delivery.party) == ("stc", "H53.02")


async def test_a_held_delivery_goes_to_the_party_a_person_names(province: Province, config: Path) -> None:
    delivery_id = await package_for_nobody(province)
    await ordered(config, "message", "release", delivery_id, "--reason", "x", exits=5)
    await ordered(config, "message", "release", delivery_id, "--to", "H99", "--reason", "x", exits=3)
    answer = await ordered(config, "message", "release", delivery_id, "--to", "H53.02", "--reason", "đơn vị mới")
    assert answer["released"] == [{"delivery": delivery_id, "state": "queued", "destination": "stc", "party": "H53.02"}]
    _, mailbox = await province.call("GET", "/api/v1/mailbox", system="stc")
    assert [row["delivery"] for row in mailbox["deliveries"]] == [delivery_id]
    assert (await province.call("GET", f"/api/v1/mailbox/{delivery_id}", system="stc"))[0] == 200
    assert (await province.call("GET", f"/api/v1/mailbox/{delivery_id}", system="snv"))[0] != 200
    again = await ordered(config, "message", "release", delivery_id, "--reason", "x", exits=5)
    assert again["error"]["code"] == "delivery.not_held"


async def test_every_held_delivery_of_a_message_is_released_by_the_message_id(province: Province, config: Path) -> None:
    delivery = await province.gateway.store.delivery(await package_for_nobody(province))
    assert delivery is not None
    answer = await ordered(config, "message", "release", delivery.message_id, "--to", "snv", "--reason", "x")
    assert [(row["delivery"], row["destination"]) for row in answer["released"]] == [(delivery.id, "snv")]
    await ordered(config, "message", "release", "0" * 32, "--reason", "x", exits=3)


async def test_an_incident_is_listed_until_a_person_closes_it(province: Province, config: Path) -> None:
    await province.gateway.store.raise_incident("poll.unreadable", "vxp", "three in a row")
    (one,) = await ordered(config, "incident", "list")
    assert (one["code"], one["subject"], one["count"]) == ("poll.unreadable", "vxp", 1)
    await ordered(config, "incident", "close", "poll.unreadable", "vxp")
    assert await ordered(config, "incident", "list") == []
    assert len(await ordered(config, "incident", "list", "--all")) == 1
    await ordered(config, "incident", "close", "poll.unreadable", "vxp", exits=3)


async def test_the_log_is_verified_beside_the_running_gateway(province: Province, config: Path) -> None:
    await ordered(config, "key", "add", "--system", "snv")

    async def sealed() -> bool:
        return bool((await ordered(config, "audit", "verify"))["size"])

    await province.until(sealed)
    assert "nguyên vẹn" in await told(config, "audit", "verify")
