"""`lienthong quarantine`: packages nobody could read or trust, and the two ways out."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.access import order, read
from gateway.cli.frame import Exit, Failure, with_config, with_reason, with_screen
from gateway.cli.screen import Screen, shown
from gateway.cli.words import QUARANTINE
from gateway.errors import FAULTS, Refusal
from gateway.model.message import Quarantined, QuarantineState
from gateway.ports import Store


@click.group()
def quarantine() -> None:
    """Gói đang cách ly. / Packages in quarantine."""


@quarantine.command("list")
@click.option("--all", "everything", is_flag=True, help="Kể cả gói đã xử lý. / Settled ones too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@with_config
@with_screen
def listing(config_path: Path, screen: Screen, everything: bool, limit: int) -> None:
    """Các gói chờ xử lý. / Packages waiting for a person."""
    state = None if everything else QuarantineState.OPEN
    items = read(config_path, lambda store: store.quarantined(state=state, limit=limit))
    if screen.json:
        screen.value(items)
        return
    screen.table(
        [
            ("Nhận lúc", "Received"),
            ("Từ", "From"),
            ("Mã bên gửi", "Reference"),
            ("Lý do", "Reason"),
            ("Cỡ", "Size"),
            ("Tình trạng", "State"),
            ("Mã", "Id"),
        ],
        [
            (
                item.received_at,
                item.peer,
                item.reference,
                _why(item, screen),
                item.body.size,
                screen.pick(QUARANTINE[item.state]),
                item.id,
            )
            for item in items
        ],
    )


def _why(item: Quarantined, screen: Screen) -> str:
    fault = FAULTS.get(item.code)
    return f"{screen.pick((fault.vi, fault.en))} [{item.code}]" if fault else item.code


@quarantine.command()
@click.argument("id")
@click.option(
    "--body", type=click.Path(path_type=Path), help="Xuất nguyên bản ra tệp mới. / Write the bytes to a new file."
)
@with_config
@with_screen
def show(config_path: Path, screen: Screen, id: str, body: Path | None) -> None:
    """Một gói: vì sao cách ly, và nguyên bản của nó. / One package: why it is here, and its bytes."""

    async def look(store: Store) -> tuple[Quarantined, bytes | None]:
        item = await store.quarantined_item(id)
        if item is None:
            raise Refusal("message.not_found", where=id)
        return item, await store.body(item.body.id) if body else None

    item, raw = read(config_path, look)
    if body and raw is not None:
        _write_new(body, raw)
    if screen.json:
        screen.value(item)
        return
    screen.table(
        [("", ""), ("", "")],
        [
            (screen.pick(("Mã", "Id")), item.id),
            (screen.pick(("Từ", "From")), f"{item.peer} {item.reference}".strip()),
            (screen.pick(("Nhận lúc", "Received")), shown(item.received_at)),
            (screen.pick(("Lý do", "Reason")), _why(item, screen)),
            (screen.pick(("Vị trí", "Where")), item.where),
            (screen.pick(("Chi tiết", "Detail")), item.detail),
            ("SHA-256", f"{item.body.sha256} ({item.body.size} byte)"),
            (screen.pick(("Tình trạng", "State")), screen.pick(QUARANTINE[item.state])),
            (screen.pick(("Người xử lý", "Settled by")), f"{item.settled_by} {item.reason}".strip()),
            (screen.pick(("Văn bản", "Message")), item.message_id),
        ],
    )


def _write_new(path: Path, raw: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(raw)
    except OSError as error:
        raise Failure(
            Exit.USAGE,
            "file.write",
            f"Không ghi được {path}: {error.strerror}",
            f"Cannot write {path}: {error.strerror}",
        ) from None


@quarantine.command()
@click.argument("id")
@click.option("--to", default="", help="Giao nguyên bản cho đơn vị này. / Hand the bytes unread to this party.")
@with_config
@with_screen
def accept(config_path: Path, screen: Screen, id: str, to: str) -> None:
    """Nhận lại gói; với --to thì giao nguyên bản dù không đọc được.

    Run the accept story again; with --to the bytes go unread to that party's system.
    """
    result = order(config_path, "quarantine.accept", {"id": id, "to": to})
    if screen.json:
        screen.value(result)
    else:
        screen.line(f"Đã nhận thành văn bản {result['message_id']}", f"Accepted as message {result['message_id']}")


@quarantine.command()
@click.argument("id")
@with_reason(required=True)
@with_config
@with_screen
def reject(config_path: Path, screen: Screen, id: str, reason: str) -> None:
    """Từ chối gói; nền tảng gửi sẽ được báo. / Reject a package; the platform that sent it is told."""
    result = order(config_path, "quarantine.reject", {"id": id}, reason)
    if screen.json:
        screen.value(result)
    else:
        screen.line(f"Đã từ chối {id}", f"Rejected {id}")
