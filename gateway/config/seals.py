"""Whether the tables about signatures agree with each other and with the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gateway.config.disagreement import Disagreement
from gateway.config.locate import KeyPath
from gateway.config.model import Config
from gateway.config.signing import SigningKey, SigningProfile
from gateway.intake.signatures import Demand


def check_signatures(config: Config) -> Iterator[Disagreement]:
    """Disagreements between [trust], [signing], systems, platforms and routes. Pure."""
    yield from _demands(config)
    keys, profiles = config.signing.keys, config.signing.profiles
    for index, key in enumerate(keys):
        yield from _key(("signing", "keys", index), key)
    for index, profile in enumerate(profiles):
        yield from _profile(("signing", "profiles", index), profile, config)
    for name, rows in (("keys", [one.id for one in keys]), ("profiles", [one.id for one in profiles])):
        for index, id in enumerate(rows):
            if id in rows[:index]:
                path: KeyPath = ("signing", name, index, "id")
                yield Disagreement(path, f"Tên '{id}' dùng hai lần", f"The id '{id}' is used twice")
    known = {profile.id for profile in profiles}
    for index, route in enumerate(config.routes):
        for id in route.sign:
            if id not in known:
                yield _unknown(("routes", index, "sign"), "cấu hình ký", "signing profile", id, known)


def check_signature_files(config: Config) -> Iterator[tuple[KeyPath, Path]]:
    """The files that a server must be able to read."""
    for index, key in enumerate(config.signing.keys):
        for name in ("file", "module", "certificate", "chain"):
            if (path := getattr(key, name)) is not None:
                yield ("signing", "keys", index, name), path
    for index, profile in enumerate(config.signing.profiles):
        if profile.seal_image is not None:
            yield ("signing", "profiles", index, "seal_image"), profile.seal_image


def _demands(config: Config) -> Iterator[Disagreement]:
    """Nothing can be required where nothing is believed."""
    if config.trust.directory is not None:
        return
    asked: list[tuple[KeyPath, object]] = [(("trust", "signatures"), config.trust.signatures)]
    for name in ("systems", "platforms", "routes"):
        rows = getattr(config, name)
        asked += [((name, index, "signatures"), row.signatures) for index, row in enumerate(rows)]
    for path, demands in asked:
        if isinstance(demands, dict) and Demand.REQUIRE in demands.values():
            yield Disagreement(
                path,
                "Muốn bắt buộc chữ ký số thì phải có [trust] directory",
                "Signatures cannot be required without [trust] directory",
                "Đặt [trust] directory chứa state/, public/, tsa/",
                "Set [trust] directory, holding state/, public/, tsa/",
            )


def _key(path: KeyPath, key: SigningKey) -> Iterator[Disagreement]:
    if (key.file is None) == (key.module is None):
        yield Disagreement(
            path,
            f"Khóa '{key.id}' cần đúng một trong hai: file hoặc module",
            f"The key '{key.id}' needs either file or module",
        )
    elif key.module is not None:
        for name, given in (("token", key.token), ("pin", key.pin), ("label", key.label or key.key_id)):
            if not given:
                yield Disagreement((*path, name), f"Khóa trên token cần {name}", f"A key on a token needs {name}")


def _profile(path: KeyPath, profile: SigningProfile, config: Config) -> Iterator[Disagreement]:
    known = {key.id for key in config.signing.keys}
    if profile.key not in known:
        yield _unknown((*path, "key"), "khóa", "key", profile.key, known)
    if "seal" in (profile.form, profile.attachments) and profile.seal_image is None:
        yield Disagreement(
            (*path, "seal_image"),
            "Hình thức 'seal' cần ảnh con dấu (PNG nền trong)",
            "The form 'seal' needs the seal's image (a PNG with a transparent ground)",
        )
    if profile.level != "B-B" and not config.signing.stamps:
        yield Disagreement(
            (*path, "level"),
            f"Mức {profile.level} cần [signing] stamps",
            f"The level {profile.level} needs [signing] stamps",
            'Thêm địa chỉ máy chủ dấu thời gian, hoặc đặt level = "B-B"',
            'Add a time stamping authority, or set level = "B-B"',
        )


def _unknown(path: KeyPath, vi: str, en: str, id: str, known: set[str]) -> Disagreement:
    names = ", ".join(sorted(known))
    return Disagreement(
        path,
        f"Không có {vi} '{id}'",
        f"There is no {en} '{id}'",
        f"Đang có: {names or '(chưa có)'}",
        f"There are: {names or '(none)'}",
    )
