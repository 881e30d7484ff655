"""The agencies a connected system sees: the platform's own lists, and the parties connected here that it lacks.

The lists are long (over 100,000 rows) and change rarely, so each is asked once for all systems and kept for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from adapters.vxp.answers import AxisFault
from adapters.vxp.directory import Agency, Directory
from adapters.vxp.served_agencies import AgencyRow
from gateway.clock import Clock
from gateway.errors import Refusal
from gateway.model.party import Parties

KEPT_SECONDS: Final = 600.0
MOST_KEPT: Final = 4
"""Lists kept at a time: one may have 100,000 rows."""
_LEVELS: Final = ("1", "2", "3", "4")

_Key = tuple[str, str]


class PlatformAgencies:
    """`served_agencies.Agencies` over one connection to the axis; without one, over the local parties alone."""

    def __init__(self, platform: Directory | None, local: Iterable[Parties], clock: Clock) -> None:
        self._platform = platform
        self._local = tuple(code for parties in local for code in parties.patterns if not code.endswith("*"))
        self._clock = clock
        self._turn = asyncio.Lock()
        self._kept: dict[_Key, tuple[float, Sequence[AgencyRow]]] = {}

    async def __call__(self, operation: str, params: Mapping[str, str]) -> Sequence[AgencyRow]:
        """Raises Refusal vxp.agencies if the axis did not answer, vxp.agency if it said no."""
        try:
            if operation == "registerAgency":
                return await self._register(params)
            if operation == "deleteAgency":
                return await self._delete(params["AgencyCode"])
            level = params.get("level", "")
            return await self._rows(operation, level if level in _LEVELS else "")
        except AxisFault as fault:
            if fault.code == "vxp.fail":
                raise Refusal("vxp.agency", fault.detail, operation) from fault
            raise Refusal("vxp.agencies", operation, str(fault), retry_after=60) from fault

    async def _register(self, params: Mapping[str, str]) -> Sequence[AgencyRow]:
        agency = Agency(params["code"], params["name"], params.get("mail", ""), params.get("id", ""))
        more = (params.get("pcode", ""), params.get("mobile", ""), params.get("fax", ""))
        await self._connected().register_agency(agency, *more)
        self._kept.clear()
        return ()

    async def _delete(self, code: str) -> Sequence[AgencyRow]:
        await self._connected().delete_agency(code)
        self._kept.clear()
        return ()

    def _connected(self) -> Directory:
        if self._platform is None:
            raise Refusal("vxp.agencies", detail="no platform with a directory is configured")
        return self._platform

    async def _rows(self, operation: str, level: str) -> Sequence[AgencyRow]:
        """The kept list, or a new one; whoever asks meanwhile waits for the same answer."""
        async with self._turn:
            kept = self._kept.get((operation, level))
            if kept is None or self._clock.monotonic() - kept[0] > KEPT_SECONDS:
                self._make_room()
                kept = (self._clock.monotonic(), await self._ask(operation, level))
                self._kept[(operation, level)] = kept
            return kept[1]

    def _make_room(self) -> None:
        now = self._clock.monotonic()
        fresh = [(key, kept) for key, kept in self._kept.items() if now - kept[0] <= KEPT_SECONDS]
        self._kept = dict(fresh[-(MOST_KEPT - 1) :])

    async def _ask(self, operation: str, level: str) -> Sequence[AgencyRow]:
        asked = self._questions(level)[operation] if self._platform else None
        agencies = await asked() if asked else ()
        known = {code.casefold() for agency in agencies for code in (agency.code, agency.code102, agency.old_code)}
        more = () if level else tuple(Agency(code) for code in self._local if code.casefold() not in known)
        return [_ROWS[operation](agency) for agency in (*agencies, *more)]

    def _questions(self, level: str) -> Mapping[str, Callable[[], Awaitable[Sequence[Agency]]]]:
        platform = self._connected()
        number = int(level) if level else None
        return {
            "getAgenciesList": platform.get_agencies_list,
            "getAgenciesListQD20": lambda: platform.get_agencies_list_qd20(number),
            "getSynchronizeUnit": platform.get_synchronize_unit,
        }


def _agency_row(agency: Agency) -> AgencyRow:
    return {
        "id": agency.id,
        "pid": agency.pid,
        "code": agency.code,
        "name": agency.name,
        "mail": agency.mail,
        "oldCode": agency.old_code,
    }


def _qd20_row(agency: Agency) -> AgencyRow:
    return {
        "id": agency.id,
        "code": agency.code,
        "name": agency.name,
        "mail": agency.mail,
        "code102": agency.code102,
    }


def _unit_row(agency: Agency) -> AgencyRow:
    return {
        "id": agency.id,
        "pid": agency.pid,
        "code": agency.code,
        "name": agency.name,
        "mail": agency.mail,
        "version": agency.version,
        "centerCode": agency.center_code,
        "deleted": agency.deleted,
        "modifyDate": agency.modified,
        "isAgency": agency.is_agency,
    }


_ROWS: Final[Mapping[str, Callable[[Agency], AgencyRow]]] = {
    "getAgenciesList": _agency_row,
    "getAgenciesListQD20": _qd20_row,
    "getSynchronizeUnit": _unit_row,
}
