"""State secrets are not stored: the same planted bytes go in by every way, and lie on disk only if the rule is off."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from planted import Plant, found
from province import Province, document, running_gateway
from vxp_systems import MORE_SYSTEMS, SNV, STNMT, package, raw_call, sending

import adapters.lgsp
import adapters.vxp
from gateway.intake.http import Entrance, IntakeHttp
from gateway.intake.limits import IntakeLimits, Strangers
from gateway.intake.secrecy import Secrecy, SecrecySettings
from gateway.model.access import Caller
from gateway.model.party import Parties
from gateway.telemetry import Metrics
from sandbox.app import Running
from sandbox.edxml import File

OFF = "\n[secrecy]\nenabled = false\n"
MARK = "TỐI MẬT"
XML = {"Content-Type": "application/xml"}
JSON = {"Content-Type": "application/json"}

Way = Callable[[Province, Plant, str], Awaitable[str]]
"""Hands the planted bytes in under a number; the code of the answer ("" if there is none)."""


def marked_json(plant: Plant, number: str, **more: Any) -> bytes:
    files = [File(more.pop("name", "a.pdf"), "application/pdf", plant.file + more.pop("padding", b""))]
    subject = f"{more.pop('mark', MARK)} {plant.words}"
    plain = document(number, sender=more.pop("sender", "H53.02"), subject=subject, files=files)
    return json.dumps({**plain, **more}).encode()


def marked_xml(plant: Plant, number: str, **more: Any) -> bytes:
    files = (File("a.pdf", "application/pdf", plant.file + more.pop("padding", b"")),)
    raw = package(number, files=files, sender=more.pop("sender", "H53.01"), **more)
    return raw.replace(f"V/v số {number}".encode(), f"{MARK} {plant.words}".encode())


async def post(province: Province, body: bytes, headers: dict[str, str]) -> str:
    _, answer = await province.call("POST", "/api/v1/documents", data=body, headers=headers, system="stc")
    return str(answer.get("code", answer))


def rest(**more: Any) -> Way:
    async def hand_in(province: Province, plant: Plant, number: str) -> str:
        return await post(province, marked_json(plant, number, **more), JSON)

    return hand_in


def sent_as(change: Callable[[bytes], bytes], headers: dict[str, str]) -> Way:
    async def hand_in(province: Province, plant: Plant, number: str) -> str:
        make = marked_json if headers is JSON else marked_xml
        return await post(province, change(make(plant, number, sender="H53.02")), headers)

    return hand_in


def zipped(raw: bytes) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("package.xml", raw)
    return whole.getvalue()


def vxp(change: Callable[[bytes], bytes] = bytes) -> Way:
    async def hand_in(province: Province, plant: Plant, number: str) -> str:
        file = change(marked_xml(plant, number, sender="H53.03"))
        _, answer = await raw_call(province, STNMT, "sendEdoc", sending(file, "H53.03"), file + b"\r\n")
        return json.loads(answer)["ErrorDesc"] or ""

    return hand_in


async def vxp_with_a_wrong_hash(province: Province, plant: Plant, number: str) -> str:
    file = marked_xml(plant, number, sender="H53.03")
    _, answer = await raw_call(province, STNMT, "sendEdoc", sending(b"other", "H53.03"), file)
    return str(json.loads(answer)["ErrorDesc"])


def lgsp(change: Callable[[bytes], bytes] = bytes) -> Way:
    async def hand_in(province: Province, plant: Plant, number: str) -> str:
        form = aiohttp.FormData()
        form.add_field("edocFile", change(marked_xml(plant, number, sender="H53.02")), filename="a.edxml")
        async with lgsp_served(province) as url, aiohttp.ClientSession() as session:
            headers = {"X-SystemId": "stc", "X-SecretKey": "khoa"}
            async with session.post(f"{url}/lgsp/v1/sendEdoc", data=form, headers=headers) as response:
                return await response.text()

    return hand_in


@asynccontextmanager
async def lgsp_served(province: Province) -> AsyncIterator[str]:
    """The regional API over the running gateway's own story and store."""
    gateway = province.gateway

    credential = adapters.lgsp.Credential(Caller("stc", Parties(("H53.02",))), (adapters.lgsp.secret_digest("khoa"),))
    endpoints = adapters.lgsp.LgspEndpoints(
        gateway.accept, gateway.store, gateway.store, gateway._content, adapters.vxp.encode
    )
    http = IntakeHttp(
        store=gateway.store,
        limits=IntakeLimits(),
        strangers=Strangers(1000, gateway.clock),
        clock=gateway.clock,
        metrics=Metrics(),
        secrecy=Secrecy(SecrecySettings(enabled=gateway.config.secrecy.enabled)),
    )
    runner = web.AppRunner(http.application([Entrance(endpoints, adapters.lgsp.LgspIdentify({"stc": credential}))]))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def from_axis(*faults: dict[str, Any]) -> Way:
    async def arrive(province: Province, plant: Plant, number: str) -> str:
        await province.control("POST", "/faults", json=list(faults))
        raw = marked_xml(plant, number, sender="000.00.00.G22", to=("H53.02",))
        made = await province.control("POST", "/packages?from=000.00.00.G22", data=raw)
        reference = (await copy_of(province, made["docId"]))["receiverDocId"]

        async def settled() -> bool:
            store = province.gateway.store
            return bool(await store.arrival("vxp", reference) or await store.withheld("vxp", reference))

        await province.until(settled)
        await province.control("POST", "/faults", json=[])
        return str(reference)

    return arrive


async def copy_of(province: Province, reference: str) -> Any:
    """What the axis knows of the province's copy of a package, by either of its ids."""
    copies = (await province.control("GET", "/state"))["copies"]
    return next(copy for copy in copies if reference in (copy["docId"], copy["receiverDocId"]))


WAYS: dict[str, Way] = {
    "rest, confidentiality": rest(mark="V/v", confidentiality="mat"),
    "rest, subject": rest(),
    "rest, file name": rest(mark="V/v", name="12-TOIMAT.pdf"),
    "rest, sphere": rest(mark="V/v", other={"sphere": "Tối mật"}),
    "rest, a file of its own": rest(padding=bytes(40_000)),
    "rest, unknown member": rest(mark="V/v", hello=1, confidentiality="tuyet_mat"),
    "json, cut": sent_as(lambda raw: raw[:-9], JSON),
    "json, repeated name": sent_as(lambda raw: b'{"a":1,"a":2,' + raw[1:], JSON),
    "edxml": sent_as(bytes, XML),
    "edxml, cut": sent_as(lambda raw: raw[:-40], XML),
    "edxml, doctype": sent_as(lambda raw: b"<!DOCTYPE edXML>" + raw, XML),
    "edxml, utf-16 cut": sent_as(lambda raw: raw.decode().encode("utf-16")[:-41], XML),
    "edxml, wrong root": sent_as(lambda raw: raw.replace(b"edXML>", b"edxml>").replace(b"edXML ", b"edxml "), XML),
    "edxml, as base64": sent_as(base64.b64encode, XML),
    "edxml, zipped": sent_as(zipped, XML),
    "vxp": vxp(),
    "vxp, cut": vxp(lambda raw: raw[:-40]),
    "vxp, wrong hash": vxp_with_a_wrong_hash,
    "lgsp": lgsp(),
    "lgsp, cut": lgsp(lambda raw: raw[:-40]),
    "axis": from_axis(),
    "axis, truncated": from_axis({"operation": "getEdoc", "action": "truncate", "times": 1}),
}


@asynccontextmanager
async def gateway_of(folder: Path, sandbox: Running, *, secrecy: str = "") -> AsyncIterator[Province]:
    for name, (_, secret) in (("snv", SNV), ("stnmt", STNMT), ("captured", ("", "dummy-secret"))):
        (folder / f"{name}.secret").write_text(secret, encoding="utf-8")
    async with running_gateway(folder, sandbox, platform=MORE_SYSTEMS + secrecy) as province:
        yield province


async def go_every_way(province: Province) -> tuple[dict[str, Plant], dict[str, str]]:
    plants = {name: Plant() for name in WAYS}
    answers = {name: await way(province, plants[name], str(200 + n)) for n, (name, way) in enumerate(WAYS.items())}
    return plants, answers


async def test_a_marked_document_leaves_no_byte_whichever_way_it_comes(
    tmp_path: Path, sandbox: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    async with gateway_of(tmp_path, sandbox) as province:
        plants, answers = await go_every_way(province)
        assert found(plants, tmp_path) == {}
        assert await province.gateway.store.quarantined(state=None) == []
        books = await province.gateway.store.books()
        assert (books.received, books.created, books.balanced) == (0, 0, True)
    assert found(plants, tmp_path) == {}
    said = "".join(answers.values()) + "".join(capfd.readouterr())
    assert not [name for name, plant in plants.items() if plant.words in said]
    inside = {name: answer for name, answer in answers.items() if not name.startswith("axis")}
    assert [name for name, said in inside.items() if "message.secret" not in said and "dấu mật" not in said] == []


async def test_the_same_search_finds_the_same_bytes_when_the_rule_is_off(tmp_path: Path, sandbox: Running) -> None:
    async with gateway_of(tmp_path, sandbox, secrecy=OFF) as province:
        plants, _ = await go_every_way(province)
        running = found(plants, tmp_path)
    whole = {name: {"content", "words"} for name in WAYS} | {"axis, truncated": {"words"}}
    for hits in (running, found(plants, tmp_path)):
        assert {name: parts - hits.get(name, set()) for name, parts in whole.items()} == {name: set() for name in whole}


async def test_what_stays_is_an_entry_an_incident_and_nothing_for_a_repeat(tmp_path: Path, sandbox: Running) -> None:
    async with gateway_of(tmp_path, sandbox) as province:
        body = marked_json(Plant(), "1")
        for _ in range(3):
            assert await post(province, body, JSON) == "message.secret"
        store = province.gateway.store
        entries = [*await store.sealed(0, 1000), *await store.unsealed(1000)]
        (entry,) = [json.loads(entry.raw) for entry in entries if entry.type == "message.withheld"]
        (incident,) = [item for item in await store.incidents() if item.code == "message.secret"]
    fields = entry.get("fields", entry)
    assert (fields["peer"], fields["sender"], fields["size"]) == ("stc", "H53.02", len(body))
    assert fields["rule"] == "text:Subject"
    assert (incident.subject, incident.count) == ("stc", 3)


async def test_a_package_from_the_axis_is_withheld_once_unacknowledged_while_others_go_on(
    tmp_path: Path, sandbox: Running
) -> None:
    plant = Plant()
    async with gateway_of(tmp_path, sandbox) as province:
        reference = await from_axis()(province, plant, "1")
        for number in range(3):
            await province.control("POST", f"/packages?from=000.00.00.G22&to=H53.02&number={number + 50}")

        async def others_came() -> bool:
            _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
            return len(listed["deliveries"]) == 3

        await province.until(others_came)
        copy = await copy_of(province, reference)
        assert (copy["state"], copy["acks"], copy["fetched"]) == ("processing", 0, 1)
        (incident,) = [item for item in await province.gateway.store.incidents() if item.code == "message.secret"]
        assert incident.subject.startswith("vxp ") and incident.count == 1
        assert "poll:vxp:edoc" not in await province.gateway.store.paused()
    async with gateway_of(tmp_path, sandbox) as province:
        await province.control("POST", "/packages?from=000.00.00.G22&to=H53.02&number=60")

        async def one_more_came() -> bool:
            _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
            return len(listed["deliveries"]) == 4

        await province.until(one_more_came)
        copy = await copy_of(province, reference)
        assert copy["fetched"] == 1, "a restart does not forget what was withheld"
    assert found({"": plant}, tmp_path) == {}


async def test_under_other_rules_a_withheld_package_is_fetched_again_and_delivered(
    tmp_path: Path, sandbox: Running
) -> None:
    async with gateway_of(tmp_path, sandbox) as province:
        await from_axis()(province, Plant(), "1")
    looser = "\n[secrecy]\ntext_fields = []\n"
    async with gateway_of(tmp_path, sandbox, secrecy=looser) as province:

        async def came() -> bool:
            _, listed = await province.call("GET", "/api/v1/mailbox", system="stc")
            return len(listed["deliveries"]) == 1

        await province.until(came)
        assert (await province.gateway.store.books()).balanced


async def test_what_lay_in_quarantine_before_the_rule_is_not_accepted_from_there(
    tmp_path: Path, sandbox: Running
) -> None:
    async with gateway_of(tmp_path, sandbox, secrecy=OFF) as province:
        await post(province, marked_xml(Plant(), "1", sender="H53.02")[:-40], XML)
        (kept,) = await province.gateway.store.quarantined()
    async with gateway_of(tmp_path, sandbox) as province:
        for to in (None, "H53.02"):
            with pytest.raises(Exception, match=r"message\.secret|xml\.malformed"):
                await province.gateway.settling.accept(kept.id, "test", to=to)
        (still,) = await province.gateway.store.quarantined()
        assert still.id == kept.id
        (incident,) = [item for item in await province.gateway.store.incidents() if item.code == "message.secret"]
        assert incident.subject == f"quarantine {kept.id}"
        assert (await province.gateway.store.books()).accepted == 0
