"""A merged province for tests and the demo: two former provinces, two document systems of different makers.

Tây Ninh (H53) and Long An (H39) became one province in 2025. The maker of the first speaks the axis' own protocol
(VXP), the maker of the second REST; each acts for all departments and communes of its former province. Codes are of
both generations side by side: departments under QCVN 102 (`000.00.02.H53`), communes under QĐ 20/2020 (`H53.31.05`).
The codes and names of H53 are those of the 2020 directory as far as they reach; everything else is INVENTED here and
registered with the simulated axis, so that ministries can write to it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sandbox.agencies import Agency, shipped
from sandbox.edxml import Organ
from sandbox.settings import PROVINCE_SYSTEM, SandboxSettings, System

OFFICE_VARIABLE: Final = "VXP_OFFICE_SECRET"
"""Environment variable by which the configuration of the VXP maker's system names its secret."""

UNKNOWN_PARTY: Final = Organ("H39.99.99", "Trung tâm chưa đăng ký với trục")
"""A code no directory has: what an import must report and a sender be told."""

_AXIS_PATTERNS: Final = tuple(
    pattern for province in ("H53", "H39") for pattern in (f"*.{province}", province, f"{province}.*")
)
_FIRST_NUMBER: Final = 10_000
_DEPARTMENTS: Final = (
    "Sở Nội vụ", "Sở Tài chính", "Sở Công Thương", "Sở Y tế", "Sở Xây dựng", "Sở Tư pháp",
    "Sở Giáo dục và Đào tạo", "Sở Khoa học và Công nghệ", "Sở Nông nghiệp và Môi trường", "Thanh tra tỉnh",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ProvincialSystem:
    """One document system of the province. `id` is the gateway's name for it; only a VXP system has a `system_id`
    and a `secret` of its own there."""

    id: str
    name: str
    adapter: Literal["vxp", "rest"]
    parties: tuple[Organ, ...]
    system_id: str = ""
    secret: str = field(default="", repr=False)

    def codes(self) -> tuple[str, ...]:
        """Return the codes of all parties."""
        return tuple(party.code for party in self.parties)

    def seat(self) -> System:
        """Return the credentials with which the sandbox's `OfficeSystem` calls."""
        return System(self.system_id or self.id, self.secret, self.name, self.codes())

    def csv(self) -> str:
        """Return the parties as a file for `party import`: code and name, with a heading."""
        return "".join(["code,name\n", *(f'{party.code},"{party.name}"\n' for party in self.parties)])

    def toml(self, parties: str | None = None) -> str:
        """Return the `[[systems]]` table of the gateway's configuration; `parties` names a CSV file instead of a list.

        The secret of a VXP system is expected in the environment variable OFFICE_VARIABLE.
        """
        own = json.dumps(parties) if parties else json.dumps(self.codes())
        lines = ["[[systems]]", f'id = "{self.id}"', f"parties = {own}", 'environment = "test"']
        if self.adapter == "vxp":
            lines += ['adapter = "vxp"', f'system_id = "{self.system_id}"', f'secret = "env:{OFFICE_VARIABLE}"']
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class MergedProvince:
    """The province as the axis sees it (one centre, `axis_system`) and the two systems behind its gateway."""

    name: str
    axis_system: str
    vxp: ProvincialSystem
    rest: ProvincialSystem

    def systems(self) -> tuple[ProvincialSystem, ProvincialSystem]:
        """Return both systems."""
        return self.vxp, self.rest

    def toml(self) -> str:
        """Return both `[[systems]]` tables."""
        return "\n".join(system.toml() for system in self.systems())

    def agencies(self) -> tuple[Agency, ...]:
        """Return the directory entries the simulated axis needs beyond the shipped ones."""
        known = {code for agency in shipped() for code in (agency.code, agency.qd20)}
        new = [party for system in self.systems() for party in system.parties if party.code not in known]
        return tuple(
            Agency(number, party.code, party.name, parent=self.axis_system)
            for number, party in enumerate(new, start=_FIRST_NUMBER)
        )

    def sandbox(self, **options: Any) -> SandboxSettings:
        """Return settings of a sandbox whose axis knows every party; `options` are further settings."""
        return SandboxSettings(
            province_name=self.name, province_agencies=_AXIS_PATTERNS, agencies=self.agencies(), **options
        )


def merged_province(departments: int = 10, communes: int = 75, secret: str = "") -> MergedProvince:
    """Return the preset; each system acts for that many departments (at most 10) and communes.

    `secret` is the VXP maker's shared secret with the gateway, random if not given.
    """
    return MergedProvince(
        "UBND tỉnh Tây Ninh",
        PROVINCE_SYSTEM,
        ProvincialSystem(
            "qlvb-tayninh",
            "QLVB Tây Ninh (nhà cung cấp A)",
            "vxp",
            (*_tay_ninh_departments(departments), *_tay_ninh_communes(communes)),
            "000.00.00.H53.A",
            secret or secrets.token_hex(16),
        ),
        ProvincialSystem(
            "qlvb-longan", "QLVB Long An cũ (nhà cung cấp B)", "rest", tuple(_long_an(departments, communes))
        ),
    )


def _tay_ninh_departments(count: int) -> list[Organ]:
    real = [
        Organ(agency.code, agency.name)
        for agency in shipped()
        if agency.code.startswith("000.00.") and agency.code.endswith(".H53") and agency.name.startswith("Sở ")
    ]
    return real[: min(count, len(_DEPARTMENTS))]


def _tay_ninh_communes(count: int) -> list[Organ]:
    """Real communes under their newer codes first, then invented ones."""
    real = [
        Organ(agency.qd20, agency.name)
        for agency in shipped()
        if agency.code.endswith(".H53") and agency.name.casefold().startswith(("ubnd xã", "ubnd phường"))
    ][:count]
    return real + [Organ(f"H53.90.{number:02d}", f"UBND xã số {number}") for number in range(1, count - len(real) + 1)]


def _long_an(departments: int, communes: int) -> Iterator[Organ]:
    for number, name in enumerate(_DEPARTMENTS[:departments], start=1):
        yield Organ(f"000.00.{number:02d}.H39", f"{name} (cơ sở Long An)")
    for number in range(1, communes + 1):
        yield Organ(f"H39.{20 + number // 50}.{number % 50:02d}", f"UBND xã Long An số {number}")
