"""The regional axis as a destination and a polled platform, against a scripted server that records every request."""

from __future__ import annotations

import asyncio
import base64
import copy
import dataclasses
import json
import pickle
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from leased import leased
from structlog.testing import capture_logs

from adapters.lgsp import Account, LgspPlatform, LgspSettings, Login, Secret
from adapters.lgsp.answers import LgspFault, read
from adapters.lgsp.form import boundary_of, parse
from adapters.lgsp.waiting import MOST_REMEMBERED, Recently, Window
from adapters.vxp import codec, conformance, decode
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.errors import GatewayError, Refusal
from gateway.model.delivery import Deferred, Delivered, Delivery, Outcome, Purpose, Rejected
from gateway.model.document import Attachment, Code, Document, DocumentType, Organization, Promulgation, Signer
from gateway.model.message import BodyRef, Envelope, Kind, Message
from gateway.model.party import Parties
from gateway.pace import Pace
from gateway.ports import Outbound, Parcel, Poller, PollFault, Repeat

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
SECRET = "a-secret-that-must-not-show"
OK = {"success": True, "message": "OK", "docId": "axis-1"}
DOCUMENT = Document(
    Organization("H37.01", "Sở"),
    (Organization("000.00.00.G22", "VPCP"),),
    "H37.01,2026/11/22,1/SCT",
    Code("1", "SCT"),
    Promulgation("Lạng Sơn", date(2026, 11, 22)),
    DocumentType(1, 0, "Công văn"),
    subject="Về việc thử",
    signer=Signer("KT.", "Giám đốc", "Nguyễn Văn A"),
    attachments=(Attachment("a.pdf", b"%PDF-1.7 \x00\xff"),),
)
BARE = dataclasses.replace(DOCUMENT, attachments=())
EDXML = codec.encode(DOCUMENT)


@dataclass(frozen=True, slots=True)
class Http:
    """An answer of any status."""

    status: int
    text: str
    headers: dict[str, str]


Answers = Http | dict[str, Any] | bytes


class MovableClock(SystemClock):
    def __init__(self) -> None:
        self.moved = timedelta()

    def now(self) -> datetime:
        return NOW + self.moved

    def monotonic(self) -> float:
        return super().monotonic() + self.moved.total_seconds()


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> dict[str, bytes]:
        found = parse(self.body, boundary_of(self.headers["Content-Type"]))
        return {part.name: bytes(part.content) for part in found}


class Server:
    """Gives the answers in `replies` in turn, the last one for ever; logins are answered apart, with `token`."""

    def __init__(self) -> None:
        self.replies: list[Answers] = [OK]
        self.asked: list[Asked] = []
        self.logins: list[Asked] = []
        self.token: Answers = {"code": 200, "message": "ok", "data": {"id": "1", "token": "token-1"}}

    async def handle(self, request: web.Request) -> web.Response:
        asked = Asked(request.method, request.path, dict(request.query), dict(request.headers), await request.read())
        if request.path.endswith("/auth/login"):
            self.logins.append(asked)
            return self._response(self.token)
        self.asked.append(asked)
        return self._response(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])

    @staticmethod
    def _response(reply: Answers) -> web.Response:
        if isinstance(reply, dict):
            return web.json_response(reply)
        if isinstance(reply, bytes):
            return web.Response(body=reply)
        return web.Response(status=reply.status, text=reply.text, headers=reply.headers)


@dataclass(slots=True)
class Rig:
    server: Server
    platform: LgspPlatform
    clock: MovableClock

    async def send(self, *replies: Answers, **changes: Any) -> Outcome:
        self.server.replies = list(replies)
        return await self.platform.send(delivery(**changes), message(), EDXML, 10)

    async def acknowledge(self, *replies: Answers, reference: str = "axis-9", status: str = "done") -> Outcome:
        self.server.replies = list(replies)
        about = delivery(purpose=Purpose.ACKNOWLEDGEMENT, instruction=self.platform.acknowledgement(reference, status))
        wire = self.platform.encode(Parcel(about, None, b"", lambda: DOCUMENT))
        return await self.platform.send(about, None, wire, 10)

    async def list(self, *rows: dict[str, Any], type: str = "edoc") -> list[str]:
        self.server.replies = [{"success": True, "count": len(rows), "data": list(rows)}]
        return [item.reference for item in await self.platform.list(type)]

    async def fetch(self, reply: Answers, reference: str = "axis-9") -> Any:
        self.server.replies = [reply]
        return await self.platform.fetch(reference)


@asynccontextmanager
async def rig(pace: Any = None, **options: Any) -> AsyncIterator[Rig]:
    server = Server()
    app = web.Application(client_max_size=100_000_000)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/thu/"
    options.setdefault("accounts", (Account("H37.01", Secret(SECRET)),))
    settings = LgspSettings("lgsp", url, **options)
    clock = MovableClock()
    pace = pace or Pace(1000, clock, Random(1))
    try:
        async with Client([url]) as client:
            yield Rig(
                server,
                LgspPlatform(settings, client, clock, pace, decode, codec.encode, conformance.is_strict),
                clock,
            )
    finally:
        await runner.cleanup()


def delivery(**changes: Any) -> Delivery:
    return leased(NOW, **{"destination": "lgsp", **changes})


def message(kind: Kind = Kind.DOCUMENT, dialect: str = "edxml", sender: str = "H37.01") -> Message:
    envelope = Envelope(kind, sender, ("000.00.00.G22",), "i", "c")
    return Message("m1", envelope, "qlvb", dialect, "", NOW, "0" * 64, BodyRef("b", "0" * 64, 1))


def parcel(raw: bytes, about: Message | None, **changes: Any) -> Parcel:
    return Parcel(delivery(**changes), about, raw, lambda: DOCUMENT)


def http(status: int, body: Any = None, **headers: str) -> Http:
    text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
    return Http(status, text, headers)


def failure(code: str | None, words: str = "", **beside: Any) -> dict[str, Any]:
    data = {"docId": None, "status": "error", "errorCode": code, "errorDesc": words}
    return {"success": False, "message": "Lỗi", "data": data, **beside}


# ------------------------------------------------------------------------------------------------- encode


async def test_the_platform_is_what_the_ports_ask_for() -> None:
    async with rig() as it:
        outbound: Outbound = it.platform
        poller: Poller = it.platform
        assert (outbound.repeat, outbound.dialect, tuple(poller.types)) == (Repeat.VISIBLE, "edxml", ("edoc", "status"))


async def test_a_conformant_original_leaves_unchanged_and_any_other_is_written_anew_the_same_each_time() -> None:
    raw = EDXML.replace(b"?>", b"?>\n<!-- as it came -->", 1)
    async with rig() as it:
        assert it.platform.encode(parcel(raw, message())) is raw
        for other, about in ((b'{"json": 1}', message(dialect="rest-json")), (b"<edXML/>", message())):
            wire = it.platform.encode(parcel(other, about))
            assert wire == it.platform.encode(parcel(other, about, attempts=5)) == EDXML


async def test_what_could_not_be_sent_conformant_is_refused_when_it_is_accepted() -> None:
    poor = dataclasses.replace(DOCUMENT, promulgation=Promulgation())
    async with rig() as it:
        it.platform.examine(DOCUMENT, "rest-json")
        it.platform.examine(poor, "edxml")
        with pytest.raises(Refusal) as caught:
            it.platform.examine(poor, "rest-json")
        assert caught.value.code == "edxml.strict"


# ------------------------------------------------------------------------------------------------- sendEdoc


async def test_the_file_arrives_byte_for_byte_with_its_type_and_our_credentials() -> None:
    async with rig() as it:
        outcome = await it.send(OK)
        assert outcome == Delivered("axis-1", json.dumps(OK).encode())
        (asked,) = it.server.asked
        assert (asked.method, asked.path) == ("POST", "/thu/v1/sendEdoc")
        assert (asked.headers["X-SystemId"], asked.headers["X-SecretKey"]) == ("H37.01", SECRET)
        assert "Authorization" not in asked.headers
        assert asked.parts == {"messageType": b"edoc", "edocFile": EDXML}
        assert asked.headers["Content-Length"] == str(len(asked.body))


async def test_a_status_is_sent_as_status_and_a_retry_sends_the_same_bytes() -> None:
    async with rig() as it:
        for _ in range(2):
            await it.platform.send(delivery(), message(Kind.STATUS), EDXML, 10)
        first, second = it.server.asked
        assert first.parts["messageType"] == b"status"
        assert first.body == second.body


async def test_a_large_file_arrives_whole() -> None:
    wire = bytes(range(256)) * 8000
    async with rig() as it:
        assert isinstance(await it.platform.send(delivery(), message(), wire, 30), Delivered)
        assert it.server.asked[0].parts["edocFile"] == wire


ACCEPTED = [
    {"success": True, "message": "OK", "docId": "d"},
    {"success": True, "data": {"docId": "d", "status": "OK", "errorCode": "0", "errorDesc": ""}},
    {"data": {"docId": "d", "status": "initial", "errorCode": 0, "errorDesc": None}},
    {"code": 200, "message": "ok", "data": {"docId": "d"}, "errorDetail": []},
    {"code": 0, "data": {"docId": "d"}},
    {"code": "200", "docId": "d", "data": None},
]


@pytest.mark.parametrize("answer", ACCEPTED)
async def test_every_shape_of_yes_is_delivered_with_the_axis_id(answer: dict[str, Any]) -> None:
    async with rig() as it:
        outcome = await it.send(answer)
        assert isinstance(outcome, Delivered) and outcome.reference == "d"


async def test_a_yes_without_an_id_is_a_yes() -> None:
    async with rig() as it:
        assert await it.send({"success": True, "data": {"docId": None}}) == Delivered(
            "", b'{"success": true, "data": {"docId": null}}'
        )


REFUSED = ["10", "18", "19", "21", "22", "23"]


@pytest.mark.parametrize("status", [200, 400, 422, 500])
@pytest.mark.parametrize("code", REFUSED)
async def test_codes_about_this_document_end_it_whatever_the_http_status(code: str, status: int) -> None:
    async with rig() as it:
        outcome = await it.send(http(status, failure(code)))
        assert isinstance(outcome, Rejected) and outcome.code == "lgsp.refused"
        assert outcome.detail.startswith(f"{code}: ") and len(outcome.detail) > 5


@pytest.mark.parametrize(
    ("answer", "code", "fault"),
    [
        (failure("20", "Lỗi hệ thống"), "lgsp.system", False),
        (failure("15", "Sai SystemId"), "lgsp.unauthorised", True),
        (http(401, failure("15")), "lgsp.unauthorised", True),
        (http(500, failure("20")), "lgsp.system", False),
        (failure("99", "?"), "lgsp.fail", False),
        (failure(None, "không rõ"), "lgsp.fail", False),
        ({"success": False, "message": "hỏng"}, "lgsp.fail", False),
        ({"code": 200, "errorDetail": [{"exception": "x"}], "data": None}, "lgsp.fail", False),
        ({"code": 500, "message": "x"}, "lgsp.fail", False),
        ({"code": 200, "data": {"status": "FAIL"}}, "lgsp.fail", False),
        ({"success": True, "data": {"status": "error"}}, "lgsp.fail", False),
    ],
)
async def test_any_other_failure_is_tried_again_and_is_not_unknown(answer: Answers, code: str, fault: bool) -> None:
    async with rig() as it:
        outcome = await it.send(answer)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.fault, outcome.unknown) == (code, fault, False)


async def test_a_failure_beside_a_success_is_a_failure() -> None:
    async with rig() as it:
        answer = {"success": True, "code": 200, "data": {"errorCode": "18", "docId": "d"}}
        assert isinstance(await it.send(answer), Rejected)


async def test_which_codes_mean_never_is_configuration() -> None:
    async with rig(rejected_codes=frozenset({"20"})) as it:
        assert isinstance(await it.send(failure("20")), Rejected)
        assert isinstance(await it.send(failure("18")), Deferred)


GARBAGE: list[Answers] = [
    b"",
    b"ok",
    b"<html>",
    b"[]",
    b"null",
    b'{"data":',
    {},
    {"data": {"docId": "d"}},
    {"success": "true"},
    {"success": False, "data": {"errorCode": "0"}},
    b"[" * 100_000,
]


@pytest.mark.parametrize("answer", GARBAGE, ids=range(len(GARBAGE)))
async def test_an_answer_that_says_neither_leaves_the_outcome_unknown(answer: Answers) -> None:
    async with rig() as it:
        outcome = await it.send(answer)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.unknown) == ("lgsp.garbage", True)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected("lgsp.request", "HTTP 400")),
        (413, Rejected("lgsp.too_large", "HTTP 413")),
        (415, Rejected("lgsp.request", "HTTP 415")),
        (401, Deferred("lgsp.unauthorised", "HTTP 401", 9.0)),
        (403, Deferred("lgsp.unauthorised", "HTTP 403", 9.0)),
        (404, Deferred("lgsp.http", "HTTP 404", 9.0)),
        (429, Deferred("lgsp.rate", "HTTP 429", 9.0)),
        (500, Deferred("lgsp.unavailable", "HTTP 500", 9.0, unknown=True)),
        (502, Deferred("lgsp.unavailable", "HTTP 502", 9.0, unknown=True)),
        (503, Deferred("lgsp.unavailable", "HTTP 503", 9.0)),
    ],
)
async def test_http_failures_without_a_code(status: int, expected: Outcome) -> None:
    async with rig() as it:
        assert await it.send(http(status, "<html>", **{"Retry-After": "9"})) == expected


async def test_a_cut_after_sending_is_unknown_and_nobody_listening_is_not() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"--\r\n")
        writer.transport.abort()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = LgspSettings("lgsp", url, (Account("a", Secret("s")),))
    clock = SystemClock()
    async with Client([url]) as client:
        platform = LgspPlatform(
            settings, client, clock, Pace(1000, clock, Random(1)), decode, codec.encode, conformance.is_strict
        )
        outcome = await platform.send(delivery(), message(), EDXML, 10)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.unknown) == ("lgsp.cut", True)
        server.close()
        await server.wait_closed()
        outcome = await platform.send(delivery(), message(), EDXML, 10)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.unknown) == ("lgsp.unreachable", False)


@pytest.mark.parametrize("about", [None, message(Kind.OPAQUE), message(Kind.NOTICE)])
async def test_bytes_nobody_could_read_are_not_sent(about: Message | None) -> None:
    async with rig() as it:
        assert it.platform.encode(parcel(b"\x00", about)) == b"\x00"
        outcome = await it.platform.send(delivery(), about, b"\x00", 10)
        assert isinstance(outcome, Rejected) and outcome.code == "lgsp.opaque"
        assert it.server.asked == []


# ------------------------------------------------------------------------------------------------- accounts and tokens


TWO = (
    Account("H37.01", Secret("one"), Parties(("H37.01",))),
    Account("H37.DN.002", Secret("two"), Parties(("H37.02", "H37.03.*"))),
)


async def test_each_sender_uses_its_own_account_and_one_without_is_refused() -> None:
    async with rig(accounts=TWO) as it:
        for sender in ("H37.01", "H37.02", "H37.03.07"):
            assert isinstance(await it.platform.send(delivery(), message(sender=sender), EDXML, 10), Delivered)
        used = [(asked.headers["X-SystemId"], asked.headers["X-SecretKey"]) for asked in it.server.asked]
        assert used == [("H37.01", "one"), ("H37.DN.002", "two"), ("H37.DN.002", "two")]
        outcome = await it.platform.send(delivery(), message(sender="H37.09"), EDXML, 10)
        assert isinstance(outcome, Rejected) and outcome.code == "lgsp.account"


async def test_each_account_is_polled_fetched_and_acknowledged_as_itself() -> None:
    async with rig(accounts=TWO) as it:
        assert it.platform.types == ("edoc", "status", "edoc:H37.DN.002", "status:H37.DN.002")
        assert await it.list({"docId": "d1"}) == ["d1"]
        assert await it.list({"docId": "d1"}, type="status:H37.DN.002") == ["H37.DN.002/d1"]
        await it.fetch({"success": True, "data": {"edxml": "<edXML/>"}}, "H37.DN.002/d1")
        await it.acknowledge(OK, reference="H37.DN.002/d1")
        await it.acknowledge(OK, reference="d1")
        used = [asked.headers["X-SystemId"] for asked in it.server.asked]
        assert used == ["H37.01", "H37.DN.002", "H37.DN.002", "H37.DN.002", "H37.01"]
        assert it.server.asked[1].query["messageType"] == "status"
        assert it.server.asked[2].query == {"docId": "d1"}
        assert [json.loads(asked.body)["docId"] for asked in it.server.asked[3:]] == ["d1", "d1"]


LOGIN = Login("tich-hop", Secret("pass-that-must-not-show"), "APP")


async def test_one_login_serves_all_calls_until_its_token_is_old() -> None:
    async with rig(login=LOGIN) as it:
        await asyncio.gather(*(it.platform.send(delivery(), message(), EDXML, 10) for _ in range(3)))
        assert {asked.headers["Authorization"] for asked in it.server.asked} == {"Bearer token-1"}
        (login,) = it.server.logins
        assert (login.path, login.query) == ("/thu/v1/auth/login", {"allow_anonymous": "true"})
        assert "X-SecretKey" not in login.headers
        assert json.loads(login.body) == {
            "username": "tich-hop",
            "password": "pass-that-must-not-show",
            "applicationCode": "APP",
            "otp": None,
            "twoFactorProvider": None,
            "typeObjs": [0, 1],
        }
        it.clock.moved = timedelta(minutes=26)
        await it.send(OK)
        assert len(it.server.logins) == 2


async def test_a_token_that_is_refused_is_replaced_for_the_next_try() -> None:
    async with rig(login=LOGIN) as it:
        outcome = await it.send(http(401, "licenseInfo:invalid"))
        assert isinstance(outcome, Deferred) and outcome.code == "lgsp.unauthorised"
        it.server.token = {"data": {"token": "token-2"}, "code": 200}
        assert isinstance(await it.send(OK), Delivered)
        assert it.server.asked[-1].headers["Authorization"] == "Bearer token-2"


@pytest.mark.parametrize(
    "token",
    [
        {"code": 200, "data": {}},
        {"success": False, "message": "sai mật khẩu", "data": {"token": "t"}},
        {"code": 200, "data": {"token": "a\r\nX-Evil: 1"}},
        {"code": 200, "data": {"token": "ế"}},
        b"<html>",
        http(503),
    ],
)
async def test_without_a_token_nothing_is_sent(token: Answers) -> None:
    async with rig(login=LOGIN) as it:
        it.server.token = token
        outcome = await it.send(OK)
        assert isinstance(outcome, Deferred) and (outcome.code, outcome.unknown) == ("lgsp.login", False)
        with pytest.raises(PollFault):
            await it.platform.list("edoc")
        assert it.server.asked == []


# ------------------------------------------------------------------------------------------------- the agreed rate


class Congestion(GatewayError):
    wait = 7.0


class ScriptedPace:
    """Says what it was told, and gives no turn if it is full."""

    def __init__(self, full: bool = False) -> None:
        self.full = full
        self.told: list[str] = []

    async def turn(self, patience: float) -> None:
        assert 0 < patience <= 300
        self.told.append("turn")
        if self.full:
            raise Congestion("full")

    def answered(self) -> None:
        self.told.append("answered")

    def failed(self) -> None:
        self.told.append("failed")

    def pause(self, seconds: float) -> None:
        self.told.append(f"pause {seconds:g}")


async def test_without_a_turn_nothing_is_sent() -> None:
    async with rig(ScriptedPace(full=True)) as it:
        outcome = await it.send(OK)
        assert isinstance(outcome, Deferred)
        assert (outcome.code, outcome.retry_after, outcome.fault, outcome.unknown) == ("lgsp.pace", 7.0, False, False)
        with pytest.raises(LgspFault, match=r"lgsp\.pace"):
            await it.platform.list("edoc")
        assert it.server.asked == []


async def test_the_pace_learns_how_the_axis_is() -> None:
    pace = ScriptedPace()
    async with rig(pace) as it:
        for reply in (OK, http(503), http(429, **{"Retry-After": "30"}), failure("18")):
            await it.send(reply)
    assert pace.told == [
        *("turn", "answered"),
        *("turn", "failed"),
        *("turn", "pause 30", "answered"),
        *("turn", "answered"),
    ]
    await it.platform.send(delivery(), message(), EDXML, 10)
    assert pace.told[-2:] == ["turn", "failed"]


# ------------------------------------------------------------------------------------------------- updateStatus


@pytest.mark.parametrize("status", ["done", "processing", "fail"])
async def test_an_acknowledgement_is_json_with_the_axis_id(status: str) -> None:
    async with rig() as it:
        assert isinstance(await it.acknowledge({"code": 200, "data": {"status": "OK"}}, status=status), Delivered)
        (asked,) = it.server.asked
        assert (asked.method, asked.path) == ("POST", "/thu/v1/updateStatus")
        assert asked.headers["Content-Type"] == "application/json"
        assert json.loads(asked.body) == {"docId": "axis-9", "status": status}


async def test_another_word_is_no_acknowledgement() -> None:
    async with rig() as it:
        with pytest.raises(ValueError, match="01"):
            it.platform.acknowledgement("axis-9", "01")


async def test_an_acknowledgement_is_never_unknown_because_repeating_it_changes_nothing() -> None:
    async with rig() as it:
        for reply in (http(500), b"garbage"):
            outcome = await it.acknowledge(reply)
            assert isinstance(outcome, Deferred) and not outcome.unknown


async def test_a_code_that_says_nothing_is_left_to_do_settles_an_acknowledgement_only() -> None:
    async with rig(settled_codes=frozenset({"21"})) as it:
        outcome = await it.acknowledge(failure("21"))
        assert isinstance(outcome, Delivered) and outcome.code == "lgsp.settled"
        assert isinstance(await it.send(failure("21")), Rejected)


# ------------------------------------------------------------------------------------------------- the list


def row(doc_id: Any, created: str = "2026/11/22 07:00:00", status: str = "initial", **more: Any) -> dict[str, Any]:
    return {"docId": doc_id, "createdTime": created, "status": status, "messageType": "edoc", **more}


async def test_the_list_asks_for_days_with_slashes_and_gives_each_id_once() -> None:
    async with rig() as it:
        it.server.replies = [{"success": True, "count": 3, "data": [row("a"), row("b"), row("a")]}]
        listed = await it.platform.list("status")
        (asked,) = it.server.asked
        assert (asked.method, asked.path) == ("GET", "/thu/v1/syncReceivedEdocList")
        assert asked.query == {"messageType": "status", "fromDate": "2026/10/23", "toDate": "2026/11/23"}
        assert [item.reference for item in listed] == ["a", "b"]
        assert listed[0].created_at == datetime(2026, 11, 22, tzinfo=UTC)


async def test_what_was_taken_already_is_not_taken_again() -> None:
    async with rig() as it:
        rows = [row("a", status="done"), row("b", status="FAIL"), row("c", status="processing"), row("d", status="")]
        assert await it.list(*rows) == ["c", "d"]


async def test_rows_that_name_nothing_usable_are_counted_in_the_log() -> None:
    async with rig() as it:
        with capture_logs() as lines:
            assert await it.list(row(""), row(None), row("a\nb"), row("x" * 256), row([1]), row(5)) == ["5"]
        assert [line["rows"] for line in lines if line["event"] == "lgsp.list.unusable"] == [5]


@pytest.mark.parametrize(
    "answer", [{"success": True, "data": None}, {"code": 200, "count": 0}, {"code": 0, "data": []}]
)
async def test_nothing_waiting_is_an_empty_list(answer: dict[str, Any]) -> None:
    async with rig() as it:
        it.server.replies = [answer]
        assert await it.platform.list("edoc") == ()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"<html>", "lgsp.garbage"),
        ({"success": True, "data": {"a": 1}}, "lgsp.garbage"),
        ({"success": True, "data": "text"}, "lgsp.garbage"),
        (failure("15"), "lgsp.unauthorised"),
        (failure("20"), "lgsp.system"),
        ({"code": 200, "errorDetail": ["x"], "data": []}, "lgsp.fail"),
        (http(401), "lgsp.unauthorised"),
        (http(503), "lgsp.unavailable"),
        (http(404), "lgsp.http"),
    ],
)
async def test_a_list_that_did_not_come_is_a_fault_of_the_round(answer: Answers, code: str) -> None:
    async with rig() as it:
        it.server.replies = [answer]
        with pytest.raises(LgspFault) as caught:
            await it.platform.list("edoc")
        assert caught.value.code == code


def days(it: Rig) -> tuple[str, str]:
    return it.server.asked[-1].query["fromDate"], it.server.asked[-1].query["toDate"]


async def test_the_window_reaches_back_to_the_oldest_package_still_open() -> None:
    async with rig() as it:
        await it.list(row("old", "2026/11/05 08:00:00"), row("new"))
        assert days(it) == ("2026/10/23", "2026/11/23")
        it.clock.moved = timedelta(days=3)
        await it.list(row("old", "2026/11/05 08:00:00"))
        assert days(it) == ("2026/11/04", "2026/11/26")
        await it.list(row("old", "2026/11/05 08:00:00", "done"))
        assert days(it) == ("2026/11/04", "2026/11/26")
        await it.list()
        assert days(it) == ("2026/11/24", "2026/11/26")
        it.clock.moved = timedelta(days=10)
        await it.list()
        assert days(it) == ("2026/11/24", "2026/12/03")


async def test_a_list_that_failed_moves_no_window() -> None:
    async with rig() as it:
        await it.list()
        it.clock.moved = timedelta(days=9)
        it.server.replies = [http(503)]
        for _ in range(2):
            with pytest.raises(PollFault):
                await it.platform.list("edoc")
        await it.list()
        assert days(it) == ("2026/11/21", "2026/12/02")


async def test_a_package_without_a_readable_time_keeps_the_window_where_it_is() -> None:
    async with rig() as it:
        for _ in range(3):
            assert await it.list(row("a", "hôm qua")) == ["a"]
            assert days(it) == ("2026/10/23", "2026/11/23")


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=30), st.integers(0, 20))
def test_no_open_package_ever_falls_out_of_the_window(arrivals: list[tuple[int, bool]], gap: int) -> None:
    """Packages arrive on any day; whatever is still open at a list is inside the next list's days."""
    window = Window(30, 1)
    now = NOW
    seen: list[datetime] = []
    for later, taken in arrivals:
        now += timedelta(days=gap % 5)
        first, last = window.days(now)
        assert all(first <= at.astimezone(UTC).date() + timedelta(days=1) and at <= now for at in seen)
        assert last > now.date()
        created = now - timedelta(days=min(later, 29))
        seen = [] if taken else [at for at in [*seen, created] if at.date() >= first]
        window.listed(now, first, seen)


async def test_an_acknowledged_package_that_is_still_listed_is_left_alone_for_an_hour() -> None:
    async with rig() as it:
        assert await it.list(row("a"), row("b")) == ["a", "b"]
        await it.acknowledge(http(503), reference="a")
        assert await it.list(row("a"), row("b")) == ["a", "b"]
        await it.acknowledge(OK, reference="a")
        assert await it.list(row("a"), row("b")) == ["b"]
        it.clock.moved = timedelta(hours=1, seconds=1)
        assert await it.list(row("a"), row("b")) == ["a", "b"]


def test_what_is_remembered_is_bounded() -> None:
    recently = Recently(10)
    for number in range(MOST_REMEMBERED + 1):
        recently.note(str(number), 0.0)
    assert not recently.has("0", 1.0) and recently.has("1", 1.0) and not recently.has("1", 11.0)


# ------------------------------------------------------------------------------------------------- getEdoc

TEXT = EDXML.decode()
BASE64 = base64.b64encode(EDXML).decode()


@pytest.mark.parametrize(
    "answer",
    [
        {"success": True, "data": {"docId": "a", "edxml": TEXT}},
        {"success": True, "data": {"docId": "a", "edxml": BASE64}},
        {"code": 200, "data": {"data": BASE64}, "errorDetail": []},
        {"code": 200, "data": {"data": BASE64, "edxml": "<other/>"}},
        {"code": 200, "data": BASE64},
        {"success": True, "data": {"edxml": TEXT, "attachments": [{"fileName": "b", "fileContent": "AAAA"}]}},
        {"success": True, "data": {"edxml": TEXT, "attachments": [{"fileContent": "damaged"}]}},
        {"success": True, "data": {"edxml": TEXT, "attachments": None, "status": "fail"}},
    ],
)
async def test_the_package_comes_byte_for_byte_however_it_is_carried(answer: dict[str, Any]) -> None:
    async with rig() as it:
        fetched = await it.fetch(answer, "a/b?c&d")
        assert (fetched.raw, fetched.refusal) == (EDXML, None)
        (asked,) = it.server.asked
        assert (asked.method, asked.path, asked.query) == ("GET", "/thu/v1/getEdoc", {"docId": "a/b?c&d"})


async def test_attachments_given_only_beside_the_package_are_not_lost() -> None:
    async with rig() as it:
        beside = [{"fileName": "a.pdf", "fileContent": base64.b64encode(b"%PDF-1.7 \x00\xff").decode()}]
        answer = {"success": True, "data": {"edxml": codec.encode(BARE).decode(), "attachments": beside}}
        with capture_logs() as lines:
            fetched = await it.fetch(answer)
        content = decode(fetched.raw).content
        assert isinstance(content, Document)
        assert [(item.name, item.content) for item in content.attachments] == [("a.pdf", b"%PDF-1.7 \x00\xff")]
        assert any(line["event"] == "lgsp.attachments.beside" for line in lines)


@pytest.mark.parametrize("beside", [[{"fileName": "a", "fileContent": "AAA"}], ["text"], [{"fileName": "a"}]])
async def test_a_damaged_attachment_beside_the_package_sends_it_to_quarantine(beside: list[Any]) -> None:
    async with rig() as it:
        raw = codec.encode(BARE)
        fetched = await it.fetch({"success": True, "data": {"edxml": raw.decode(), "attachments": beside}})
        assert fetched.raw == raw
        assert fetched.refusal is not None and fetched.refusal.code == "edxml.base64"


async def test_an_unreadable_package_is_kept_as_it_came() -> None:
    async with rig() as it:
        fetched = await it.fetch({"success": True, "data": {"edxml": "không phải \ud800"}})
        assert fetched.raw == "không phải \ud800".encode("utf-8", "surrogatepass")
        assert fetched.refusal is not None and fetched.refusal.code == "edxml.base64"
        odd = await it.fetch({"success": True, "data": {"edxml": "<odd/>", "attachments": [{"fileContent": "AAAA"}]}})
        assert (odd.raw, odd.refusal) == (b"<odd/>", None)


async def test_a_package_the_axis_lists_but_does_not_give_stops_no_other() -> None:
    async with rig() as it:
        assert await it.list(row("gone"), row("b")) == ["gone", "b"]
        with pytest.raises(PollFault):
            await it.fetch({"success": False, "message": "đã thu hồi"}, "gone")
        assert await it.list(row("gone"), row("b")) == ["b"]
        it.clock.moved = timedelta(minutes=16)
        assert await it.list(row("gone"), row("b")) == ["gone", "b"]


async def test_an_axis_that_is_down_puts_no_package_off() -> None:
    async with rig() as it:
        for reply in (http(503), failure("20"), failure("15")):
            with pytest.raises(PollFault):
                await it.fetch(reply, "a")
        assert await it.list(row("a")) == ["a"]


@pytest.mark.parametrize("data", [None, {}, {"edxml": ""}, {"edxml": " "}, {"edxml": 5}, [], 7])
async def test_an_answer_without_a_package_is_a_fault(data: Any) -> None:
    async with rig() as it:
        with pytest.raises(LgspFault) as caught:
            await it.fetch({"success": True, "data": data})
        assert caught.value.code == "lgsp.garbage"


# ------------------------------------------------------------------------------------------------- what never shows


async def test_the_log_holds_no_secret_and_no_content() -> None:
    with capture_logs() as lines:
        async with rig(login=LOGIN) as it:
            await it.send(OK)
            await it.send(failure("18", "xuống\ndòng"))
            await it.fetch({"success": True, "data": {"edxml": TEXT}})
    assert [(line["operation"], line["result"]) for line in lines] == [
        ("sendEdoc", "ok"),
        ("sendEdoc", "lgsp.refused"),
        ("getEdoc", "ok"),
    ]
    told = repr(lines)
    assert not any(hidden in told for hidden in (SECRET, "pass-that", "token-1", "Về việc thử", "\\n"))


def test_a_secret_gives_nothing_away() -> None:
    shown = repr((Secret(SECRET), Account("a", Secret(SECRET)), LOGIN))
    assert SECRET not in shown and "pass-that" not in shown
    for take in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            take(Secret(SECRET))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Secret(""),
        lambda: Account("", Secret("s")),
        lambda: Account("a/b", Secret("s")),
        lambda: Account("a b", Secret("s")),
        lambda: Account("a", Secret("bí mật")),
        lambda: Account("a", Secret("a\r\nb")),
        lambda: LgspSettings("id", "", TWO),
        lambda: LgspSettings("id", "http://h", ()),
        lambda: LgspSettings("id", "http://h", (TWO[0], TWO[0])),
        lambda: LgspSettings("id", "http://h", TWO, overlap_days=-1),
    ],
)
def test_settings_that_could_not_work_are_refused_when_they_are_made(wrong: Any) -> None:
    with pytest.raises(ValueError):
        wrong()


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["success", "code", "data", "errorCode", "errorDetail", "message"]), inner
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_answer_is_ever_an_exception_and_a_yes_has_no_error_code(body: bytes) -> None:
    result = read(body)
    assert result is None or not result.ok or result.code == "0"
