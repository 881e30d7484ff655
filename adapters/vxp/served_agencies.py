"""The agency operations of `/vxp`: lists of the platform with the parties connected here, registering, deleting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from adapters.vxp.knock import parameters
from adapters.vxp.served_answers import listing, ok
from adapters.vxp.wire import PREFIX
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.access import Caller
from gateway.ports import Call, Reply

LONGEST_BODY: Final = 64 * 1024

AgencyRow = dict[str, object]


class Agencies(Protocol):
    """Where agencies are known, by the operation's name."""

    async def __call__(self, operation: str, params: Mapping[str, str]) -> Sequence[AgencyRow]:
        """The rows of getAgenciesList, getAgenciesListQD20 (`level`) or getSynchronizeUnit; nothing for registerAgency
        (id, pcode, code, name, mail, mobile, fax) and deleteAgency (`AgencyCode`). Refusal vxp.agencies if the
        platform does not answer, vxp.agency if it says no."""
        ...


class AgencyOperations:
    """Asks `Agencies`; a system registers and deletes its own parties only."""

    def __init__(self, agencies: Agencies) -> None:
        self._agencies = agencies

    async def list(self, call: Call) -> Reply:
        """getAgenciesList: QCVN 102 codes."""
        return await self._rows(call, "getAgenciesList")

    async def list_qd20(self, call: Call) -> Reply:
        """getAgenciesListQD20: QĐ 20 codes, of one `level` if given."""
        return await self._rows(call, "getAgenciesListQD20", "level")

    async def units(self, call: Call) -> Reply:
        """getSynchronizeUnit: all units with version and deletion mark."""
        return await self._rows(call, "getSynchronizeUnit")

    async def register(self, call: Call) -> Reply:
        """registerAgency: the JSON body's members are passed on if `code` is a party of the caller."""
        parameters(call.headers)
        members = _members(call.body)
        if not members.get("name"):
            raise Refusal("http.request", "/name", "the agency needs a name")
        _require_own(members.get("code", ""), "/code", call.caller)
        await self._agencies("registerAgency", members)
        return ok()

    async def delete(self, call: Call) -> Reply:
        """deleteAgency: a party of the caller, named by `AgencyCode`."""
        code = parameters(call.headers).need("AgencyCode")
        _require_own(code, f"{PREFIX}AgencyCode", call.caller)
        await self._agencies("deleteAgency", {"AgencyCode": code})
        return ok()

    async def _rows(self, call: Call, operation: str, *names: str) -> Reply:
        asked = parameters(call.headers)
        params = {name: asked.text(name) for name in names if asked.text(name)}
        return await listing(await self._agencies(operation, params))


def _members(body: bytes) -> dict[str, str]:
    found = strictjson.loads(body, max_bytes=LONGEST_BODY)
    if not isinstance(found, dict):
        raise Refusal("json.value", "/", "a JSON object is expected")
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int)}


def _require_own(code: str, where: str, caller: Caller) -> None:
    if code not in caller.parties:
        raise Refusal("auth.forbidden", where, "this party does not belong to the calling system")
