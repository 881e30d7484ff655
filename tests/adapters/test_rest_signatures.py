"""`/api/v1/signatures`: what is asked of the ports, what is refused before, and what comes back."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from rest_ports import CHANGED, NOW, QLVB, House, document, read, served

from gateway.model.delivery import State
from gateway.model.verdict import Judged

VERIFY, APPLY = "/api/v1/signatures/verify", "/api/v1/signatures/apply"
JSON = {"content-type": "application/json"}
PDF = {"content-type": "application/pdf"}


def question(**members: Any) -> bytes:
    return json.dumps(members).encode()


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


async def test_a_file_is_judged_as_it_came() -> None:
    house = House()
    reply = await served(house, "POST", VERIFY, query={"kind": "pdf"}, headers=PDF, body=b"%PDF-1.7 \xff")
    said = read(reply)
    assert house.asked == [("pdf", b"%PDF-1.7 \xff", {})]
    assert (said["verdict"], said["later_changes"]) == ("invalid", ["page 2 was added"])
    assert said["explanation"] == {
        "vi": "Tệp bị sửa sau chữ ký ngoài mức cho phép: trang 2 được thêm vào",
        "en": "The file was changed after the signature beyond what is allowed: page 2 was added",
    }


async def test_what_belongs_to_a_file_comes_beside_it() -> None:
    house = House()
    body = question(kind="jws", content=text(b"a..b"), detached={"payload.bin": text(b"\x00paid")})
    assert (await served(house, "POST", VERIFY, headers=JSON, body=body)).status == 200
    assert house.asked == [("jws", b"a..b", {"payload.bin": b"\x00paid"})]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (question(kind="pdf"), "/content"),
        (question(kind="pdf", content="%%%"), "/content"),
        (question(kind="pdf", content="AAAA", trust="/etc"), "/trust"),
        (question(kind="pdf", content="AAAA", detached=[]), "/detached"),
        (question(kind="pdf", content="AAAA", detached={"a": 1}), "/detached/a"),
        (question(kind="gpg", content="AAAA"), "kind"),
        (question(kind=7, content="AAAA"), "/kind"),
        (b"[]", ""),
    ],
)
async def test_a_question_that_asks_nothing_is_refused_with_the_place(body: bytes, where: str) -> None:
    house = House()
    reply = await served(house, "POST", VERIFY, headers=JSON, body=body)
    assert reply.status in (400, 422)
    assert read(reply).get("where", "") == where
    assert not house.asked


async def test_a_pdf_is_signed_for_a_party_of_the_caller_and_comes_back_in_the_form_it_was_sent() -> None:
    house = House()
    query = {"party": "H53.01", "form": "corner", "number": "125/SNV-VP"}
    raw = await served(house, "POST", APPLY, query=query, headers=PDF, body=b"%PDF-1.7")
    assert (raw.media_type, raw.body) == ("application/pdf", b"%PDF-1.7%signed")
    assert raw.headers["Repr-Digest"].startswith("sha-256=:")
    body = question(party="H53.01", content=text(b"%PDF-1.7"), copy="SAO Y")
    said = read(await served(house, "POST", APPLY, headers=JSON, body=body))
    assert base64.b64decode(str(said["content"])) == b"%PDF-1.7%signed"
    assert (said["key"], said["sha256"]) == ("van-thu", "b" * 64)
    assert [(wish.form, wish.number, wish.copy) for wish in house.wishes] == [
        ("corner", "125/SNV-VP", ""),
        ("", "", "SAO Y"),
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"party": "H53.99"}, 403),
        ({}, 403),
        ({"party": "H53.01", "form": "hologram"}, 400),
        ({"party": "H53.01", "number": "x" * 501}, 400),
        ({"party": "H53.01", "key": "root"}, 400),
    ],
)
async def test_nothing_is_signed_for_strangers_or_in_unknown_forms(query: dict[str, str], status: int) -> None:
    house = House()
    reply = await served(house, "POST", APPLY, query=query, headers=PDF, body=b"%PDF-1.7")
    assert (reply.status, house.wishes) == (status, [])


async def test_sender_and_receiver_read_what_was_said_of_each_attachment() -> None:
    house = House()
    house.judged = [Judged(0, "cong-van.pdf", "e" * 64, "pdf", CHANGED, NOW)]
    message = house.put(document("H53.01", ("G22",)), peer="qlvb")
    mail = house.deliver(house.put(document()), "qlvb", "H53.01", state=State.QUEUED)
    shown: Any = read(await served(house, "GET", f"/api/v1/messages/{message.id}", QLVB))
    fetched: Any = read(await served(house, "GET", f"/api/v1/mailbox/{mail.id}", QLVB))
    for signatures in (shown["signatures"], fetched["signatures"]):
        assert [(row["attachment"], row["verdict"], row["later_changes"]) for row in signatures] == [
            ("cong-van.pdf", "invalid", ["page 2 was added"])
        ]
