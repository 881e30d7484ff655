"""The served side of /api/v1: handing in, reading back, the mailbox, and how no is said."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from rest_ports import NOW, OTHER, PROVINCE, QLVB, House, document, notice, opaque, read, served

from adapters.rest.answers import problem
from adapters.rest.codec import encode
from gateway.errors import FAULTS, Refusal
from gateway.model.access import Caller
from gateway.model.delivery import UNASSIGNED, Attempt, Purpose, State
from gateway.model.document import Attachment
from gateway.model.party import Parties

JSON = {"content-type": "application/json; charset=utf-8"}


@pytest.fixture
def house() -> House:
    return House()


def code_of(reply: Any) -> tuple[int, str]:
    return reply.status, str(read(reply).get("code"))


# ------------------------------------------------------------------------------------------------- handing in


async def test_a_document_is_handed_to_the_accept_story_with_its_bytes_untouched(house: House) -> None:
    body = b'{"not": "looked at before accept"}'
    headers = {**JSON, "idempotency-key": "hscv-125"}
    reply = await served(house, "POST", "/api/v1/documents", headers=headers, body=body)
    (submission,) = house.submissions
    assert (submission.peer, submission.dialect, submission.reference) == ("qlvb", "rest-json", "hscv-125")
    assert (submission.raw, submission.received_at) == (body, NOW)
    assert reply.status == 202
    assert reply.headers["Location"] == "/api/v1/messages/" + "0" * 31 + "1"
    assert read(reply) == {
        "message_id": "0" * 31 + "1",
        "received_at": "2026-11-20T07:31:00.000+07:00",
        "duplicate": False,
        "deliveries": ["d1", "d2"],
        "links": {"self": reply.headers["Location"]},
    }


async def test_a_duplicate_is_answered_200_with_the_first_answer(house: House) -> None:
    house.duplicate = True
    reply = await served(house, "POST", "/api/v1/documents", headers=JSON, body=b"{}")
    assert (reply.status, read(reply)["duplicate"]) == (200, True)


@pytest.mark.parametrize("media_type", ["application/xml", "text/xml; charset=UTF-8", "Application/EdXML+xml"])
async def test_raw_edxml_is_taken_by_content_type(house: House, media_type: str) -> None:
    await served(house, "POST", "/api/v1/documents", headers={"content-type": media_type}, body=b"<edXML/>")
    assert [(item.dialect, item.raw) for item in house.submissions] == [("edxml", b"<edXML/>")]


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}])
async def test_any_other_content_type_is_refused_and_nothing_accepted(house: House, headers: dict[str, str]) -> None:
    reply = await served(house, "POST", "/api/v1/documents", headers=headers, body=b"{}")
    assert code_of(reply) == (415, "http.media_type")
    assert house.submissions == []


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\n"])
async def test_an_unusable_idempotency_key_is_refused(house: House, key: str) -> None:
    reply = await served(house, "POST", "/api/v1/documents", headers={**JSON, "idempotency-key": key}, body=b"{}")
    assert code_of(reply) == (400, "http.request")
    assert read(reply)["where"] == "Idempotency-Key"
    assert house.submissions == []


# ------------------------------------------------------------------------------------------------- own traffic


def fill(house: House) -> dict[str, str]:
    return {
        "received": house.put(document("G22", ("H53.01", "G05"), "đến")).id,
        "sent for 02": house.put(document("H53.02", ("G22",), "đi"), peer="qlvb", key="k1").id,
        "sent by me": house.put(document("H53.77", ("G22",), "thay mặt"), peer="qlvb").id,
        "foreign": house.put(document("G22", ("H53.99",), "của người khác")).id,
    }


async def listed(house: House, caller: Caller, **query: str) -> dict[str, Any]:
    return read(await served(house, "GET", "/api/v1/messages", caller, query=query))


async def test_only_own_traffic_is_listed_newest_first(house: House) -> None:
    ids = fill(house)
    page = await listed(house, QLVB)
    assert [row["message_id"] for row in page["messages"]] == [
        ids["sent by me"],
        ids["sent for 02"],
        ids["received"],
    ]
    assert page["next"] is None
    assert [row["subject"] for row in (await listed(house, OTHER))["messages"]] == ["của người khác"]


async def test_a_system_with_patterns_sees_the_traffic_of_all_its_parties(house: House) -> None:
    fill(house)
    house.put(document("G01", ("G02",), "giữa hai bộ"))
    subjects = [row["subject"] for row in (await listed(house, PROVINCE))["messages"]]
    assert subjects == ["của người khác", "thay mặt", "đi", "đến"]


@pytest.mark.parametrize("caller", [QLVB, PROVINCE, Caller("small", Parties(("H53.01",)))])
async def test_paging_visits_every_message_once(house: House, caller: Caller) -> None:
    wanted = [house.put(document(to=("H53.01" if n % 3 else "H99",), subject=f"{n:03}")) for n in range(700)]
    seen: list[str] = []
    before = ""
    while True:
        page = await listed(house, caller, limit="40", **({"before": before} if before else {}))
        seen += [row["message_id"] for row in page["messages"]]
        before = page["next"]
        if before is None:
            break
    assert seen == [row.id for row in reversed(wanted) if row.envelope.recipients == ("H53.01",)]


async def test_a_rare_message_is_on_the_first_page_however_many_of_others_came_after_it(house: House) -> None:
    mine = house.put(document(to=("H53.01",)))
    for number in range(2100):
        house.put(document(to=("H99",), subject=str(number)))
    first = await listed(house, PROVINCE)
    assert [row["message_id"] for row in first["messages"]] == [mine.id]
    assert first["next"] is None


async def test_one_party_and_a_text_narrow_the_list(house: House) -> None:
    fill(house)
    assert [row["subject"] for row in (await listed(house, QLVB, party="H53.02"))["messages"]] == ["đi"]
    assert [row["subject"] for row in (await listed(house, QLVB, q="thay"))["messages"]] == ["thay mặt"]
    assert (await listed(house, QLVB, party="H53.99"))["code"] == "auth.forbidden"


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "201"}, {"limit": "x"}, {"before": "../x"}, {"q": "x" * 201}, {"page": "2"}]
)
async def test_a_wrong_parameter_is_refused(house: House, query: dict[str, str]) -> None:
    reply = await served(house, "GET", "/api/v1/messages", query=query)
    assert code_of(reply) == (400, "http.request")


# ------------------------------------------------------------------------------------------------- timeline


def attempt(number: int, outcome: str, second: int, **fields: str) -> Attempt:
    at = NOW + timedelta(seconds=second)
    return Attempt(f"a{number}", "d1", number, at, at + timedelta(seconds=1), outcome, **fields)


async def test_the_timeline_has_a_row_per_recipient_with_every_attempt_and_a_sentence(house: House) -> None:
    message = house.put(document("H53.01", ("G22", "G05", "H53.02")), peer="qlvb", key="k1")
    house.deliver(
        message,
        "vxp",
        recipients=("G22", "G05"),
        state=State.DELIVERED,
        ended_at=NOW + timedelta(seconds=2),
        attempts=2,
        code="ok",
        reference="5f1c",
        maybe_twice=True,
    )
    house.attempts["d1"] = [attempt(1, "unknown", 0, code="timeout"), attempt(2, "delivered", 1, reference="5f1c")]
    house.deliver(message, "qlvb", "H53.02")
    house.deliver(message, "vxp", purpose=Purpose.ACKNOWLEDGEMENT)
    shown = read(await served(house, "GET", f"/api/v1/messages/{message.id}"))
    timeline: Any = shown["timeline"]
    assert [row["recipient"] for row in timeline] == ["G22", "G05", "H53.02"]
    first = timeline[0]
    assert (first["state"], first["reference"], first["maybe_twice"]) == ("delivered", "5f1c", True)
    assert first["since"] == "2026-11-20T07:31:02.000+07:00"
    assert [(row["number"], row["outcome"]) for row in first["attempts"]] == [(1, "unknown"), (2, "delivered")]
    assert first["sentence"] == first["sentence_vi"]
    assert first["sentence_vi"] == (
        "Đã chuyển đến trục vxp lúc 07:31:02 ngày 20/11/2026, mã trục 5f1c. Có thể đã đến hai lần."
    )
    assert timeline[2]["sentence_en"] == "In the mailbox, waiting for the system qlvb to take it."
    assert shown["idempotency_key"] == "k1"
    assert shown["digests"] == {
        "content": message.digest,
        "body": message.body.sha256,
        "body_size": message.body.size,
    }


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("party", ["", "H53.02"])
async def test_every_state_has_a_complete_sentence_in_both_languages(house: House, state: State, party: str) -> None:
    message = house.put(document("H53.01", ("H53.02",)), peer="qlvb")
    house.deliver(message, UNASSIGNED if state is State.HELD else "vxp", party, state=state, attempts=1, code="x.y")
    for language in ("vi", "en"):
        shown: Any = read(await served(house, "GET", f"/api/v1/messages/{message.id}", language=language))
        (row,) = shown["timeline"]
        assert row["sentence"] == row[f"sentence_{language}"]
        assert row["sentence"].endswith(".")
        assert "{" not in row["sentence"]


async def test_a_recipient_sees_its_own_row_only_and_no_key_of_the_sender(house: House) -> None:
    message = house.put(document("H53.99", ("H53.01", "G05")), peer="other", key="secret-reference")
    house.deliver(message, "qlvb", "H53.01")
    house.deliver(message, "vxp", recipients=("G05",))
    shown: Any = read(await served(house, "GET", f"/api/v1/messages/{message.id}"))
    assert [row["recipient"] for row in shown["timeline"]] == ["H53.01"]
    assert "secret-reference" not in json.dumps(shown)


@pytest.mark.parametrize("path", ["", "/body"])
async def test_somebody_elses_message_answers_like_one_that_never_was(house: House, path: str) -> None:
    foreign = house.put(document("G22", ("H53.99",)))
    there = await served(house, "GET", f"/api/v1/messages/{foreign.id}{path}")
    absent = await served(house, "GET", f"/api/v1/messages/{'f' * 32}{path}")
    assert code_of(there) == (404, "message.not_found")
    assert (there.status, there.body, there.headers) == (absent.status, absent.body, absent.headers)


@pytest.mark.parametrize(("dialect", "media_type"), [("rest-json", "application/json"), ("edxml", "application/xml")])
async def test_the_body_is_the_original_bytes_with_their_digest(house: House, dialect: str, media_type: str) -> None:
    original = b"\xef\xbb\xbf<a>\r\n</a>"
    message = house.put(document(), dialect=dialect, raw=original)
    reply = await served(house, "GET", f"/api/v1/messages/{message.id}/body")
    assert (reply.body, reply.media_type) == (original, media_type)
    digest = base64.b64encode(hashlib.sha256(original).digest()).decode()
    assert reply.headers["Repr-Digest"] == f"sha-256=:{digest}:"


# ------------------------------------------------------------------------------------------------- mailbox


async def test_the_mailbox_lists_what_is_not_acknowledged_oldest_first(house: House) -> None:
    for number in range(3):
        message = house.put(document(subject=f"số {number}", priority=3 if number == 2 else 0))
        house.deliver(message, "qlvb", "H53.01")
    house.deliver(house.put(document(to=("H53.02",))), "qlvb", "H53.02")
    house.deliver(house.put(document(to=("H53.99",))), "other", "H53.99")
    page: Any = read(await served(house, "GET", "/api/v1/mailbox", query={"party": "H53.01", "limit": "2"}))
    assert [row["subject"] for row in page["deliveries"]] == ["số 0", "số 1"]
    assert page["unread"] == 3
    everything: Any = read(await served(house, "GET", "/api/v1/mailbox"))
    assert [row["party"] for row in everything["deliveries"]] == ["H53.01"] * 3 + ["H53.02"]
    assert [row["urgent"] for row in everything["deliveries"]] == [False, False, True, False]
    assert code_of(await served(house, "GET", "/api/v1/mailbox", query={"party": "H53.99"})) == (403, "auth.forbidden")


async def test_a_fetch_gives_the_content_and_is_recorded(house: House) -> None:
    sent = document(subject="có ‘nháy’ và \\")
    delivery = house.deliver(house.put(sent), "qlvb", "H53.01")
    reply = await served(house, "GET", f"/api/v1/mailbox/{delivery.id}")
    item = read(reply)
    assert item["content"] == json.loads(encode(sent))
    assert (item["delivery"], item["kind"], item["party"]) == (delivery.id, "document", "H53.01")
    assert house.fetches == [delivery.id]


async def test_a_large_document_is_fetched_whole(house: House) -> None:
    sent = dataclasses.replace(document(), attachments=(Attachment("a.bin", bytes(range(256)) * 400),))
    delivery = house.deliver(house.put(sent), "qlvb", "H53.01")
    item: Any = read(await served(house, "GET", f"/api/v1/mailbox/{delivery.id}"))
    assert base64.b64decode(item["content"]["attachments"][0]["content"]) == bytes(range(256)) * 400


@pytest.mark.parametrize(
    ("accept", "untouched"),
    [
        ("application/xml", True),
        ("text/xml;q=0.5, text/html", True),
        ("application/json;q=0.1, application/xml", True),
        ("application/json, application/xml", False),
        ("application/xml;q=0", False),
        ("*/*", False),
        ("", False),
    ],
)
async def test_edxml_is_handed_over_untouched_to_who_prefers_it(house: House, accept: str, untouched: bool) -> None:
    sent = document()
    original = encode(sent) + b"\r\n"
    delivery = house.deliver(house.put(sent, dialect="edxml", raw=original), "qlvb", "H53.01")
    reply = await served(house, "GET", f"/api/v1/mailbox/{delivery.id}", headers={"accept": accept})
    assert (reply.media_type == "application/xml", reply.body == original) == (untouched, untouched)
    assert house.fetches == [delivery.id]


async def test_what_came_as_json_stays_json_whatever_is_asked(house: House) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01")
    reply = await served(house, "GET", f"/api/v1/mailbox/{delivery.id}", headers={"accept": "application/xml"})
    assert reply.media_type == "application/json"


async def test_notices_and_unreadable_bytes_are_represented_too(house: House) -> None:
    told = b'{"code":"delivery.expired","recipients":["G22"]}'
    first = house.deliver(house.put_raw(notice("H53.01"), told), "qlvb", "H53.01", purpose=Purpose.NOTICE)
    second = house.deliver(house.put_raw(opaque("H53.01"), b"\x00\xff<", dialect="edxml"), "qlvb", "H53.01")
    as_xml = {"accept": "application/xml"}
    items: list[Any] = [
        read(await served(house, "GET", f"/api/v1/mailbox/{item.id}", headers=as_xml)) for item in (first, second)
    ]
    assert (items[0]["kind"], items[0]["content"]) == ("notice", json.loads(told))
    assert items[1]["kind"] == "opaque"
    assert base64.b64decode(items[1]["content"]["content"]) == b"\x00\xff<"


async def test_a_settled_delivery_may_be_read_again_without_a_new_record(house: House) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01", state=State.DELIVERED, attempts=1)
    assert (await served(house, "GET", f"/api/v1/mailbox/{delivery.id}")).status == 200
    assert house.fetches == []


@pytest.mark.parametrize(
    ("state", "attempts"), [(State.WAITING, 0), (State.WAITING, 1), (State.HELD, 0), (State.CANCELLED, 0)]
)
async def test_what_was_never_offered_is_not_handed_out(house: House, state: State, attempts: int) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01", state=state, attempts=attempts)
    reply = await served(house, "GET", f"/api/v1/mailbox/{delivery.id}")
    assert code_of(reply) == (404, "delivery.not_found")
    assert house.fetches == []


async def test_done_ends_the_delivery_and_may_be_said_twice(house: House) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01")
    replies = [await ack(house, delivery.id, {"result": "done"}) for _ in range(2)]
    assert [(reply.status, read(reply)["state"]) for reply in replies] == [(200, "delivered")] * 2
    assert house.settlements[0] == (delivery.id, "qlvb", True, "")


async def test_fail_holds_the_delivery_once_with_its_reason(house: House) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01")
    replies = [await ack(house, delivery.id, {"result": "fail", "reason": "Hỏng tệp"}) for _ in range(2)]
    assert [read(reply)["state"] for reply in replies] == ["held", "held"]
    assert house.settlements == [(delivery.id, "qlvb", False, "Hỏng tệp")]


async def test_fail_after_done_is_too_late(house: House) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01", state=State.DELIVERED)
    assert code_of(await ack(house, delivery.id, {"result": "fail", "reason": "x"})) == (409, "delivery.ended")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "/result"),
        ({"result": "ok"}, "/result"),
        ({"result": True}, "/result"),
        ({"result": "fail"}, "/reason"),
        ({"result": "fail", "reason": "  "}, "/reason"),
        ({"result": "done", "reason": "x" * 2001}, "/reason"),
        ({"result": "done", "note": ""}, "/note"),
        ([], None),
    ],
)
async def test_a_wrong_acknowledgement_changes_nothing(house: House, body: object, where: str | None) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01")
    reply = await ack(house, delivery.id, body)
    assert code_of(reply) == (422, "json.value")
    assert read(reply).get("where") == where
    assert house.settlements == []


async def test_an_acknowledgement_needs_its_content_type(house: House) -> None:
    delivery = house.deliver(house.put(document()), "qlvb", "H53.01")
    reply = await served(house, "POST", f"/api/v1/mailbox/{delivery.id}/ack", body=b'{"result":"done"}')
    assert code_of(reply) == (415, "http.media_type")


@pytest.mark.parametrize("known", [True, False])
async def test_another_systems_delivery_does_not_exist(house: House, known: bool) -> None:
    delivery = house.deliver(house.put(document(to=("H53.99",))), "other", "H53.99")
    name = delivery.id if known else "nothing"
    assert code_of(await served(house, "GET", f"/api/v1/mailbox/{name}")) == (404, "delivery.not_found")
    assert code_of(await ack(house, name, {"result": "done"})) == (404, "delivery.not_found")
    assert (house.fetches, house.settlements) == ([], [])


async def ack(house: House, delivery_id: str, body: object) -> Any:
    path = f"/api/v1/mailbox/{delivery_id}/ack"
    return await served(house, "POST", path, headers=JSON, body=json.dumps(body).encode())


# ------------------------------------------------------------------------------------------------- saying no


@pytest.mark.parametrize("code", sorted(FAULTS))
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_fault_is_a_problem_in_the_callers_language(code: str, language: str) -> None:
    reply = problem(Refusal(code, where="/x", detail="why"), language, "ref-9")
    fault, said = FAULTS[code], read(reply)
    assert (reply.status, reply.media_type) == (fault.status, "application/problem+json")
    assert said == {
        "type": f"urn:lienthong:error:{code}",
        "title": fault.en if language == "en" else fault.vi,
        "status": fault.status,
        "detail": "why",
        "code": code,
        "where": "/x",
        "remedy": fault.remedy_en if language == "en" else fault.remedy_vi,
        "remedy_vi": fault.remedy_vi,
        "remedy_en": fault.remedy_en,
        "reference": "ref-9",
    }
    assert reply.headers["Content-Language"] == language
    assert ("WWW-Authenticate" in reply.headers) == (fault.status == 401)
    assert "Retry-After" not in reply.headers


def test_retry_after_is_whole_seconds_rounded_up() -> None:
    reply = problem(Refusal("limit.busy", retry_after=1.2), "vi", "r")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
