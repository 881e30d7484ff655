"""The prologue: the same axis and the same faults, but no gateway. Ten seconds of what provinces report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from gateway.cli.demo.screen import Screen
from gateway.cli.demo.stage import control
from gateway.clock import VIETNAM
from sandbox.app import Running, start
from sandbox.direct import DirectSystem
from sandbox.edxml import Organ
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft, pdf_files, write_document

SEED = 12
SENDER = Organ("H53.01", "Sở Nội vụ")
OUTGOING = 12
INCOMING = 6
_OURS = {"system": PROVINCE_SYSTEM}
FAULTS: list[dict[str, Any]] = [
    {"operation": "sendEdoc", "action": action, "times": times, "match": {"probability": 0.35, "seed": seed} | _OURS}
    for action, times, seed in (("503", 4, SEED), ("cut_after_send", 3, SEED + 1))
]
"""What the axis does in the prologue and again at 11:00: some requests fail, some answers never arrive.

The seed and the numbers of faults were chosen for a short show in which every complaint is seen. Of the seeds 11 to 18,
looked at before 12 was taken, 1 to 3 of 12 outgoing documents were lost, 0 to 2 came twice, 0 to 4 of 6 incoming were
lost. How often the clerk gives up and the software crashes is invented (`sandbox.direct`). It illustrates; it measures
nothing.
"""


@dataclass(frozen=True, slots=True)
class Prologue:
    """What an observer counted without the gateway."""

    lost_out: int
    twice: int
    lost_in: int


async def play_prologue(screen: Screen) -> Prologue:
    """Wire a document system straight to a stuttering axis and count what becomes of its documents."""
    screen.scene(
        "07:00",
        ("Mở màn: nối thẳng vào trục, không có cổng", "Prologue: wired straight to the axis, no gateway"),
        (
            "Hệ thống treo, báo lỗi; không biết đã gửi được chưa nên gõ lại.",
            "It hung and said error, so we typed it again.",
        ),
    )
    sandbox = await start(SandboxSettings(seed=SEED, ministries_poll=False))
    try:
        system = DirectSystem(sandbox.axis_url, sandbox.systems[PROVINCE_SYSTEM], SEED)
        await control(sandbox, "POST", "/faults", json=FAULTS)
        for number in range(1, OUTGOING + 1):
            await system.send(_document(number), SENDER.code)
        await control(sandbox, "DELETE", "/faults")
        await _receive(sandbox, system)
        return await _count(screen, sandbox, system)
    finally:
        await sandbox.stop()


async def _receive(sandbox: Running, system: DirectSystem) -> None:
    for number in range(1, INCOMING + 1):
        query = f"from={MINISTRY_SYSTEM}&to={SENDER.code}&number={number}"
        await control(sandbox, "POST", f"/packages?{query}")
    await system.receive()


async def _count(screen: Screen, sandbox: Running, system: DirectSystem) -> Prologue:
    await sandbox.ministries[MINISTRY_SYSTEM].poll_once()
    ministry = sandbox.ministries[MINISTRY_SYSTEM].documents
    seen = Prologue(OUTGOING - ministry.distinct, ministry.repeated, len(system.mistakes.lost))
    again, given_up = len(system.mistakes.sent_again), len(system.mistakes.forgotten)
    screen.say(
        f"Gửi {OUTGOING} văn bản; màn hình báo lỗi: văn thư gửi lại {again} văn bản, bỏ cuộc {given_up} văn bản.",
        f"{OUTGOING} documents sent; after errors the clerk sent {again} again and gave up on {given_up}.",
    )
    screen.bad(
        f"{seen.lost_out} văn bản không bao giờ tới bộ; không ai hay.",
        f"{seen.lost_out} documents never reached the ministry; nobody knows.",
    )
    screen.bad(
        f"{seen.twice} văn bản tới hai lần; không ai hay.", f"{seen.twice} documents arrived twice; nobody knows."
    )
    screen.bad(
        f"{seen.lost_in}/{INCOMING} văn bản đến bị mất: phần mềm báo 'đã nhận' rồi mới lưu, và sập ở giữa.",
        f"{seen.lost_in} of {INCOMING} incoming documents lost: acknowledged first, stored later, crashed in between.",
    )
    return seen


def _document(number: int) -> bytes:
    subject = f"Báo cáo số {number}"
    draft = Draft(
        sender=SENDER,
        recipients=(Organ(MINISTRY_SYSTEM, "Văn phòng Chính phủ"),),
        number=str(number),
        notation="SNV-VP",
        subject=subject,
        promulgated="2026/11/20",
        files=pdf_files(subject, 1, 3000, number),
    )
    return write_document(draft, datetime.now(VIETNAM), Random(number))  # noqa: S311 (entry names of a simulation)
