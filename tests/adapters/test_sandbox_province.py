"""The merged province: two makers' systems, codes of both generations, known to the axis and to the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config import load
from sandbox.app import start
from sandbox.caller import AxisRefusal
from sandbox.edxml import Organ
from sandbox.office import OfficeSystem
from sandbox.province import OFFICE_VARIABLE, UNKNOWN_PARTY, MergedProvince, merged_province
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM
from sandbox.writing import Draft

CONFIG = """
[gateway]
id = "test"
data_dir = "{folder}"
[listen.intake]
plain_http = "127.0.0.1:0"
[[platforms]]
id = "vxp"
adapter = "vxp"
base_url = "http://127.0.0.1:1"
environment = "test"
system_id = "{system_id}"
secret = "env:VXP_SECRET"
"""


def test_each_system_acts_for_departments_and_communes_under_codes_of_both_forms() -> None:
    province = merged_province()
    for system, former in zip(province.systems(), ("H53", "H39"), strict=True):
        codes = system.codes()
        assert len(codes) == len(set(codes)) == 85
        assert sum(code.endswith(f".{former}") for code in codes) == 10
        assert sum(code.startswith(f"{former}.") for code in codes) == 75
        assert all(party.name for party in system.parties)
    assert not set(province.vxp.codes()) & set(province.rest.codes())


@pytest.mark.parametrize(("departments", "communes"), [(0, 1), (10, 150), (3, 400)])
def test_the_preset_grows_to_the_size_asked_for(departments: int, communes: int) -> None:
    for system in merged_province(departments, communes).systems():
        assert len(set(system.codes())) == departments + communes


def loaded(province: MergedProvince, folder: Path, tables: str) -> Any:
    file = folder / "lienthong.toml"
    file.write_text(CONFIG.format(folder=folder / "state", system_id=province.axis_system) + tables, "utf-8")
    return load(file, {"VXP_SECRET": "axis", OFFICE_VARIABLE: province.vxp.secret})


def test_the_configuration_snippets_load(tmp_path: Path) -> None:
    province = merged_province()
    config = loaded(province, tmp_path, province.toml())
    assert [(system.id, system.adapter) for system in config.systems] == [
        ("qlvb-tayninh", "vxp"),
        ("qlvb-longan", "rest"),
    ]
    for system, expected in zip(config.systems, province.systems(), strict=True):
        assert all(code in system.parties for code in expected.codes())
        assert UNKNOWN_PARTY.code not in system.parties


def test_the_parties_may_stand_in_a_csv_file(tmp_path: Path) -> None:
    province = merged_province(communes=150)
    (tmp_path / "don-vi.csv").write_text(province.rest.csv(), "utf-8")
    (system,) = loaded(province, tmp_path, province.rest.toml("don-vi.csv")).systems
    assert all(code in system.parties for code in province.rest.codes())


async def test_ministries_reach_every_party_through_the_province_and_an_unknown_one_not_at_all() -> None:
    province = merged_province(communes=20)
    running = await start(province.sandbox(ministries_poll=False))
    try:
        ministry = running.systems[MINISTRY_SYSTEM]
        everybody = (*province.vxp.parties, *province.rest.parties)
        async with OfficeSystem(running.axis_url, ministry) as system:
            sender = Organ(MINISTRY_SYSTEM)
            await system.issue(Draft(sender, everybody, "1", "VPCP", "V/v sáp nhập", "2026/11/22"))
            with pytest.raises(AxisRefusal) as caught:
                await system.issue(Draft(sender, (UNKNOWN_PARTY,), "2", "VPCP", "V/v", "2026/11/22"))
            assert caught.value.code == "18"
        (copy,) = running.axis.operations.store.copies()
        assert copy.system == PROVINCE_SYSTEM
        assert set(copy.recipients) == {party.code for party in everybody}
    finally:
        await running.stop()
