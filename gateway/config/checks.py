"""What one key alone cannot tell: whether the tables agree with each other, and with the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

from gateway.config.dialects import check_dialects
from gateway.config.disagreement import Disagreement
from gateway.config.locate import KeyPath
from gateway.config.model import Config
from gateway.config.seals import check_signature_files, check_signatures
from gateway.config.values import is_loopback
from gateway.signing.trust.purposes import load_purposes
from gateway.signing.trust.store import TrustFault

RESERVED = frozenset({"gateway", "unassigned"})
LONGEST_SOCKET_PATH = 107
"""Bytes of a Unix socket's path on Linux (unix(7): sun_path has 108, one for the final zero)."""


def check_tables(config: Config) -> Iterator[Disagreement]:
    """Disagreements between tables. Pure."""
    yield from _ids(config)
    yield from _claims(config)
    yield from check_dialects(config)
    yield from check_signatures(config)
    yield from _environments(config)
    yield from _base_urls(config)
    yield from _inboxes(config)
    yield from _routes(config)
    yield from _listeners(config)
    yield from _times(config)


def check_machine(config: Config) -> Iterator[Disagreement]:
    """Disagreements with the machine: files that a server must be able to read, the folder it must write."""
    intake = config.listen.intake
    for name, path in (("tls_certificate", intake.tls_certificate), ("tls_key", intake.tls_key)):
        if path:
            yield from _readable(("listen", "intake", name), path)
    authorities = [(("platforms", index, "ca_file"), row.ca_file) for index, row in enumerate(config.platforms)]
    authorities += [(("systems", index, "ca_file"), row.ca_file) for index, row in enumerate(config.systems)]
    for key, path in authorities:
        if path:
            yield from _readable(key, path)
    for place, file in check_signature_files(config):
        yield from _readable(place, file)
    if config.trust.directory is not None:
        yield from _trust(config.trust.directory)
    yield from _data_dir(config.gateway.data_dir)


def _ids(config: Config) -> Iterator[Disagreement]:
    seen: set[str] = set()
    systems = [(("systems", index, "id"), row.id) for index, row in enumerate(config.systems)]
    platforms = [(("platforms", index, "id"), row.id) for index, row in enumerate(config.platforms)]
    for path, name in systems + platforms:
        folded = name.casefold()
        if folded in RESERVED:
            yield Disagreement(path, f"Tên '{name}' được dành riêng", f"The id '{name}' is reserved")
        elif folded in seen:
            yield Disagreement(
                path,
                f"Tên '{name}' đã dùng cho hệ thống hoặc nền tảng khác",
                f"The id '{name}' is already used by another system or platform",
                "Mỗi hệ thống, mỗi nền tảng một tên",
                "Give every system and every platform an id of its own",
            )
        seen.add(folded)


def _claims(config: Config) -> Iterator[Disagreement]:
    for (_, first), (index, second) in combinations(enumerate(config.systems), 2):
        if pattern := second.parties.overlap(first.parties):
            yield Disagreement(
                ("systems", index, "parties"),
                f"'{pattern}' thuộc cả hai hệ thống '{first.id}' và '{second.id}'",
                f"'{pattern}' is claimed by both systems '{first.id}' and '{second.id}'",
                "Mỗi đơn vị chỉ do một hệ thống đảm nhận",
                "A party has exactly one system",
            )


def _environments(config: Config) -> Iterator[Disagreement]:
    """Every system reaches every platform by some route, so one odd environment anywhere is a leak."""
    kinds = {platform.environment for platform in config.platforms}
    for index, system in enumerate(config.systems):
        if kinds - {system.environment}:
            other = "production" if system.environment == "test" else "test"
            yield Disagreement(
                ("systems", index, "environment"),
                f"Hệ thống '{system.id}' ({system.environment}) sẽ nối tới nền tảng {other}",
                f"The system '{system.id}' ({system.environment}) would reach a {other} platform",
                f'Đặt environment = "{other}", hoặc chạy riêng một cổng cho thử nghiệm',
                f'Set environment = "{other}", or run a separate gateway for tests',
            )
    if len(kinds) > 1:
        odd = next(i for i, row in enumerate(config.platforms) if row.environment != config.platforms[0].environment)
        yield Disagreement(
            ("platforms", odd, "environment"),
            "Nền tảng thử nghiệm và chính thức không được nằm chung một cổng",
            "Test and production platforms must not share one gateway",
            "Chạy riêng một cổng cho thử nghiệm",
            "Run a separate gateway for tests",
        )


def _base_urls(config: Config) -> Iterator[Disagreement]:
    """Both are called from here with what must not be read on the way."""
    for index, platform in enumerate(config.platforms):
        if not _protected(platform.base_url, platform.environment):
            yield _plain(("platforms", index, "base_url"), f"Nền tảng '{platform.id}'", f"The platform '{platform.id}'")
    for index, system in enumerate(config.systems):
        if system.url and not _protected(system.url, system.environment):
            yield _plain(("systems", index, "url"), f"Hệ thống '{system.id}'", f"The system '{system.id}'")


def _plain(path: KeyPath, vi: str, en: str) -> Disagreement:
    return Disagreement(
        path,
        f"{vi} phải dùng https",
        f"{en} must be reached over https",
        "http chỉ dùng cho máy này (127.0.0.1) hoặc môi trường test",
        "http is for this machine (127.0.0.1) or environment test only",
    )


def _protected(url: str, environment: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or environment == "test" or is_loopback(parts.hostname or "")


def _inboxes(config: Config) -> Iterator[Disagreement]:
    """Two pollers of one inbox would each see half of it."""
    for (_, first), (index, second) in combinations(enumerate(config.platforms), 2):
        if (first.base_url, first.system_id) == (second.base_url, second.system_id):
            yield Disagreement(
                ("platforms", index, "system_id"),
                f"'{first.id}' và '{second.id}' là cùng một hộp thư trên nền tảng",
                f"'{first.id}' and '{second.id}' are the same inbox of the platform",
            )


def _routes(config: Config) -> Iterator[Disagreement]:
    known = {platform.id for platform in config.platforms}
    for index, route in enumerate(config.routes):
        if route.platform not in known:
            yield Disagreement(
                ("routes", index, "platform"),
                f"Không có nền tảng '{route.platform}'",
                f"There is no platform '{route.platform}'",
                f"Các nền tảng: {', '.join(sorted(known)) or '(chưa có)'}",
                f"Platforms: {', '.join(sorted(known)) or '(none)'}",
            )
    yield from _repeated_routes(config)
    if len(config.platforms) > 1 and not config.routes:
        yield Disagreement(
            ("platforms", 1),
            "Có nhiều nền tảng thì phải có [[routes]]",
            "With several platforms [[routes]] must say who is reached through which",
            f'Thêm: [[routes]] to = ["*"], platform = "{config.platforms[0].id}"',
            f'Add: [[routes]] to = ["*"], platform = "{config.platforms[0].id}"',
        )


def _repeated_routes(config: Config) -> Iterator[Disagreement]:
    seen: set[str] = set()
    for index, route in enumerate(config.routes):
        patterns = {pattern.casefold() for pattern in route.to.patterns}
        for pattern in sorted(patterns & seen):
            yield Disagreement(
                ("routes", index, "to"),
                f"'{pattern}' đã có ở một tuyến phía trên nên tuyến này không bao giờ được dùng",
                f"'{pattern}' already stands in a route above, so it is never used here",
            )
        seen |= patterns


def _listeners(config: Config) -> Iterator[Disagreement]:
    intake = config.listen.intake
    here: KeyPath = ("listen", "intake")
    if (intake.tls_certificate is None) != (intake.tls_key is None):
        key = "tls_key" if intake.tls_key is None else "tls_certificate"
        yield Disagreement((*here, key), f"Thiếu {key}", f"{key} is missing")
    elif intake.tls_certificate is None and (intake.plain_http is None or "address" in intake.model_fields_set):
        yield Disagreement(
            (*here, "address"),
            "Cổng nhận cần chứng thư TLS",
            "The intake listener needs a TLS certificate",
            "Thêm tls_certificate và tls_key; hoặc chỉ dùng plain_http cho mạng nội bộ",
            "Add tls_certificate and tls_key; or use plain_http alone on a closed network",
        )
    yield from _shared_ports(config)
    if intake.max_body > intake.max_in_flight // 2:
        yield Disagreement(
            (*here, "max_in_flight"),
            "max_in_flight phải ít nhất gấp đôi max_body",
            "max_in_flight must be at least twice max_body, or one sender shuts the others out",
        )


def _shared_ports(config: Config) -> Iterator[Disagreement]:
    intake = config.listen.intake
    listeners = [
        (("listen", "intake", "address"), intake.address if intake.tls else None),
        (("listen", "intake", "plain_http"), intake.plain_http),
        (("listen", "console", "address"), config.listen.console.address),
    ]
    for (_, first), (path, second) in combinations(listeners, 2):
        if first and first.port and first == second:
            yield Disagreement(path, f"Địa chỉ {second} dùng hai lần", f"The address {second} is used twice")


def _times(config: Config) -> Iterator[Disagreement]:
    delivery = config.delivery
    if delivery.retry_first > delivery.retry_max:
        yield Disagreement(
            ("delivery", "retry_first"),
            "retry_first dài hơn retry_max",
            "retry_first is longer than retry_max",
        )
    platforms = [(("platforms", index), row.deadline) for index, row in enumerate(config.platforms)]
    systems = [(("systems", index), row.deadline) for index, row in enumerate(config.systems) if row.url]
    for path, deadline in platforms + systems:
        if deadline >= delivery.lease:
            yield Disagreement(
                (*path, "deadline"),
                "deadline phải ngắn hơn [delivery] lease",
                "deadline must be shorter than [delivery] lease, or an attempt outlives its claim",
            )


def _trust(folder: Path) -> Iterator[Disagreement]:
    """The directory as the server will read it, its certificates included."""
    try:
        load_purposes(folder)
    except TrustFault as fault:
        yield Disagreement(
            ("trust", "directory"),
            f"Không dùng được {fault.file}",
            f"{fault.file} cannot be used: {fault.detail}",
            "Thư mục cần có state/ hoặc public/ chứa chứng thư gốc (PEM, DER); tsa/ cho dấu thời gian",
            "It needs state/ or public/ with the authorities' certificates (PEM, DER); tsa/ for time stamps",
        )


def _readable(path: KeyPath, file: Path) -> Iterator[Disagreement]:
    if not file.is_file():
        yield Disagreement(path, f"Không có tệp {file}", f"There is no file {file}")
    elif not os.access(file, os.R_OK, effective_ids=True):
        yield Disagreement(path, f"Không có quyền đọc tệp {file}", f"The file {file} may not be read")


def _data_dir(folder: Path) -> Iterator[Disagreement]:
    path: KeyPath = ("gateway", "data_dir")
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not nearest.is_dir():
        yield Disagreement(path, f"{nearest} không phải thư mục", f"{nearest} is not a folder")
    elif not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
        yield Disagreement(
            path,
            f"Không ghi được vào {nearest}",
            f"{nearest} may not be written",
            "Tạo thư mục và giao cho tài khoản chạy dịch vụ (chown)",
            "Create the folder and give it to the service's account (chown)",
        )
    if len(os.fsencode(folder / "control.sock")) > LONGEST_SOCKET_PATH:
        yield Disagreement(
            path,
            "Đường dẫn data_dir quá dài cho ổ cắm điều khiển",
            f"The path is too long for the control socket ({LONGEST_SOCKET_PATH} bytes)",
        )
