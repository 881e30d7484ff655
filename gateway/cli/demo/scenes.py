"""The scenes of the day. Each ends one complaint, and each returns the row it earned in the last table."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.demo.prologue import FAULTS, INCOMING, OUTGOING, Prologue, play_prologue
from gateway.cli.demo.screen import Row, Screen
from gateway.cli.demo.stage import FINANCE, INTERIOR, Stage, set_stage
from sandbox.department import DepartmentSystem, compose
from sandbox.edxml import File, Organ
from sandbox.pdf import make_pdf
from sandbox.settings import MINISTRY_SYSTEM

MINISTRY = Organ(MINISTRY_SYSTEM, "Văn phòng Chính phủ")


@dataclass
class Play:
    """A performance under way."""

    screen: Screen
    stage: Stage
    before: Prologue


async def play(screen: Screen, folder: Path, *, only: int | None, once: bool) -> int:
    """Play the day. 0 if every row of the last table came out as promised (only then with *once*); 1 otherwise."""
    started = time.monotonic()
    screen.opening()
    before = await play_prologue(screen)
    rows: list[Row] = []
    async with set_stage(folder) as stage:
        await stage.start_gateway()
        current = Play(screen, stage, before)
        for number, scene in enumerate(_SCENES, start=1):
            if only in (None, number):
                rows += await scene(current)
        screen.closing(rows)
        bad = [row for row in rows if not row.good]
        seconds = time.monotonic() - started
        screen.note(f"Hết {seconds:.0f} giây.", f"{seconds:.0f} seconds in all.")
        if not once:
            await _keep_open(screen, stage)
    return 1 if bad else 0


async def _keep_open(screen: Screen, stage: Stage) -> None:
    path = stage.write_connections()
    screen.note(f"Cổng vẫn chạy: {stage.base_url}/api/v1 · quản trị {stage.console_url}/metrics", "It keeps running.")
    screen.note(f"Khóa và địa chỉ để thử phần mềm của bạn: {path}", f"To try your own software: {path}")
    screen.note("Nhấn Ctrl+C để dừng.", "Press Ctrl+C to stop.")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return


# ---------------------------------------------------------------------------------------------------------- 07:30


async def _morning(play: Play) -> list[Row]:
    screen, stage = play.screen, play.stage
    screen.scene(
        "07:30",
        ("Sở Nội vụ gửi công văn có hai tệp PDF lên bộ", "A department sends a document with two PDFs to a ministry"),
        ("Gửi rồi mà không biết đã tới chưa, đang ở bước nào.", "We sent it; nobody can say where it is."),
    )
    files = [_pdf("cong-van.pdf", 40_000), _pdf("phu-luc.pdf", 120_000)]
    async with stage.system("snv") as snv:
        accepted = await snv.send(_letter("1201", "Báo cáo cải cách hành chính quý IV", files), "demo-1201")
        screen.say(
            f"Cổng trả lời 'đã nhận': văn bản đã nằm an toàn trên đĩa (mã {accepted.message_id[:12]}…).",
            f"'Accepted': the document is safe on disk (id {accepted.message_id[:12]}…).",
        )
        row = await stage.until(lambda: _delivered(stage, accepted.message_id))
        screen.good(
            f"Đã chuyển lên trục sau {row['attempts_made']} lần gửi; trục cấp mã {row['reference'][:13]}…",
            f"On the axis after {row['attempts_made']} attempt(s); the axis calls it {row['reference'][:13]}…",
        )
        same = await _same_files(stage, "1201/SNV-VP", files)
        screen.good("Hai tệp PDF tới bộ nguyên vẹn từng byte.", "Both PDFs reached the ministry byte for byte.")
        statuses = await stage.until(lambda: _statuses(snv, 2))
    screen.good(
        "Bộ báo về: 'Đã đến' rồi 'Đã tiếp nhận'. Văn thư thấy ngay trong hộp thư.",
        "The ministry reports back: 'arrived', then 'registered'. The clerk sees it at once.",
    )
    return [
        Row(
            ("Không biết văn bản đang ở đâu", "Nobody knows where a document is"),
            ("Không có câu trả lời", "No answer"),
            (
                f"Mỗi nơi nhận một dòng; {statuses} trạng thái đã về",
                f"One row per recipient; {statuses} statuses came back",
            ),
            same and statuses >= 2,
        )
    ]


async def _delivered(stage: Stage, message_id: str) -> Any:
    _, shown = await stage.call("GET", f"/api/v1/messages/{message_id}")
    rows = shown["timeline"]
    if not rows or any(row["state"] != "delivered" for row in rows):
        return None
    return {**rows[0], "attempts_made": len(rows[0]["attempts"])}


async def _same_files(stage: Stage, notation: str, files: list[File]) -> bool:
    state = await stage.axis("GET", "/state")
    expected = sorted(hashlib.sha256(file.content).hexdigest() for file in files)
    return any(sorted(package["digests"]) == expected for package in state["packages"])


async def _statuses(system: DepartmentSystem, wanted: int) -> int:
    await system.pull_once()
    return system.received.distinct if system.received.distinct >= wanted else 0


# ---------------------------------------------------------------------------------------------------------- 09:00


async def _urgent(play: Play) -> list[Row]:
    screen, stage = play.screen, play.stage
    screen.scene(
        "09:00",
        ("Văn bản HOẢ TỐC từ Văn phòng Chính phủ", "An urgent document (HOẢ TỐC) from the Government Office"),
        (
            "Phần mềm sập lúc đang nhận, văn bản đến mất luôn.",
            "The software crashed while receiving; the document was gone.",
        ),
    )
    for number in range(1, INCOMING):
        await stage.axis("POST", f"/packages?from={MINISTRY_SYSTEM}&to={FINANCE[1]}&number={number}")
    subject = "Công điện về phòng chống lụt bão"
    sent = {"from": MINISTRY_SYSTEM, "to": FINANCE[1], "number": "900", "priority": 3, "subject": subject, "pdfs": 1}
    began = time.monotonic()
    await stage.axis("POST", "/packages", json=sent)
    screen.say(f"Trục có văn bản mới: “{subject}”.", f"The axis holds a new document: “{subject}”.")
    urgent = await stage.until(lambda: _urgent_row(stage))
    seconds = time.monotonic() - began
    screen.good(
        f"Cổng lấy về, ghi đĩa, đặt vào hộp thư Sở Tài chính sau {seconds:.1f} giây, đánh dấu HOẢ TỐC.",
        f"Fetched, on disk and in the department's mailbox after {seconds:.1f} s, marked urgent.",
    )
    async with stage.system("stc") as stc:
        await stage.until(lambda: _pulled(stc, INCOMING))
        received = stc.received.distinct
    await stage.until(lambda: _axis_settled(stage))
    screen.good(
        "Sở Tài chính đã lấy; trục chỉ được báo 'done' sau khi cổng đã ghi đĩa.",
        "The department has it; the axis heard 'done' only after the commit.",
    )
    return [
        Row(
            ("Văn bản đến bị mất", "Incoming documents are lost"),
            (f"Mất {play.before.lost_in}/{INCOMING}", f"{play.before.lost_in} of {INCOMING} lost"),
            (
                f"Mất 0/{INCOMING}; HOẢ TỐC tới sau {seconds:.1f} s",
                f"0 of {INCOMING} lost; urgent after {seconds:.1f} s",
            ),
            received == INCOMING and bool(urgent),
        )
    ]


async def _urgent_row(stage: Stage) -> Any:
    _, listed = await stage.call("GET", "/api/v1/mailbox", "stc")
    return next((row for row in listed["deliveries"] if row["urgent"]), None)


async def _pulled(system: DepartmentSystem, wanted: int) -> bool:
    await system.pull_once()
    return system.received.distinct >= wanted


async def _axis_settled(stage: Stage) -> bool:
    state = await stage.axis("GET", "/state")
    return all(copy["state"] == "done" for copy in state["copies"])


# ---------------------------------------------------------------------------------------------------------- 11:00


async def _killed(play: Play) -> list[Row]:
    screen, stage = play.screen, play.stage
    screen.scene(
        "11:00",
        (
            "Trục chập chờn, và cổng bị kill -9 ngay trước mắt bạn",
            "The axis stutters, and the gateway is killed with -9",
        ),
        ("Hệ thống treo; văn bản lúc mất lúc trùng.", "It hangs; documents vanish or arrive twice."),
    )
    await stage.axis("POST", "/faults", json=FAULTS)
    known = (await _ministry(stage))["documents"]
    async with stage.system("snv") as snv:
        half = OUTGOING // 2
        await asyncio.gather(*(_send_one(snv, number) for number in range(1, half + 1)))
        sending = [asyncio.create_task(_send_one(snv, number)) for number in range(half + 1, OUTGOING + 1)]
        await asyncio.sleep(0.005)
        heard = half + sum(task.done() for task in sending)
        pid = await stage.kill_gateway()
        screen.bad(
            f"kill -9 tiến trình {pid}: {heard} văn bản vừa được báo 'đã nhận', {OUTGOING - heard} đang gửi dở.",
            f"kill -9 of process {pid}: {heard} documents just heard 'accepted', {OUTGOING - heard} were on their way.",
        )
        dead = await stage.books()
        screen.say(
            f"Sổ đọc từ đĩa lúc cổng đã chết: {dead.accepted} đã nhận, {dead.created} lượt chuyển, {dead.open} còn mở.",
            f"The books on the dead one's disk: {dead.accepted} accepted, {dead.created} deliveries, {dead.open} open.",
        )
        await stage.start_gateway()
        screen.say(
            "Khởi động lại; phần mềm của sở tự gửi tiếp.", "Restarted; the department's software sends on by itself."
        )
        await asyncio.gather(*sending)
        await stage.until(lambda: _all_delivered(stage, snv), 30)
    await stage.axis("DELETE", "/faults")
    return await _compare(play, known, dead.balanced)


async def _compare(play: Play, known: int, balanced_when_dead: bool) -> list[Row]:
    screen, stage = play.screen, play.stage
    wanted = known + OUTGOING
    arrived = await stage.until(lambda: _arrived(stage, wanted))
    books = await stage.books()
    repeats = (await stage.axis("GET", "/state"))["counts"]["repeats"]
    marked = repeats <= books.maybe_twice
    verified = await stage.until(stage.log_verifies, 15)
    agree = balanced_when_dead and books.balanced and books.open == 0
    screen.good(
        f"Cả {OUTGOING} văn bản đã tới bộ. Sổ khớp: {books.created} lượt tạo = {books.delivered} đã chuyển + 0 mở.",
        f"All {OUTGOING} arrived. The books agree: {books.created} created = {books.delivered} delivered + 0 open.",
    )
    screen.good(
        f"{repeats} lần trục nghe hai lần (câu trả lời bị mất giữa đường): gửi lại đúng từng byte, đều được đánh dấu.",
        f"{repeats} repeats at the axis (its answer was lost): identical bytes, every one marked.",
    )
    screen.good("Nhật ký kiểm toán được tính lại từ đĩa: khớp.", "The audit log, recomputed from disk: it matches.")
    before = play.before
    return [
        Row(
            ("Văn bản gửi đi bị mất", "Outgoing documents are lost"),
            (f"Mất {before.lost_out}/{OUTGOING}", f"{before.lost_out} of {OUTGOING} lost"),
            (f"Mất 0/{OUTGOING}, dù bị kill -9", f"0 of {OUTGOING} lost, killed with -9"),
            arrived >= wanted,
        ),
        Row(
            ("Gửi trùng mà không ai hay", "Sent twice and nobody knows"),
            (f"{before.twice} văn bản trùng, không dấu vết", f"{before.twice} repeated, without a trace"),
            (f"{repeats} lần lặp, cả {repeats} đều được đánh dấu", f"{repeats} repeats, all {repeats} marked"),
            marked,
        ),
        Row(
            ("Máy chết thì không biết còn gì", "After a crash nobody knows what is left"),
            ("Đoán", "A guess"),
            ("Sổ trước và sau khớp; nhật ký chứng minh được", "Books before and after agree; the log proves it"),
            agree and verified,
        ),
    ]


async def _send_one(system: DepartmentSystem, number: int) -> None:
    subject = f"Báo cáo số {number}"
    await system.send(_letter(str(2000 + number), subject, [_pdf("bao-cao.pdf", 30_000)]), f"demo-{2000 + number}")


async def _all_delivered(stage: Stage, system: DepartmentSystem) -> bool:
    await system.pull_once()
    books = await stage.books()
    return books.open == 0


async def _ministry(stage: Stage) -> Any:
    return (await stage.axis("GET", "/state?packages=0"))["ministries"][MINISTRY_SYSTEM]


async def _arrived(stage: Stage, wanted: int) -> int:
    documents: int = (await _ministry(stage))["documents"]
    return documents if documents >= wanted else 0


# ---------------------------------------------------------------------------------------------------------- 14:00


async def _broken(play: Play) -> list[Row]:
    screen, stage = play.screen, play.stage
    screen.scene(
        "14:00",
        ("Một văn bản hỏng được gửi tới", "A broken document is handed in"),
        ("Máy chỉ báo 'lỗi'. Lỗi gì, ở đâu, sửa thế nào thì không ai biết.", "It only says 'error'."),
    )
    good = True
    for title, body, media_type, code in _BROKEN:
        headers = {"Content-Type": media_type}
        status, problem = await stage.call("POST", "/api/v1/documents", data=body, headers=headers)
        good = good and status in (413, 422) and problem["code"] == code
        where = f" tại {problem['where']}" if problem.get("where") else ""
        screen.say(
            f"{title[0]}: {problem['title']}{where} [{problem['code']}]. Cách sửa: {problem['remedy']}.",
            f"{title[1]}: {problem['code']} at {problem.get('where') or '-'}.",
        )
    books = await stage.books()
    good = good and books.quarantined == len(_BROKEN) and books.balanced
    screen.good(
        f"Không gì bị vứt đi: {books.quarantined} gói nằm trong khu cách ly để người phụ trách xem.",
        f"Nothing is thrown away: {books.quarantined} packages wait in quarantine for a person.",
    )
    return [
        Row(
            ("Báo lỗi khó hiểu", "Errors nobody understands"),
            ("“Lỗi hệ thống”", "“System error”"),
            ("Mã lỗi, vị trí, cách sửa; gói được giữ lại", "Code, place, remedy; the package is kept"),
            good,
        )
    ]


_BROKEN = [
    (
        ("Tệp XML bị cắt cụt", "Truncated XML"),
        b'<?xml version="1.0"?><edXML xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016"><edXMLEnvelope>',
        "application/xml",
        "xml.malformed",
    ),
    (
        ("Bom thực thể XML", "An XML entity bomb"),
        b'<!DOCTYPE edXML [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><edXML>&b;</edXML>',
        "application/xml",
        "xml.doctype",
    ),
    (("Sai phần tử gốc", "The wrong root element"), b"<EdXMLEnvelope/>", "application/xml", "edxml.root"),
    (("JSON thiếu nơi gửi", "JSON without a sender"), b'{"subject": "x"}', "application/json", "json.value"),
]

_SCENES: tuple[Callable[[Play], Awaitable[list[Row]]], ...] = (_morning, _urgent, _killed, _broken)


def _letter(number: str, subject: str, files: list[File]) -> dict[str, Any]:
    sender = Organ(INTERIOR[1], INTERIOR[2])
    return compose(
        sender, [MINISTRY], number, "SNV-VP", subject, "2026-11-20", files,
        document_id=f"{INTERIOR[1]},2026/11/20,{number}/SNV-VP",
    )  # fmt: skip


def _pdf(name: str, size: int) -> File:
    return File(name, "application/pdf", make_pdf(name, size, size))
