"""The scenes of the day. Each ends one complaint, and each returns the row it earned in the last table."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes
from typing import Any

from gateway.cli.demo.prologue import FAULTS, INCOMING, OUTGOING, Prologue, play_prologue
from gateway.cli.demo.screen import Row, Screen
from gateway.cli.demo.stage import BUSY, COMMUNES, SENDER, Stage, set_stage
from gateway.ports import Books
from sandbox import edxml
from sandbox.department import DepartmentSystem, compose
from sandbox.edxml import File, Organ
from sandbox.office import OfficeSystem
from sandbox.pdf import make_pdf
from sandbox.pki.desk import letter_of
from sandbox.pki.forgery import forge
from sandbox.pki.picture import page_png
from sandbox.settings import MINISTRY_SYSTEM, SECOND_MINISTRY_SYSTEM
from sandbox.writing import Draft

_FIRST_INCOMING = 1101
MINISTRY = Organ(MINISTRY_SYSTEM, "Văn phòng Chính phủ")
STRICT = Organ(SECOND_MINISTRY_SYSTEM, "Bộ Nội vụ")
"""A ministry to which only documents with valid signatures go."""


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
        ("Một sở gửi công văn lên bộ và xuống hai xã", "A department writes to a ministry and to two communes"),
        ("Gửi rồi mà không biết đã tới chưa, đang ở bước nào.", "We sent it; nobody can say where it is."),
    )
    await stage.axis("POST", f"/ministries/{MINISTRY_SYSTEM}/replies", json={"codes": ["01", "03", "04", "05", "06"]})
    files = [
        await _signed(stage, "cong-van.pdf", "Báo cáo cải cách hành chính quý IV"),
        await _signed(stage, "phu-luc.pdf", "Phụ lục số liệu"),
    ]
    letter = _letter("1201", "Báo cáo cải cách hành chính quý IV", files, [MINISTRY, *COMMUNES], SENDER)
    async with stage.rest_system() as sender, stage.vxp_system() as communes:
        accepted = await sender.send(letter, "demo-1201")
        screen.say(
            f"Cổng trả lời 'đã nhận': văn bản đã nằm an toàn trên đĩa (mã {accepted.message_id[:12]}…).",
            f"'Accepted': the document is safe on disk (id {accepted.message_id[:12]}…).",
        )
        await stage.until(communes.poll_once)
        screen.good(
            f"{COMMUNES[0].name} và {COMMUNES[1].name} nối vào cổng: nhận ngay bằng SDK VXP, không đi vòng qua trục.",
            "The two communes are connected here: they take it at once with their VXP SDK, without a detour.",
        )
        row = await stage.until(lambda: _delivered(stage, accepted.message_id))
        screen.good(
            f"Đã chuyển lên trục cho bộ; trục cấp mã {row['reference'][:13]}…",
            f"On the axis for the ministry, which calls it {row['reference'][:13]}…",
        )
        sealed, picture = await _sealed(stage, row["reference"], files)
        screen.good(
            "Trên đường lên trục, cổng ký số con dấu của sở lên công văn và ký phụ lục ở góc phải (Nghị định 30/2020); "
            "phần lãnh đạo đã ký giữ nguyên từng byte.",
            "On its way out the gateway put the department's seal on the letter and signed the annex in its corner; "
            "what the head had signed is there byte for byte.",
        )
        screen.say(f"Xem văn bản như bộ nhận: {picture}", f"See the letter as the ministry has it: {picture}")
        codes = await stage.until(lambda: _history(stage, accepted.message_id, {3, 4, 5, 6}))
    shown = ", ".join(f"{code:02d}" for code in codes)
    screen.good(
        f"Trạng thái đã về: {shown}. Văn thư mở một văn bản là thấy từng nơi nhận đang ở bước nào.",
        f"Statuses came back: {shown}. One look at the document shows every recipient's step.",
    )
    return [
        Row(
            ("Không biết văn bản đang ở đâu", "Nobody knows where a document is"),
            ("Không có câu trả lời", "No answer"),
            (f"3 nơi nhận, mỗi nơi một dòng; trạng thái {shown}", f"3 recipients, a row each; statuses {shown}"),
            row["rows"] == 3,
        ),
        Row(
            ("In ra, đóng dấu, quét lại", "Printed, stamped, scanned again"),
            ("Mất giá trị pháp lý của bản ký số", "The digital original is gone"),
            ("Dấu cơ quan ký số, kiểm tra được ở bất cứ đâu", "A digital seal that anybody can verify"),
            sealed,
        ),
    ]


async def _delivered(stage: Stage, message_id: str) -> Any:
    _, shown = await stage.call("GET", f"/api/v1/messages/{message_id}")
    rows = shown["timeline"]
    if not rows or any(row["state"] != "delivered" for row in rows):
        return None
    return {"reference": next(row["reference"] for row in rows if row["destination"] == "vxp"), "rows": len(rows)}


async def _signed(stage: Stage, name: str, subject: str) -> File:
    """A letter that the head of the department has signed, and nobody has sealed yet."""
    letter = letter_of(Draft(SENDER, (MINISTRY,), "1201", "SNV-VP", subject, "2026/11/20", place="Tây Ninh"))
    return File(name, "application/pdf", await asyncio.to_thread(stage.desk.signed, letter))


async def _sealed(stage: Stage, reference: str, files: list[File]) -> tuple[bool, Path]:
    """Whether the ministry has both files as they were signed, with a valid signature more; and a picture of one."""
    content = await stage.axis_content(reference)
    received = {file.name: file.content for file in edxml.read(content).files}
    verdicts = [
        (await stage.call("POST", "/api/v1/signatures/verify?kind=pdf", data=pdf, headers=_PDF))[1]
        for pdf in received.values()
    ]
    kept = all(received[file.name].startswith(file.content) for file in files)
    picture = stage.folder / "cong-van-da-dong-dau.png"
    picture.write_bytes(await asyncio.to_thread(page_png, received[files[0].name]))
    return kept and all(said["verdict"] == "valid" and said["signatures"] == 2 for said in verdicts), picture


_PDF = {"Content-Type": "application/pdf"}


async def _history(stage: Stage, message_id: str, wanted: set[int]) -> list[int]:
    _, shown = await stage.call("GET", f"/api/v1/messages/{message_id}")
    codes = sorted({row["status"] for row in shown["history"] if row["status"]})
    return codes if wanted <= set(codes) else []


# ---------------------------------------------------------------------------------------------------------- 09:00


async def _urgent(play: Play) -> list[Row]:
    screen, stage, commune = play.screen, play.stage, COMMUNES[0]
    screen.scene(
        "09:00",
        ("Văn bản HOẢ TỐC xuống xã, rồi bị thu hồi", "An urgent document (HOẢ TỐC) for a commune, then recalled"),
        (
            "Gửi xuống xã rồi không biết xã đã nhận chưa.",
            "Sent to a commune; nobody says whether it arrived.",
        ),
    )
    for number in range(1, INCOMING):
        await stage.axis("POST", f"/packages?from={MINISTRY_SYSTEM}&to={COMMUNES[1].code}&number={number}&signed=0")
    subject = "Công điện về phòng chống lụt bão"
    sent = {"from": MINISTRY_SYSTEM, "to": commune.code, "number": "900", "priority": 3, "subject": subject, "pdfs": 1}
    began = time.monotonic()
    injected = await stage.axis("POST", "/packages", json=sent)
    screen.say(f"Trục có văn bản mới: “{subject}”.", f"The axis holds a new document: “{subject}”.")
    async with stage.vxp_system() as communes:
        await stage.until(lambda: _taken(communes, commune.code, subject))
        seconds = time.monotonic() - began
        screen.good(
            f"{commune.name} đã lấy bằng SDK VXP sau {seconds:.1f} giây; trục chỉ nghe 'done' sau khi cổng ghi đĩa.",
            f"The commune took it by VXP SDK after {seconds:.1f} s; the axis heard 'done' only after the commit.",
        )
        await stage.until(lambda: _arrived_status(stage, commune.code))
        seconds = time.monotonic() - began
        screen.good(
            f"Trạng thái 01 'Đã đến' về tới bộ sau {seconds:.1f} giây: xã đã ủy quyền cho cổng báo thay.",
            f"Status 01 'arrived' was at the ministry after {seconds:.1f} s: the commune delegated it to the gateway.",
        )
        await stage.axis("POST", f"/ministries/{MINISTRY_SYSTEM}/recall", json={"document_id": injected["document_id"]})
        await stage.until(lambda: _recalled(communes, commune.code))
        screen.good(
            "Bộ thu hồi: xã thấy ngay lệnh thu hồi cạnh văn bản.",
            "The ministry recalls it: the commune sees that at once.",
        )
        received = await stage.until(lambda: _all_taken(communes, COMMUNES[1].code, INCOMING - 1))
    await stage.until(lambda: _axis_settled(stage))
    return [
        Row(
            ("Nơi gửi không biết xã đã nhận chưa", "The sender never hears that it arrived"),
            ("Không ai báo", "Nobody reports it"),
            (f"Trạng thái 01 về bộ sau {seconds:.1f} s", f"Status 01 back after {seconds:.1f} s"),
            received == INCOMING - 1,
        )
    ]


async def _taken(office: OfficeSystem, party: str, subject: str) -> bool:
    await office.poll_once()
    return any(record.get("subject") == subject for record in office.received_by(party))


async def _arrived_status(stage: Stage, party: str) -> bool:
    received = (await _ministry(stage))["received_statuses"]
    return any(row["sender"] == party and row["status_code"] == "01" for row in received)


async def _recalled(office: OfficeSystem, party: str) -> bool:
    await office.poll_once()
    return any(record.get("business_type") == "1" for record in office.received_by(party))


async def _all_taken(office: OfficeSystem, party: str, wanted: int) -> int:
    await office.poll_once()
    documents = [record for record in office.received_by(party) if str(record.get("sender")) == MINISTRY_SYSTEM]
    return len(documents) if len(documents) >= wanted else 0


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
    async with stage.rest_system() as sender, stage.vxp_system() as communes:
        for number in range(_FIRST_INCOMING, _FIRST_INCOMING + INCOMING):
            await stage.axis("POST", f"/packages?from={MINISTRY_SYSTEM}&to={COMMUNES[1].code}&number={number}&signed=0")
        half = OUTGOING // 2
        await asyncio.gather(*(_send_one(sender, number) for number in range(1, half + 1)))
        sending = [asyncio.create_task(_send_one(sender, number)) for number in range(half + 1, OUTGOING + 1)]
        await asyncio.sleep(0.005)
        heard = half + sum(task.done() for task in sending)
        pid = await stage.kill_gateway()
        screen.bad(
            f"kill -9 tiến trình {pid}: {heard} văn bản vừa được báo 'đã nhận', {OUTGOING - heard} đang gửi dở, "
            f"{INCOMING} đang từ trục về.",
            f"kill -9 of process {pid}: {heard} documents just heard 'accepted', {OUTGOING - heard} were on their way, "
            f"{INCOMING} were coming in.",
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
        received = await stage.until(lambda: _all_received(communes), 30)
        settled = await stage.until(lambda: _all_delivered(stage, sender, communes), 30)
    await stage.axis("DELETE", "/faults")
    return await _compare(play, known, (dead, settled), received)


async def _compare(play: Play, known: int, books: tuple[Books, Books], received: int) -> list[Row]:
    """What the books said while the gateway was dead and when everything had arrived, against what others count."""
    screen, stage = play.screen, play.stage
    wanted = known + OUTGOING
    arrived = await stage.until(lambda: _arrived(stage, wanted))
    dead, settled = books
    repeats = (await stage.axis("GET", "/state"))["counts"]["repeats"]
    marked = repeats <= (await stage.books()).maybe_twice
    verified = await stage.until(stage.log_verifies, 15)
    agree = dead.balanced and settled.balanced
    screen.good(
        f"Cả {OUTGOING} văn bản đã tới bộ. Sổ khớp: {settled.created} lượt tạo = {settled.delivered} đã chuyển + 0 mở.",
        f"All {OUTGOING} arrived. The books agree: {settled.created} created = {settled.delivered} delivered + 0 open.",
    )
    screen.good(
        f"{repeats} lần trục nghe hai lần (câu trả lời bị mất giữa đường): gửi lại đúng từng byte, đều được đánh dấu.",
        f"{repeats} repeats at the axis (its answer was lost): identical bytes, every one marked.",
    )
    screen.good("Nhật ký kiểm toán được tính lại từ đĩa: khớp.", "The audit log, recomputed from disk: it matches.")
    before = play.before
    return [
        Row(
            ("Văn bản đến bị mất", "Incoming documents are lost"),
            (f"Mất {before.lost_in}/{INCOMING}", f"{before.lost_in} of {INCOMING} lost"),
            (
                f"Mất {INCOMING - received}/{INCOMING}, dù bị kill -9",
                f"{INCOMING - received} of {INCOMING}, killed with -9",
            ),
            received == INCOMING,
        ),
        Row(
            ("Văn bản gửi đi bị mất", "Outgoing documents are lost"),
            (f"Mất {before.lost_out}/{OUTGOING}", f"{before.lost_out} of {OUTGOING} lost"),
            (f"Mất {wanted - arrived}/{OUTGOING}, dù bị kill -9", f"{wanted - arrived} of {OUTGOING}, killed with -9"),
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


async def _all_received(communes: OfficeSystem) -> int:
    """How many of the documents that were coming in when the gateway died the commune has, once it has them all."""
    await communes.poll_once()
    wanted = {f"{number}/VPCP-KSTT" for number in range(_FIRST_INCOMING, _FIRST_INCOMING + INCOMING)}
    found = wanted & {str(record.get("code")) for record in communes.received_by(COMMUNES[1].code)}
    return len(found) if found == wanted else 0


async def _all_delivered(stage: Stage, system: DepartmentSystem, communes: OfficeSystem) -> Books | None:
    """The books at a moment when nothing is open; statuses of others may come in right after it."""
    await system.pull_once()
    await communes.poll_once()
    books = await stage.books()
    return books if books.open == 0 else None


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
    forged = await _forged(play)
    books = await stage.books()
    good = good and books.quarantined == len(_BROKEN) + len(_FORGERIES) and books.balanced
    screen.good(
        f"Không gì bị vứt đi: {books.quarantined} gói nằm trong khu cách ly để người phụ trách xem.",
        f"Nothing is thrown away: {books.quarantined} packages wait in quarantine for a person.",
    )
    return [
        forged,
        await _secret(play),
        Row(
            ("Báo lỗi khó hiểu", "Errors nobody understands"),
            ("“Lỗi hệ thống”", "“System error”"),
            ("Mã lỗi, vị trí, cách sửa; gói được giữ lại", "Code, place, remedy; the package is kept"),
            good,
        ),
    ]


async def _forged(play: Play) -> Row:
    """A signed letter whose sum was changed, and one with a page more: what was changed is named."""
    screen, stage = play.screen, play.stage
    letter = await _signed(stage, "cong-van.pdf", "Kinh phí năm 2027")
    forgeries = await asyncio.to_thread(forge, letter.content)
    good = True
    for number, (name, vi, en) in enumerate(_FORGERIES, start=3101):
        file = File("cong-van.pdf", "application/pdf", forgeries[name])
        document = _letter(str(number), "Kinh phí năm 2027", [file], (STRICT,))
        status, problem = await stage.call("POST", "/api/v1/documents", json=document)
        good = good and status == 422 and problem["code"] == "signature.changed"
        changes = problem["detail"].partition("; ")[2].partition(" / ")
        screen.good(
            f"{vi}: bị từ chối. {problem['title']}: {changes[0]} [{problem['code']}].",
            f"{en}: refused, {problem['code']} ({changes[2]}).",
        )
    return Row(
        ("Văn bản bị sửa mà trông vẫn như thật", "A forged document looks like the real one"),
        ("Không ai biết", "Nobody notices"),
        ("Bị từ chối, nêu rõ chỗ bị sửa", "Refused, naming what was changed"),
        good,
    )


async def _secret(play: Play) -> Row:
    """A document marked MẬT is refused, and no byte of it is on the disk."""
    screen, stage = play.screen, play.stage
    marker, ordinary = token_bytes(48), token_bytes(48)
    secret, usual = (
        _letter(number, "Báo cáo", [File("bao-cao.pdf", "application/pdf", content)])
        for number, content in (("3001", marker), ("3002", ordinary))
    )
    await stage.call("POST", "/api/v1/documents", json=usual)
    status, problem = await stage.call("POST", "/api/v1/documents", json={**secret, "confidentiality": "mat"})
    refused = status == 422 and problem["code"] == "message.secret"
    screen.say(
        f"Văn bản đóng dấu MẬT: {problem['title']} [{problem['code']}]. {problem['remedy']}.",
        f"A document marked MẬT: {problem['code']}.",
    )
    clean = stage.holds(ordinary) and not stage.holds(marker)
    screen.good(
        "Tìm trong toàn bộ thư mục dữ liệu: thấy văn bản thường gửi cùng lúc, không thấy một byte nào của văn bản mật.",
        "The whole data directory was searched: the ordinary document is there, not a byte of the secret one.",
    )
    return Row(
        ("Văn bản mật lọt vào hệ thống", "Secrets slip into the system"),
        ("Nằm trong kho và bản sao lưu", "In the store and every backup"),
        ("Bị chặn, không lưu một byte", "Refused, not a byte kept"),
        refused and clean,
    )


_FORGERIES = (
    ("amount_changed", "Số tiền trong văn bản đã ký bị sửa", "The sum in a signed letter was changed"),
    ("page_added", "Một trang được chèn thêm sau khi ký", "A page was added after signing"),
)

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


def _letter(
    number: str, subject: str, files: list[File], to: Sequence[Organ] = (MINISTRY,), sender: Organ = BUSY
) -> dict[str, Any]:
    document_id = f"{sender.code},2026/11/20,{number}/SNV-VP"
    return compose(sender, to, number, "SNV-VP", subject, "2026-11-20", files, document_id=document_id)


def _pdf(name: str, size: int) -> File:
    return File(name, "application/pdf", make_pdf(name, size, size))
