"""Files are judged in processes of their own: what costs too much, breaks or calls out ends there."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pades_papers import BASE, approved, document, letter, question, signed, stream

from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.signing.pades import certificates, judge
from gateway.signing.worker import Workers

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


def spin(seconds: float) -> str:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return "done"


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def hoard(megabytes: int) -> int:
    return len([bytearray(1 << 20) for _ in range(megabytes)])


def stumble() -> None:
    raise LookupError("a defect")


def refuse() -> None:
    raise NotValid("chain.unknown", "no path", "here", signer="CN=a", signed_at=datetime(2026, 1, 1, tzinfo=UTC))


def call_out() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=1)


def start_a_program() -> None:
    subprocess.run(["true"], check=True)


def echo(*values: object) -> tuple[object, ...]:
    return values


def unknown_answer() -> object:
    return Path("/etc")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    many = Workers(2, warm=("gateway.signing.pades", __name__))
    yield many
    asyncio.run(many.close())


async def test_a_verdict_is_the_same_as_in_this_process(workers: Workers) -> None:
    for pdf in (approved(), letter(), document(), b"nothing"):
        assert await workers.judge_pdf(pdf, question()) == judge(pdf, question())
    assert await workers.certificates_of("pdf", letter()) == certificates(letter())


async def test_what_costs_too_much_is_ended_and_the_next_question_answered(workers: Workers) -> None:
    started = time.monotonic()
    for function, value in ((spin, 60.0), (hoard, 2000)):
        with pytest.raises(NotValid) as refused:
            await workers.run_for(0.3, function, value)
        assert (refused.value.reason, refused.value.judgement) == ("limit.exceeded", Judgement.INDETERMINATE)
        assert (await workers.judge_pdf(approved(), question())).reason == "ok"
    with pytest.raises(NotValid, match=r"limit\.exceeded"):
        await workers.run_for(0.1, sleep, 60.0)
    assert time.monotonic() - started < 20


async def test_time_is_counted_as_work_not_by_the_clock(workers: Workers) -> None:
    assert await workers.run_for(1.0, sleep, 1.5) is None


async def test_a_defect_is_no_answer_and_ends_no_process(workers: Workers) -> None:
    with pytest.raises(NotValid) as refused:
        await workers.run(stumble)
    assert (refused.value.reason, refused.value.detail) == ("internal", "LookupError")


async def test_a_refusal_comes_back_as_it_was_raised(workers: Workers) -> None:
    with pytest.raises(NotValid) as refused:
        await workers.run(refuse)
    with pytest.raises(NotValid) as here:
        refuse()
    assert vars(refused.value) == vars(here.value)
    assert str(refused.value) == str(here.value)


@pytest.mark.parametrize("function", [call_out, start_a_program])
async def test_there_is_no_network_and_no_other_program(workers: Workers, function: object) -> None:
    with pytest.raises(NotValid, match="internal  PermissionError"):
        await workers.run(function)  # type: ignore[arg-type]


async def test_values_go_both_ways(workers: Workers) -> None:
    large, moment = bytes(3 << 20), datetime(2026, 11, 28, 8, tzinfo=ZONE)
    (certificate, *_) = certificates(letter())
    values = (
        large,
        b"small",
        "chữ",
        1.5,
        {"a": [-(1 << 160)]},
        moment,
        certificate,
        Verdict(Judgement.VALID, "ok"),
        frozenset("a"),
    )
    assert await workers.run(echo, *values) == values


async def test_only_values_come_back(workers: Workers) -> None:
    """What a child that was taken over may send is not run."""
    with pytest.raises(NotValid):
        await workers.run(unknown_answer)


async def test_questions_wait_for_a_free_process(workers: Workers) -> None:
    answers = await asyncio.gather(*(workers.judge_pdf(approved(), question()) for _ in range(6)))
    assert {answer.reason for answer in answers} == {"ok"}


async def test_a_large_file_does_not_stop_the_event_loop(workers: Workers) -> None:
    objects = {**BASE, 18: stream(bytes(40 << 20))}
    pdf = signed(document(objects))
    await workers.start()
    late: list[float] = []

    async def beat() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            late.append(time.perf_counter() - before - 0.001)

    beating = asyncio.create_task(beat())
    verdict = await workers.judge_pdf(pdf, question())
    beating.cancel()
    assert verdict.reason == "ok"
    assert sorted(late)[int(len(late) * 0.99)] < 0.05, max(late)


async def test_closing_ends_what_is_being_asked() -> None:
    workers = Workers(1, warm=())
    asked = asyncio.create_task(workers.run_for(30, sleep, 60.0))
    await asyncio.sleep(0.5)
    await workers.close()
    with pytest.raises(NotValid, match=r"limit\.exceeded"):
        await asked
    await workers.close()
