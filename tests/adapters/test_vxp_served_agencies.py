"""The agencies a connected system sees: asked of the axis once, kept a while, with the parties connected here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

import pytest

from adapters.vxp import PlatformAgencies, Secret, VxpPlatform, VxpSettings
from adapters.vxp.agencies import KEPT_SECONDS
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.errors import Refusal
from gateway.model.party import Parties
from sandbox.app import Running, start
from sandbox.settings import PROVINCE_SYSTEM, SandboxSettings

LOCAL = (Parties(("H53.01", "H53.01.*")), Parties(("000.00.00.G22", "H53.77")))


class TestClock(SystemClock):
    """The machine's time, and hours that a test adds."""

    __test__ = False

    def __init__(self) -> None:
        self.added = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return super().monotonic() + self.added


@pytest.fixture
async def axis() -> AsyncIterator[Running]:
    running = await start(SandboxSettings(ministries_poll=False))
    yield running
    await running.stop()


@pytest.fixture
async def platform(axis: Running) -> AsyncIterator[VxpPlatform]:
    secret = Secret(axis.systems[PROVINCE_SYSTEM].secret)
    settings = VxpSettings("truc", axis.axis_url, PROVINCE_SYSTEM, secret, requests_per_second=500, outage_jitter=0)
    client = Client([axis.axis_url])
    yield VxpPlatform(settings, client, SystemClock(), Random(1))
    await client.close()


async def codes(agencies: PlatformAgencies, operation: str, **params: str) -> list[object]:
    return [row["code"] for row in await agencies(operation, params)]


async def test_local_parties_are_added_once_and_patterns_are_no_codes(platform: VxpPlatform) -> None:
    found = await codes(PlatformAgencies(platform, LOCAL, SystemClock()), "getAgenciesList")
    assert found.count("000.00.00.G22") == 1
    assert {"H53.77"} < set(found)
    assert "H53.01.*" not in found


async def test_each_list_has_the_names_that_the_sdk_reads(platform: VxpPlatform) -> None:
    agencies = PlatformAgencies(platform, LOCAL, SystemClock())
    names = {
        "getAgenciesList": "id pid code name mail oldCode",
        "getAgenciesListQD20": "id code name mail code102",
        "getSynchronizeUnit": "id pid code name mail version centerCode deleted modifyDate isAgency",
    }
    for operation, expected in names.items():
        rows = await agencies(operation, {})
        assert rows
        assert all(list(row) == expected.split() for row in rows)


async def test_a_level_is_asked_for_and_nonsense_means_all(platform: VxpPlatform) -> None:
    agencies = PlatformAgencies(platform, LOCAL, SystemClock())
    first = await codes(agencies, "getAgenciesListQD20", level="1")
    assert first
    assert all("." not in str(code) for code in first)
    assert len(await codes(agencies, "getAgenciesListQD20", level="x")) > len(first)


async def test_a_list_is_asked_again_after_its_time_and_after_a_change(axis: Running, platform: VxpPlatform) -> None:
    clock = TestClock()
    agencies = PlatformAgencies(platform, LOCAL, clock)
    asked = axis.axis.meter.requests
    await agencies("getAgenciesList", {})
    await agencies("getAgenciesList", {})
    assert asked["getAgenciesList"] == 1
    clock.added = KEPT_SECONDS + 1
    await agencies("getAgenciesList", {})
    assert asked["getAgenciesList"] == 2
    await agencies("registerAgency", {"code": "H53.01.009", "name": "Chi cục", "pcode": "H53.01"})
    assert "H53.01.009" in await codes(agencies, "getAgenciesList")
    await agencies("deleteAgency", {"AgencyCode": "H53.01.009"})
    assert "H53.01.009" not in await codes(agencies, "getAgenciesList")


async def test_no_more_than_four_lists_are_kept(axis: Running, platform: VxpPlatform) -> None:
    agencies = PlatformAgencies(platform, LOCAL, SystemClock())
    for level in ("1", "2", "3", "4"):
        await agencies("getAgenciesListQD20", {"level": level})
    await agencies("getAgenciesList", {})
    await agencies("getAgenciesListQD20", {"level": "4"})
    assert axis.axis.meter.requests["getAgenciesListQD20"] == 4
    await agencies("getAgenciesListQD20", {"level": "1"})
    assert axis.axis.meter.requests["getAgenciesListQD20"] == 5


async def test_without_a_platform_the_local_parties_are_listed_and_nothing_can_be_registered() -> None:
    agencies = PlatformAgencies(None, LOCAL, SystemClock())
    assert await codes(agencies, "getAgenciesList") == ["H53.01", "000.00.00.G22", "H53.77"]
    with pytest.raises(Refusal, match=r"vxp\.agencies"):
        await agencies("registerAgency", {"code": "H53.01.009", "name": "x"})


async def test_an_axis_that_is_gone_and_one_that_says_no_are_told_apart(axis: Running, platform: VxpPlatform) -> None:
    agencies = PlatformAgencies(platform, LOCAL, SystemClock())
    with pytest.raises(Refusal, match=r"vxp\.agency "):
        await agencies("deleteAgency", {"AgencyCode": "H53.01.777"})
    await axis.gates[0].shut()
    with pytest.raises(Refusal, match=r"vxp\.agencies"):
        await agencies("getAgenciesList", {})
