"""What each adapter needs of its table, what only it knows, and what its secrets must look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.config.disagreement import Disagreement
from gateway.config.locate import KeyPath
from gateway.config.model import Config, Platform, System
from gateway.config.secret import Secret


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys one adapter *needs*, and those it *knows* beside the ones every table has."""

    needs: tuple[str, ...] = ()
    knows: tuple[str, ...] = ()


SYSTEMS: Final[Mapping[str, Keys]] = {
    "rest": Keys(),
    "vxp": Keys(("system_id", "secret"), ("timestamp_window",)),
    "lgsp": Keys(("system_id", "secret")),
    "webhook": Keys(("url", "secret"), ("content", "public_url", "slots", "deadline", "ca_file")),
}
PLATFORMS: Final[Mapping[str, Keys]] = {
    "vxp": Keys(knows=("hash_file", "to_header", "wrap_attachments")),
    "lgsp": Keys(knows=("settled_codes", "login")),
}

_HEADER: Final = re.compile(r"[!-~]{1,255}")


def check_dialects(config: Config) -> Iterator[Disagreement]:
    """Every system and platform has exactly the keys of its adapter, in a form the adapter can use. Pure."""
    for index, system in enumerate(config.systems):
        yield from _keys(("systems", index), system, SYSTEMS)
    for index, platform in enumerate(config.platforms):
        yield from _keys(("platforms", index), platform, PLATFORMS)
    yield from _system_ids(config)
    yield from _secrets(config)
    yield from _arrivals(config)
    if config.listen.intake.lgsp_login and all(system.adapter != "lgsp" for system in config.systems):
        yield Disagreement(
            ("listen", "intake", "lgsp_login"),
            "lgsp_login chỉ có nghĩa khi có hệ thống dùng adapter lgsp",
            "lgsp_login has a meaning only for systems of adapter lgsp",
        )


def _keys(table: KeyPath, row: System | Platform, adapters: Mapping[str, Keys]) -> Iterator[Disagreement]:
    own = adapters[row.adapter]
    for key in dict.fromkeys(key for keys in adapters.values() for key in keys.needs + keys.knows):
        if key in own.needs and getattr(row, key) is None:
            yield Disagreement(
                (*table, key), f"Thiếu {key} cho adapter {row.adapter}", f"adapter {row.adapter} needs {key}"
            )
        elif key in row.model_fields_set and key not in own.needs + own.knows:
            users = ", ".join(name for name, keys in adapters.items() if key in keys.needs + keys.knows)
            yield Disagreement(
                (*table, key), f"{key} chỉ dùng cho adapter {users}", f"{key} is for adapter {users} only", *_hint(row)
            )


def _hint(row: System | Platform) -> tuple[str, str]:
    if row.adapter != "rest":
        return "", ""
    return (
        "Hệ thống dùng REST được nhận ra bằng khóa: 'lienthong key add'",
        "A REST system is known by its key: 'lienthong key add'",
    )


def _system_ids(config: Config) -> Iterator[Disagreement]:
    seen: dict[str, str] = {}
    for index, system in enumerate(config.systems):
        if system.system_id and seen.setdefault(system.system_id, system.id) != system.id:
            yield Disagreement(
                ("systems", index, "system_id"),
                f"system_id '{system.system_id}' đã dùng cho hệ thống '{seen[system.system_id]}'",
                f"The system_id '{system.system_id}' is already that of '{seen[system.system_id]}'",
            )
    for index, platform in enumerate(config.platforms):
        if platform.adapter == "lgsp" and "/" in platform.system_id:
            yield Disagreement(
                ("platforms", index, "system_id"),
                "system_id của adapter lgsp không được có dấu '/'",
                "A system_id of adapter lgsp holds no '/'",
            )


def _arrivals(config: Config) -> Iterator[Disagreement]:
    for index, system in enumerate(config.systems):
        if system.adapter == "webhook" and system.automatic_arrival:
            yield Disagreement(
                ("systems", index, "automatic_arrival"),
                "Hệ thống nhận qua webhook phải tự báo trạng thái 01",
                "A system that is pushed to must report status 01 itself",
            )


def _secrets(config: Config) -> Iterator[Disagreement]:
    """Secrets in a form that could never work are told now, not at the first call."""
    for index, system in enumerate(config.systems):
        if system.adapter == "webhook":
            yield from _unusable(("systems", index, "secret"), system.secret, _signs, *_WEBHOOK)
        elif system.adapter == "lgsp":
            yield from _unusable(("systems", index, "secret"), system.secret, _travels, *_LGSP)
    for index, platform in enumerate(config.platforms):
        if platform.adapter == "lgsp":
            yield from _unusable(("platforms", index, "secret"), platform.secret, _travels, *_LGSP)


_WEBHOOK: Final = (
    "Bí mật webhook phải có dạng whsec_ và base64 của 24 đến 64 byte ngẫu nhiên",
    "A webhook secret is whsec_ and the base64 of 24 to 64 random bytes",
)
_LGSP: Final = (
    "Bí mật của adapter lgsp đi trong header: chỉ gồm ký tự ASCII nhìn thấy được",
    "A secret of adapter lgsp travels in a header: visible ASCII only",
)


def _unusable(
    path: KeyPath, secret: Secret | None, works: Callable[[str], bool], vi: str, en: str
) -> Iterator[Disagreement]:
    if secret is not None and secret.opened and not works(secret.reveal()):
        yield Disagreement(path, vi, en)


def _travels(text: str) -> bool:
    return _HEADER.fullmatch(text) is not None


def _signs(text: str) -> bool:
    from adapters.webhook import SigningSecret  # here, so that commands which sign nothing do not load an HTTP client

    try:
        return bool([SigningSecret(word) for word in text.split()])
    except ValueError:
        return False
