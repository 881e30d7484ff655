"""`/lgsp/v1` over real HTTP, the real accept story and the real store."""

from __future__ import annotations

import base64
import dataclasses
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from rest_ports import House, document, notice

from adapters import rest
from adapters.lgsp import (
    FORM_DIALECT,
    Credential,
    LgspEndpoints,
    LgspIdentify,
    LgspLogin,
    ServedSettings,
    anyone,
    form_decoder,
    secret_digest,
)
from adapters.lgsp.codes import MEANINGS, code_of
from adapters.lgsp.sent import Sent
from adapters.vxp import codec, conformance, decode
from gateway.errors import FAULTS, Refusal
from gateway.intake.accept import AcceptStory
from gateway.intake.http import Entrance, IntakeHttp
from gateway.intake.limits import DiskGate, IntakeLimits, Strangers
from gateway.intake.routing import Routing, Seat
from gateway.intake.validation import Peer
from gateway.model.access import Caller
from gateway.model.delivery import Purpose, State
from gateway.model.document import (
    Attachment,
    Code,
    Content,
    Document,
    DocumentStatus,
    DocumentType,
    Organization,
    Promulgation,
    ResponseFor,
    Signer,
)
from gateway.model.message import Message, Submission
from gateway.model.party import Parties
from gateway.ports import Knock
from gateway.storage import SqliteStore, StoreSettings, open_store
from gateway.telemetry import Metrics

SENDER = Caller("sender", Parties(("H37.DN.001",)))
TAKER = Caller("taker", Parties(("H37.02", "H37.03")))
NOISE = bytes(range(256)) * 3
DOCUMENT = Document(
    Organization("H37.DN.001", "Công ty Một"),
    (Organization("H37.02", "Sở Hai"), Organization("H37.03", "Sở Ba")),
    "H37.DN.001,2026/11/20,125/CV-VP",
    Code("125", "CV-VP"),
    Promulgation("Lạng Sơn", date(2026, 11, 20)),
    DocumentType(1, 0, "Công văn"),
    subject="V/v báo cáo",
    signer=Signer("KT.", "Giám đốc", "Nguyễn Văn A"),
    attachments=(Attachment("báo cáo.pdf", b"%PDF-1.7\n" + NOISE, "application/pdf"),),
)


class TickingClock:
    """A millisecond passes with every look; a test moves it by days."""

    def __init__(self) -> None:
        self.looks = 0
        self.days = 0

    def now(self) -> datetime:
        self.looks += 1
        return datetime(2026, 11, 20, 0, 31, tzinfo=UTC) + timedelta(days=self.days, milliseconds=self.looks)

    def monotonic(self) -> float:
        return self.looks / 1000

    async def sleep(self, seconds: float) -> None:
        return None


@dataclass(slots=True)
class Axis:
    """The served API and a client of it."""

    url: str
    http: aiohttp.ClientSession
    store: SqliteStore
    clock: TickingClock
    accept: AcceptStory
    answered: list[tuple[int, Any]] = field(default_factory=list)

    async def call(self, method: str, operation: str, who: Caller | None, **options: Any) -> Any:
        headers = options.pop("headers", {})
        if who:
            headers = {"X-SystemId": f"ID-{who.system}", "X-SecretKey": f"key of {who.system}", **headers}
        url = f"{self.url}/lgsp/v1/{operation}"
        async with self.http.request(method, url, headers=headers, **options) as response:
            body = await response.json()
            self.answered.append((response.status, body))
            return body

    async def send(self, raw: bytes, type: str | None = "edoc", who: Caller = SENDER) -> Any:
        form = aiohttp.FormData()
        form.add_field("edocFile", raw, filename="a.edxml", content_type="application/xml")
        if type is not None:
            form.add_field("messageType", type)
        return await self.call("POST", "sendEdoc", who, data=form)

    async def list(self, who: Caller = TAKER, type: str = "edoc", **query: str) -> list[Any]:
        answer = await self.call("GET", "syncReceivedEdocList", who, params={"messageType": type, **query})
        assert (answer["success"], answer["count"]) == (True, len(answer["data"]))
        return list(answer["data"])

    async def fetch(self, doc_id: str, who: Caller = TAKER) -> Any:
        return await self.call("GET", "getEdoc", who, params={"docId": doc_id})

    async def update(self, doc_id: str, status: object, who: Caller = TAKER, **more: object) -> Any:
        return await self.call("POST", "updateStatus", who, json={"docId": doc_id, "status": status, **more})

    @property
    def status(self) -> int:
        return self.answered[-1][0]


@pytest.fixture
def settings() -> ServedSettings:
    return ServedSettings()


@pytest.fixture
async def axis(tmp_path: Path, settings: ServedSettings) -> AsyncIterator[Axis]:
    clock = TickingClock()
    store = await open_store(StoreSettings(tmp_path), clock, mailboxes=frozenset({"sender", "taker"}))
    dialects = {"edxml": decode, "rest-json": rest.decode, FORM_DIALECT: form_decoder(decode)}

    async def contents(message: Message) -> Content:
        return dialects[message.dialect](await store.body(message.body.id)).content

    callers = (SENDER, TAKER)
    accept = AcceptStory(
        store=store,
        dialects=dialects,
        peers={caller.system: Peer(caller.system, False, caller.parties) for caller in callers},
        routing=Routing(tuple(Seat(caller.system, caller.parties) for caller in callers), ()),
        platforms={},
        gate=DiskGate(lambda: 1 << 40, 0, clock),
        clock=clock,
        metrics=Metrics(),
        wake=lambda destinations: None,
    )
    identify = LgspIdentify(
        {
            f"ID-{caller.system}": Credential(caller, (secret_digest("old"), secret_digest(f"key of {caller.system}")))
            for caller in callers
        }
    )
    lgsp = LgspEndpoints(accept, store, store, contents, codec.encode, settings)
    http = IntakeHttp(
        store=store,
        limits=IntakeLimits(body=200_000),
        strangers=Strangers(1000, clock),
        clock=clock,
        metrics=Metrics(),
    )
    runner = web.AppRunner(http.application([Entrance(lgsp, identify), Entrance(LgspLogin(), anyone)]))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Axis(f"http://127.0.0.1:{runner.addresses[0][1]}", session, store, clock, accept)
    finally:
        await runner.cleanup()
        await store.close()


def error(answer: Any) -> str:
    assert answer["success"] is False and answer["message"]
    assert answer["data"]["docId"] is None and answer["data"]["status"] == "error"
    assert answer["data"]["errorDesc"] and answer["errorDetail"]
    return str(answer["data"]["errorCode"])


def ours(doc_id: str) -> str:
    assert doc_id == str(uuid.UUID(doc_id))
    return uuid.UUID(doc_id).hex


# ------------------------------------------------------------------------------------------------- there and back


async def test_a_document_goes_from_one_system_to_another_without_a_byte_changed(axis: Axis) -> None:
    raw = codec.encode(DOCUMENT).replace(b"?>", b"?>\n<!-- as it came \xe1\xba\xbf -->", 1)
    sent = await axis.send(raw)
    assert sent == {
        "success": True,
        "code": 200,
        "message": "OK",
        "docId": sent["docId"],
        "data": {"docId": sent["docId"], "status": "OK", "errorCode": "0", "errorDesc": ""},
        "errorDetail": [],
    }
    stored = await axis.store.message(ours(sent["docId"]))
    assert stored is not None and stored.dialect == "edxml"
    rows = await axis.list()
    assert [(row["from"], row["to"], row["status"], row["messageType"]) for row in rows] == [
        ("H37.DN.001", "H37.02", "initial", "edoc"),
        ("H37.DN.001", "H37.03", "initial", "edoc"),
    ]
    assert set(rows[0]) == {
        *("serviceType", "createdTime", "updatedTime", "messageType", "docId", "from", "to", "status", "statusDesc")
    }
    assert rows[0]["createdTime"] == "2026/11/20 07:31:00"
    data = (await axis.fetch(rows[0]["docId"]))["data"]
    assert data["edxml"].encode() == raw == base64.b64decode(data["data"])
    assert (data["docId"], data["from"], data["fromName"]) == (rows[0]["docId"], "H37.DN.001", "Công ty Một")
    assert (data["edocCode"], data["edocAbstract"]) == ("125/CV-VP", "V/v báo cáo")
    assert [(item["fileName"], base64.b64decode(item["fileContent"])) for item in data["attachments"]] == [
        ("báo cáo.pdf", b"%PDF-1.7\n" + NOISE)
    ]


async def test_done_takes_it_off_the_list_and_may_be_said_twice(axis: Axis) -> None:
    await axis.send(codec.encode(DOCUMENT))
    first, second = (row["docId"] for row in await axis.list())
    await axis.fetch(first)
    assert len(await axis.list()) == 2
    for status in ("done", "DONE"):
        answer = await axis.update(first, status)
        assert answer["data"] == {"docId": first, "status": "OK", "errorCode": "0", "errorDesc": ""}
    assert [row["docId"] for row in await axis.list()] == [second]
    delivery = await axis.store.delivery(ours(first))
    assert delivery is not None and delivery.state is State.DELIVERED
    assert [attempt.outcome for attempt in await axis.store.attempts_of(delivery.id)] == ["delivered"]


async def test_processing_changes_nothing_and_fail_leaves_it_to_a_person(axis: Axis) -> None:
    await axis.send(codec.encode(DOCUMENT))
    first = (await axis.list())[0]["docId"]
    assert (await axis.update(first, "processing"))["success"]
    assert len(await axis.list()) == 2
    for _ in range(2):
        assert (await axis.update(first, "fail", reason="không mở được"))["success"]
    assert len(await axis.list()) == 1
    delivery = await axis.store.delivery(ours(first))
    assert delivery is not None and (delivery.state, delivery.detail) == (State.HELD, "không mở được")
    assert error(await axis.fetch(first)) == "10"
    assert (await axis.update(first, "done"))["success"]
    assert error(await axis.update(first, "fail")) == "10"
    assert axis.status == 409


async def test_the_same_document_again_gets_the_first_doc_id(axis: Axis) -> None:
    first, again = [await axis.send(codec.encode(DOCUMENT)) for _ in range(2)]
    assert first["docId"] == again["docId"]
    assert len(await axis.list()) == 2


async def test_a_document_that_came_as_json_is_handed_out_as_conformant_edxml(axis: Axis) -> None:
    raw = rest.codec.encode(DOCUMENT)
    await axis.accept(Submission("sender", "rest-json", raw, axis.clock.now()))
    data = (await axis.fetch((await axis.list())[0]["docId"]))["data"]
    assert conformance.is_strict(data["edxml"].encode())
    assert codec.decode(data["edxml"].encode()).content == DOCUMENT


async def test_utf_16_is_handed_out_as_text_all_the_same(axis: Axis) -> None:
    text = codec.encode(DOCUMENT).decode().replace('encoding="UTF-8"', 'encoding="UTF-16"')
    assert (await axis.send(text.encode("utf-16")))["success"]
    data = (await axis.fetch((await axis.list())[0]["docId"]))["data"]
    assert codec.decode(data["edxml"].encode()).content == DOCUMENT


async def test_a_status_is_listed_as_status_and_goes_back_to_the_sender(axis: Axis) -> None:
    await axis.send(codec.encode(DOCUMENT))
    status = DocumentStatus(
        Organization("H37.02", "Sở Hai"),
        ResponseFor("H37.DN.001", "125/CV-VP", DOCUMENT.document_id, date(2026, 11, 20)),
        3,
        "Đã vào sổ",
        datetime(2026, 11, 20, 8, 0),
    )
    assert (await axis.send(codec.encode(status), "status", TAKER))["success"]
    assert await axis.list(SENDER) == []
    (row,) = await axis.list(SENDER, "status")
    data = (await axis.fetch(row["docId"], SENDER))["data"]
    assert (data["from"], data["edocAbstract"], data["attachments"]) == ("H37.02", "Đã vào sổ", [])
    assert (await axis.list(TAKER, "status"), len(await axis.list(TAKER))) == ([], 2)


async def test_the_message_type_may_be_left_out_and_is_edoc_then(axis: Axis) -> None:
    assert (await axis.send(codec.encode(DOCUMENT), None))["success"]
    assert (await axis.call("GET", "syncReceivedEdocList", TAKER))["count"] == 2


# ------------------------------------------------------------------------------------------------- days and parties


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 2),
        ({"fromDate": "2026/11/20", "toDate": "2026/11/20"}, 2),
        ({"fromDate": "2026/11/19", "toDate": "2026/11/21"}, 2),
        ({"fromDate": "2026/11/20"}, 2),
        ({"toDate": "2026/11/20"}, 2),
        ({"fromDate": "2026/11/21", "toDate": "2026/11/22"}, 0),
        ({"fromDate": "2026/11/1", "toDate": "2026/11/19"}, 0),
        ({"to": "H37.03"}, 1),
        ({"to": "H37.03", "fromDate": "2026/11/21"}, 0),
    ],
)
async def test_the_list_is_of_the_days_and_the_party_asked_for(axis: Axis, query: dict[str, str], found: int) -> None:
    await axis.send(codec.encode(DOCUMENT))
    assert len(await axis.list(TAKER, "edoc", **query)) == found


async def test_the_day_is_the_vietnamese_one(axis: Axis) -> None:
    axis.clock.looks = 17 * 3_600_000  # 00:31 + 17:00 UTC is the next day in Vietnam
    await axis.send(codec.encode(DOCUMENT))
    assert await axis.list(TAKER, "edoc", fromDate="2026/11/20", toDate="2026/11/20") == []
    assert len(await axis.list(TAKER, "edoc", fromDate="2026/11/21", toDate="2026/11/21")) == 2


async def test_what_a_person_released_is_listed_on_the_day_of_the_release(axis: Axis) -> None:
    await axis.send(codec.encode(DOCUMENT))
    first = (await axis.list())[0]["docId"]
    await axis.update(first, "fail")
    axis.clock.days = 5
    await axis.store.release(ours(first), "chị Lan", "đã sửa")
    today = await axis.list(TAKER, "edoc", fromDate="2026/11/25", toDate="2026/11/25")
    assert [row["docId"] for row in today] == [first]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fromDate": "2026-11-20"}, "10"),
        ({"toDate": "20/11/2026"}, "10"),
        ({"fromDate": "2026/02/30"}, "10"),
        ({"fromDate": "2026/13/01"}, "10"),
        ({"fromDate": "0000/01/01"}, "10"),
        ({"fromDate": "2026/11/21", "toDate": "2026/11/20"}, "10"),
        ({"messageType": "all"}, "10"),
        ({"to": "H37.DN.001"}, "19"),
    ],
)
async def test_a_list_that_cannot_be_asked_for_is_refused(axis: Axis, query: dict[str, str], code: str) -> None:
    answer = await axis.call("GET", "syncReceivedEdocList", TAKER, params=query)
    assert error(answer) == code
    assert axis.status in (400, 403)


# ------------------------------------------------------------------------------------------------- who calls

BAD_CREDENTIALS = {
    "none": {},
    "no secret": {"X-SystemId": "ID-taker"},
    "no id": {"X-SecretKey": "key of taker"},
    "wrong secret": {"X-SystemId": "ID-taker", "X-SecretKey": "key of sender"},
    "unknown id": {"X-SystemId": "ID-nobody", "X-SecretKey": "key of taker"},
    "id in another case": {"X-SystemId": "id-taker", "X-SecretKey": "key of taker"},
    "the digest itself": {"X-SystemId": "ID-taker", "X-SecretKey": secret_digest("key of taker")},
    "a bearer token only": {"Authorization": "Bearer this-token-opens-nothing"},
    "a secret that is no text": {"X-SystemId": "ID-taker", "X-SecretKey": "bí mật"},
}


@pytest.mark.parametrize("name", BAD_CREDENTIALS)
async def test_whoever_cannot_be_named_hears_code_15_on_every_call(axis: Axis, name: str) -> None:
    for method, operation in (
        ("POST", "sendEdoc"),
        ("GET", "syncReceivedEdocList"),
        ("GET", "getEdoc"),
        ("POST", "updateStatus"),
        ("GET", "getSentEdocList"),
    ):
        assert error(await axis.call(method, operation, None, headers=BAD_CREDENTIALS[name])) == "15"
        assert axis.status == 401


async def test_an_old_secret_works_until_it_is_taken_out_and_a_token_beside_it_is_ignored(axis: Axis) -> None:
    headers = {"X-SystemId": "ID-taker", "X-SecretKey": "old", "Authorization": "Bearer anything"}
    assert (await axis.call("GET", "syncReceivedEdocList", None, headers=headers))["success"]


async def test_a_client_that_insists_on_a_login_gets_a_token_that_opens_nothing(axis: Axis) -> None:
    login = {"username": "u", "password": "p", "applicationCode": "a"}
    answer = await axis.call("POST", "auth/login?allow_anonymous=true", None, json=login)
    assert (answer["code"], answer["success"]) == (200, True)
    headers = {"Authorization": f"Bearer {answer['data']['token']}"}
    assert error(await axis.call("GET", "syncReceivedEdocList", None, headers=headers)) == "15"
    assert (await axis.call("GET", "syncReceivedEdocList", TAKER, headers=headers))["success"]


async def test_another_systems_delivery_does_not_exist(axis: Axis) -> None:
    sent = await axis.send(codec.encode(DOCUMENT))
    doc_id = (await axis.list())[0]["docId"]
    for asked in (doc_id, sent["docId"], str(uuid.uuid4()), "", "x", "../../etc", "0" * 36):
        assert error(await axis.fetch(asked, SENDER)) == "10"
        assert error(await axis.update(asked, "done", SENDER)) == "10"
        assert axis.status == 404
    assert len(await axis.list()) == 2


def test_a_credential_shows_no_digest_and_an_empty_secret_is_none() -> None:
    assert secret_digest("x") not in repr(Credential(TAKER, (secret_digest("x"),)))
    with pytest.raises(ValueError, match="empty"):
        secret_digest("")


async def test_who_has_no_secrets_configured_is_nobody() -> None:
    identify = LgspIdentify({"a": Credential(TAKER, ())})
    with pytest.raises(Refusal) as caught:
        await identify(Knock("::1", {"x-systemid": "a", "x-secretkey": "b"}))
    assert caught.value.code == "auth.unknown"


# ------------------------------------------------------------------------------------------------- what is refused

EDXML = codec.encode(DOCUMENT)
FOREIGN = codec.encode(dataclasses.replace(DOCUMENT, sender=Organization("H37.99")))
BAD_FILES = {
    "not XML": (b"hello", "22", 422),
    "another root": (b"<EdXMLEnvelope/>", "22", 422),
    "a DOCTYPE": (b"<!DOCTYPE a>" + EDXML, "22", 422),
    "somebody else's sender": (FOREIGN, "19", 403),
    "too large": (b"x" * 200_001, "10", 413),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_file_that_cannot_be_accepted_is_refused_with_the_axis_code(axis: Axis, name: str) -> None:
    raw, code, status = BAD_FILES[name]
    answer = await axis.send(raw)
    assert (error(answer), axis.status) == (code, status)
    assert await axis.list() == []


async def test_the_same_id_with_other_content_is_refused(axis: Axis) -> None:
    await axis.send(EDXML)
    changed = codec.encode(dataclasses.replace(DOCUMENT, subject="khác"))
    assert error(await axis.send(changed)) == "21"
    assert axis.status == 409


async def test_a_refused_form_waits_in_quarantine_and_can_be_read_from_there(axis: Axis) -> None:
    await axis.send(FOREIGN)
    (item,) = await axis.store.quarantined()
    assert (item.peer, item.dialect, item.code) == ("sender", FORM_DIALECT, "auth.forbidden")
    kept = form_decoder(decode)(await axis.store.body(item.body.id)).content
    assert kept.sender.organ_id == "H37.99"


BAD_CALLS = {
    "no form": ({"data": EDXML, "headers": {"Content-Type": "application/xml"}}, 415),
    "no boundary": ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
    "an empty form": ({"data": b"--a--", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}, 400),
}


@pytest.mark.parametrize("name", BAD_CALLS)
async def test_what_is_no_form_with_a_file_is_refused(axis: Axis, name: str) -> None:
    options, status = BAD_CALLS[name]
    assert error(await axis.call("POST", "sendEdoc", SENDER, **options)) == "10"
    assert axis.status == status


async def test_an_unknown_message_type_is_refused(axis: Axis) -> None:
    assert error(await axis.send(EDXML, "letter")) == "10"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"docId":',
        b'{"docId":"a","docId":"b","status":"done"}',
        b'{"status":"done"}',
        b'{"docId":5,"status":"done"}',
        b'{"docId":"DOC"}',
        b'{"docId":"DOC","status":""}',
        b'{"docId":"DOC","status":null}',
        b'{"docId":"DOC","status":true}',
        b'{"docId":"DOC","status":["done"]}',
        b'{"docId":"DOC","status":"finished"}',
        b'{"docId":"DOC","status":"17"}',
        b'{"docId":"DOC","status":"00"}',
        b'{"docId":"DOC","status":"done","reason":5}',
        b'{"docId":"DOC","status":"fail","reason":"' + b"a" * 2001 + b'"}',
    ],
)
async def test_an_update_that_says_nothing_usable_changes_nothing(axis: Axis, body: bytes) -> None:
    await axis.send(EDXML)
    doc_id = (await axis.list())[0]["docId"].encode()
    assert error(await axis.call("POST", "updateStatus", TAKER, data=body.replace(b"DOC", doc_id))) == "10"
    assert len(await axis.list()) == 2


def test_every_fault_has_a_code_of_the_axis() -> None:
    for code, fault in FAULTS.items():
        said = code_of(Refusal(code))
        assert said in MEANINGS and said != "0"
        assert (said == "20") == (fault.status >= 500 or fault.status == 429)


async def test_a_busy_gateway_asks_for_a_retry() -> None:
    endpoints = LgspEndpoints(*[None] * 5)  # type: ignore[arg-type]
    reply = endpoints.refuse(Refusal("limit.busy", retry_after=1.2), "en", "ref-1")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
    answer = json.loads(reply.body)
    assert error(answer) == "20"
    assert answer["message"] == FAULTS["limit.busy"].en
    assert "ref-1" in answer["data"]["errorDesc"] and "limit.busy" in answer["data"]["errorDesc"]


# ------------------------------------------------------------------------------------------------- settings


class TestSoftRefusals:
    @pytest.fixture
    def settings(self) -> ServedSettings:
        return ServedSettings(soft_refusals=True)

    async def test_content_is_refused_with_200_but_strangers_are_not(self, axis: Axis) -> None:
        assert error(await axis.send(b"hello")) == "22"
        assert axis.status == 200
        assert error(await axis.call("GET", "getEdoc", None)) == "15"
        assert axis.status == 401


class TestMembers:
    @pytest.fixture
    def settings(self) -> ServedSettings:
        return ServedSettings(members=frozenset({"data"}))

    async def test_only_the_members_configured_are_given(self, axis: Axis) -> None:
        await axis.send(EDXML)
        data = (await axis.fetch((await axis.list())[0]["docId"]))["data"]
        assert set(data) == {"docId", "from", "fromName", "edocCode", "edocAbstract", "data"}
        assert base64.b64decode(data["data"]) == EDXML


class TestNoBusinessStatuses:
    @pytest.fixture
    def settings(self) -> ServedSettings:
        return ServedSettings(business_statuses=False)

    async def test_a_number_is_no_status(self, axis: Axis) -> None:
        await axis.send(EDXML)
        assert error(await axis.update((await axis.list())[0]["docId"], "03")) == "10"
        assert len(await axis.list()) == 2


# ------------------------------------------------------------------------------------------------- business statuses


@pytest.mark.parametrize("given", ["03", "3", 3])
async def test_a_number_in_update_status_reaches_the_issuer_as_a_business_status(axis: Axis, given: object) -> None:
    await axis.send(EDXML)
    doc_id = (await axis.list())[0]["docId"]
    for _ in range(2):
        assert (await axis.update(doc_id, given, reason="đã vào sổ"))["success"]
    (row,) = await axis.list(SENDER, "status")
    raw = base64.b64decode((await axis.fetch(row["docId"], SENDER))["data"]["data"])
    content = codec.decode(raw).content
    assert isinstance(content, DocumentStatus)
    assert (content.status, content.description, content.sender) == (3, "đã vào sổ", DOCUMENT.recipients[0])
    assert content.about == ResponseFor("H37.DN.001", "125/CV-VP", DOCUMENT.document_id, date(2026, 11, 20))
    assert conformance.is_strict(raw)
    assert doc_id not in [item["docId"] for item in await axis.list()]


async def test_being_processed_may_be_told_again_and_other_statuses_follow_it(axis: Axis) -> None:
    await axis.send(EDXML)
    doc_id = (await axis.list())[0]["docId"]
    for given in ("05", "05", "06"):
        axis.clock.looks += 60_000
        assert (await axis.update(doc_id, given))["success"]
    assert len(await axis.list(SENDER, "status")) == 3


async def test_a_status_about_a_status_is_refused(axis: Axis) -> None:
    await axis.send(EDXML)
    await axis.update((await axis.list())[0]["docId"], "01")
    (row,) = await axis.list(SENDER, "status")
    assert error(await axis.update(row["docId"], "03", SENDER)) == "10"
    assert (await axis.update(row["docId"], "done", SENDER))["success"]


# ------------------------------------------------------------------------------------------------- what was sent


async def test_the_sender_sees_where_each_recipient_is(axis: Axis) -> None:
    sent = await axis.send(EDXML)
    first, second = (row["docId"] for row in await axis.list())
    await axis.update(first, "done")
    await axis.store.end(ours(second), State.CANCELLED, "cancelled", "gửi nhầm", "chị Lan")
    rows = (await axis.call("GET", "getSentEdocList", SENDER))["data"]
    assert [(row["toCode"], row["sendStatus"], row["senderDocId"]) for row in rows] == [
        ("H37.02", "done", sent["docId"]),
        ("H37.03", "fail", sent["docId"]),
    ]
    assert (rows[0]["title"], rows[0]["notation"], rows[0]["receivedTime"][:10]) == (
        *("V/v báo cáo", "125/CV-VP", "2026/11/20"),
    )
    assert "gửi nhầm" in rows[1]["sendStatusDesc"] and rows[1]["receivedTime"] == ""
    for who, query, count in (
        (SENDER, {"docId": sent["docId"]}, 2),
        (SENDER, {"messageType": "status"}, 0),
        (TAKER, {}, 0),
        (TAKER, {"docId": sent["docId"]}, 0),
    ):
        assert (await axis.call("GET", "getSentEdocList", who, params=query))["count"] == count


async def test_a_notice_is_read_in_the_list_of_what_was_sent_and_is_delivered_by_that() -> None:
    house = House()
    failed, fine = house.put(document("H53.01"), peer="qlvb"), house.put(document("H53.01", subject="x"), peer="qlvb")
    house.deliver(failed, "vxp", state=State.EXPIRED, code="expired")
    house.deliver(fine, "vxp", state=State.DELIVERED)
    notices = [
        house.deliver(
            house.put_raw(notice("H53.01"), b"{}"), "qlvb", "H53.01", purpose=Purpose.NOTICE, conversation=about
        )
        for about in (f"notice|{failed.id}", f"notice|{fine.id}", "notice|" + "f" * 32)
    ]
    rows = await Sent(house, house).rows("qlvb", "edoc", "")
    assert sorted((row["sendStatus"], row["sendStatusDesc"]) for row in rows) == [
        ("done", "Đã chuyển"),
        ("fail", "Hết hạn mà chưa chuyển được (expired)"),
    ]
    assert house.settlements == [(notices[0].id, "qlvb", True, "getSentEdocList")]


async def test_many_statuses_hide_no_document(axis: Axis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.lgsp.served.MOST_LISTED", 2)
    status = DocumentStatus(Organization("H37.02"), ResponseFor("H37.DN.001", "1", DOCUMENT.document_id), 5)
    for minute in range(3):
        raw = codec.encode(dataclasses.replace(status, at=datetime(2026, 11, 20, 8, minute)))
        assert (await axis.send(raw, "status", TAKER))["success"]
    back = dataclasses.replace(DOCUMENT, sender=Organization("H37.02"), recipients=(Organization("H37.DN.001"),))
    assert (await axis.send(codec.encode(back), "edoc", TAKER))["success"]
    assert len(await axis.list(SENDER, "status")) == 2
    assert len(await axis.list(SENDER)) == 1
