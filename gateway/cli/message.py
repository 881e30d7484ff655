"""`lienthong message`: finding a document by the code people know, and seeing at which step it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.cli.access import order, read
from gateway.cli.frame import with_config, with_reason, with_screen
from gateway.cli.screen import Screen, shown
from gateway.cli.words import JUDGEMENTS, KINDS, STATES
from gateway.errors import Refusal
from gateway.model.changes import vietnamese
from gateway.model.delivery import Attempt, Delivery
from gateway.model.message import Message
from gateway.model.verdict import REASONS, Judged, Verdict
from gateway.ports import Store

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Travelling:
    """One delivery with its attempts, and for one that waits the delivery it waits behind."""

    delivery: Delivery
    attempts: tuple[Attempt, ...]
    behind: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A message with everything that became of it."""

    message: Message
    deliveries: tuple[Travelling, ...]
    signatures: tuple[Judged, ...] = ()


@click.group()
def message() -> None:
    """Văn bản và đường đi của chúng. / Messages and what became of them."""


@message.command("list")
@click.option("--text", default="", help="Mã, số ký hiệu hoặc trích yếu. / Id, code or subject.")
@click.option("--peer", help="Hệ thống hoặc nền tảng gửi vào. / The system or platform it came from.")
@click.option("--party", help="Mã đơn vị gửi hoặc nhận. / Code of the sending or receiving party.")
@click.option("--before", default="", help="Mã văn bản để xem tiếp trang sau. / Message id to page from.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@with_config
@with_screen
def listing(
    config_path: Path, screen: Screen, text: str, peer: str | None, party: str | None, before: str, limit: int
) -> None:
    """Văn bản mới nhất trước. / Messages, newest first."""

    async def look(store: Store) -> list[tuple[Message, Sequence[Delivery]]]:
        found = await store.messages(peer=peer, party=party, text=text, before=before, limit=limit)
        return [(one, await store.deliveries_of(one.id)) for one in found]

    rows = read(config_path, look)
    if screen.json:
        screen.value([{"message": one, "states": _count(deliveries)} for one, deliveries in rows])
        return
    screen.table(
        [
            ("Nhận lúc", "Received"),
            ("Loại", "Kind"),
            ("Số ký hiệu", "Code"),
            ("Nơi gửi", "Sender"),
            ("Trích yếu", "Subject"),
            ("Tình trạng", "State"),
            ("Mã", "Id"),
        ],
        [
            (
                one.received_at,
                screen.pick(KINDS[one.envelope.kind]),
                one.envelope.code,
                one.envelope.sender,
                one.envelope.subject,
                _summary(deliveries, screen),
                one.id,
            )
            for one, deliveries in rows
        ],
    )


def _count(deliveries: Sequence[Delivery]) -> dict[str, int]:
    return dict(Counter(str(delivery.state) for delivery in deliveries))


def _summary(deliveries: Sequence[Delivery], screen: Screen) -> str:
    counts = Counter(delivery.state for delivery in deliveries)
    return ", ".join(f"{count} {screen.pick(STATES[state])}" for state, count in counts.items())


@message.command()
@click.argument("code")
@with_config
@with_screen
def show(config_path: Path, screen: Screen, code: str) -> None:
    """Đường đi của một văn bản, theo mã, DocumentId hoặc số ký hiệu.

    What became of a message, by its id, DocumentId or code: a row per recipient, then every attempt.
    """

    async def look(store: Store) -> list[Story]:
        return [await _story(store, one) for one in await _find(store, code)]

    stories = read(config_path, look)
    if screen.json:
        screen.value({"messages": stories})
        return
    for story in stories:
        _show(story, screen)


async def _find(store: Store, code: str) -> Sequence[Message]:
    """The message (or the message of a delivery) with this id; else all with this DocumentId or code."""
    if one := await store.message(code):
        return [one]
    if (delivery := await store.delivery(code)) and (one := await store.message(delivery.message_id)):
        return [one]
    near = await store.messages(text=code, limit=200)
    wanted = code.strip().casefold()
    exact = [one for one in near if wanted in {one.envelope.business_id.casefold(), one.envelope.code.casefold()}]
    if not exact:
        raise Refusal("message.not_found", where=code)
    return exact[:MOST_SHOWN]


async def _story(store: Store, one: Message) -> Story:
    deliveries = [await _travelling(store, each) for each in await store.deliveries_of(one.id)]
    return Story(one, tuple(deliveries), tuple(await store.verdicts(one.id)))


async def _travelling(store: Store, delivery: Delivery) -> Travelling:
    return Travelling(delivery, tuple(await store.attempts_of(delivery.id)), await store.before(delivery.id))


def _show(story: Story, screen: Screen) -> None:
    one, envelope = story.message, story.message.envelope
    kind = screen.pick(KINDS[envelope.kind])
    screen.line(f"{kind} {envelope.code}  {envelope.subject}", f"{kind} {envelope.code}  {envelope.subject}")
    screen.line(
        f"  mã {one.id}, DocumentId {envelope.business_id}, từ {envelope.sender} qua {one.peer} lúc "
        f"{shown(one.received_at)}",
        f"  id {one.id}, DocumentId {envelope.business_id}, from {envelope.sender} by {one.peer} at "
        f"{shown(one.received_at)}",
    )
    screen.line(
        f"  SHA-256 {one.body.sha256} ({one.body.size} byte)", f"  SHA-256 {one.body.sha256} ({one.body.size} bytes)"
    )
    for words, values in ((("sửa khi đọc", "repaired"), one.findings), (("lưu ý", "marks"), one.marks)):
        if values:
            screen.line(f"  {words[0]}: {shown(values)}", f"  {words[1]}: {shown(values)}")
    _show_signatures(story, screen)
    _show_recipients(story, screen)
    _show_attempts(story, screen)


def _show_signatures(story: Story, screen: Screen) -> None:
    if not story.signatures:
        return
    screen.table(
        [
            ("Tệp đính kèm", "Attachment"),
            ("Chữ ký số", "Signature"),
            ("Người ký", "Signer"),
            ("Ký lúc", "Signed at"),
            ("Lý do", "Reason"),
        ],
        [
            (
                one.name,
                screen.pick(JUDGEMENTS[one.verdict.judgement]) if one.form else "-",
                _common_name(one.verdict.signer),
                one.verdict.signed_at or "",
                _reason(one.verdict, screen) if one.form else "",
            )
            for one in story.signatures
        ],
    )


def _common_name(signer: str) -> str:
    """What people call a signer: the CN of an RFC 4514 name, or all of it."""
    named = next((part for part in signer.split(",") if part.startswith("CN=")), signer)
    return named.removeprefix("CN=")


def _reason(verdict: Verdict, screen: Screen) -> str:
    reason = REASONS[verdict.reason]
    said = screen.pick((reason.vi, reason.en))
    changes = [screen.pick((vietnamese(line), line)) for line in verdict.later_changes]
    return "; ".join(part for part in (said, verdict.detail, *changes) if part)


def _show_recipients(story: Story, screen: Screen) -> None:
    screen.table(
        [
            ("Nơi nhận", "Recipient"),
            ("Qua", "Through"),
            ("Tình trạng", "State"),
            ("Số lần", "Attempts"),
            ("Từ", "Since"),
            ("Chi tiết", "Detail"),
            ("Mã lượt chuyển", "Delivery"),
        ],
        [
            (
                recipient,
                each.delivery.destination,
                screen.pick(STATES[each.delivery.state]),
                each.delivery.attempts,
                each.delivery.ended_at or each.delivery.created_at,
                _detail(each, screen),
                each.delivery.id,
            )
            for each in story.deliveries
            for recipient in each.delivery.recipients or (each.delivery.party or str(each.delivery.purpose),)
        ],
    )


def _detail(one: Travelling, screen: Screen) -> str:
    delivery, behind = one.delivery, _behind(one.behind, screen)
    twice = screen.pick(("có thể đến hai lần", "may have arrived twice")) if delivery.maybe_twice else ""
    return "; ".join(part for part in (behind, delivery.code, delivery.detail, delivery.reference, twice) if part)


def _behind(head: Delivery | None, screen: Screen) -> str:
    if head is None:
        return ""
    state = screen.pick(STATES[head.state])
    return screen.pick((f"đứng sau lượt {head.id} ({state})", f"behind delivery {head.id} ({state})"))


def _show_attempts(story: Story, screen: Screen) -> None:
    attempts = sorted(
        ((attempt, each.delivery) for each in story.deliveries for attempt in each.attempts),
        key=lambda pair: (pair[0].started_at, pair[0].number),
    )
    if not attempts:
        return
    screen.table(
        [("Lúc", "At"), ("Qua", "Through"), ("Lần", "No."), ("Kết quả", "Outcome"), ("Chi tiết", "Detail")],
        [
            (
                attempt.started_at,
                delivery.destination,
                attempt.number,
                attempt.outcome,
                "; ".join(part for part in (attempt.code, attempt.detail, attempt.reference) if part),
            )
            for attempt, delivery in attempts
        ],
    )


@message.command()
@click.argument("id")
@with_reason(required=True)
@with_config
@with_screen
def hold(config_path: Path, screen: Screen, id: str, reason: str) -> None:
    """Giữ lại lượt chuyển chưa kết thúc cho đến khi được cho đi tiếp.

    Stop a delivery that has not ended (or every such delivery of a message) until it is released.
    """
    result = order(config_path, "message.hold", {"id": id}, reason)
    if screen.json:
        screen.value(result)
        return
    for row in result["held"]:
        screen.line(
            f"{row['delivery']}: giữ lại, chưa chuyển tới {row['destination']}",
            f"{row['delivery']}: held, not going to {row['destination']}",
        )


@message.command()
@click.argument("id")
@click.option("--to", default="", help="Hệ thống, nền tảng hoặc mã đơn vị. / A system, platform or party code.")
@with_reason(required=True)
@with_config
@with_screen
def release(config_path: Path, screen: Screen, id: str, to: str, reason: str) -> None:
    """Cho đi tiếp lượt chuyển đang bị giữ, có thể đổi nơi đến.

    Let a held delivery (or every held delivery of a message) go on, to another destination if given.
    """
    result = order(config_path, "message.release", {"id": id, "to": to}, reason)
    if screen.json:
        screen.value(result)
        return
    for row in result["released"]:
        screen.line(
            f"{row['delivery']}: chuyển tiếp tới {row['destination']} {row['party']}".rstrip(),
            f"{row['delivery']}: goes on to {row['destination']} {row['party']}".rstrip(),
        )
