"""The directory of agencies and the books of the axis: questions asked rarely, answered with long lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from adapters.vxp.answers import AxisFault, Result
from adapters.vxp.axis import BRACES, EMPTY, Axis, Request
from gateway.client import Body
from gateway.formats.foreign import as_text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Agency:
    """A row of one of the three agency lists; each fills its own part, the rest is "".

    *code* is in the list's own form: QCVN 102 in getAgenciesList, QĐ 20 in getAgenciesListQD20, whose *code102* is
    the old one (*old_code* in the other list). Never compute one from the other (reference §8).
    """

    code: str
    name: str = ""
    mail: str = ""
    id: str = ""
    pid: str = ""
    old_code: str = ""
    code102: str = ""
    version: str = ""
    center_code: str = ""
    deleted: bool = False
    modified: str = ""
    is_agency: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of getSentEdocList: one package of ours at one receiver. Times are text as the axis wrote them."""

    message_type: str
    sender_doc_id: str
    receiver_doc_id: str
    from_code: str
    to_code: str
    title: str
    notation: str
    sent_time: str
    send_status: str
    received_time: str
    receive_status: str


class Directory:
    """Questions about agencies, counts and what was sent. Every method raises `AxisFault`."""

    def __init__(self, axis: Axis, deadline: float) -> None:
        self._axis = axis
        self._directory_deadline = deadline

    async def get_agencies_list(self) -> Sequence[Agency]:
        """All agencies by their QCVN 102 codes; more than 100,000 rows at the real axis."""
        return await self._question("getAgenciesList", {}, _agencies)

    async def get_agencies_list_qd20(self, level: int | None = None) -> Sequence[Agency]:
        """Agencies by their QĐ 20 codes, of one level (1…4) or of all."""
        params = {} if level is None else {"level": str(level)}
        return await self._question("getAgenciesListQD20", params, _agencies)

    async def get_synchronize_unit(self) -> Sequence[Agency]:
        """All units with version, deletion mark and time of change, for incremental copies."""
        return await self._question("getSynchronizeUnit", {}, _agencies)

    async def register_agency(self, agency: Agency, parent_code: str, mobile: str = "", fax: str = "") -> None:
        """Register or change an agency under our system id; *parent_code* is its superior's code."""
        members = {"id": agency.id, "pcode": parent_code, "code": agency.code, "name": agency.name}
        members |= {"mail": agency.mail} | ({"mobile": mobile} if mobile else {}) | ({"fax": fax} if fax else {})
        body = json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
        await self._question("registerAgency", {}, _confirmed, body)

    async def delete_agency(self, code: str) -> None:
        """Remove an agency registered under our system id."""
        await self._question("deleteAgency", {"AgencyCode": code}, _confirmed)

    async def count_receive_edoc(self) -> int:
        """How many documents wait for us."""
        return await self._question("countReceiveEdoc", {}, _count, BRACES)

    async def count_receive_status(self) -> int:
        """How many statuses wait for us."""
        return await self._question("countReceiveStatus", {}, _count, BRACES)

    async def get_sent_edoc_list(self, type: str = "edoc", doc_id: str = "") -> Sequence[Sent]:
        """What the axis knows of what we sent, *type* "edoc" or "status", of one axis docId if given."""
        params = {"servicetype": "eDoc", "messagetype": type} | ({"docId": doc_id} if doc_id else {})
        return await self._question("getSentEdocList", params, _sent_rows)

    async def download_edoc(self, doc_id: str) -> bytes:
        """The package's bytes without a JSON carrier, as SDK 2.0.1 also offers it."""
        return await self._axis.download(Request("downloadEdoc", {"docId": doc_id}, EMPTY, self._directory_deadline))

    async def _question(
        self, operation: str, params: Mapping[str, str], read: Callable[[Result], T], body: Body = EMPTY
    ) -> T:
        return await self._axis.ask(Request(operation, params, body, self._directory_deadline), read)


def rows(result: Result) -> Sequence[Mapping[str, Any]]:
    """The objects of `data`; a missing or null list is empty, anything else in it is skipped."""
    found = result.members.get("data")
    if found is None:
        return []
    if not isinstance(found, list):
        raise AxisFault("vxp.garbage", "data is not a list")
    return [row for row in found if isinstance(row, dict)]


def _confirmed(result: Result) -> None:
    """OK is all there is to know."""


def _agencies(result: Result) -> Sequence[Agency]:
    return [agency for row in rows(result) if (agency := _agency(row)) is not None]


def _sent_rows(result: Result) -> Sequence[Sent]:
    return [_sent(row) for row in rows(result)]


def _agency(row: Mapping[str, Any]) -> Agency | None:
    code = as_text(row.get("code")).strip()
    if not code:
        return None
    return Agency(
        code,
        name=as_text(row.get("name")),
        mail=as_text(row.get("mail")),
        id=as_text(row.get("id")),
        pid=as_text(row.get("pid")),
        old_code=as_text(row.get("oldCode")),
        code102=as_text(row.get("code102")),
        version=as_text(row.get("version")),
        center_code=as_text(row.get("centerCode")),
        deleted=_flag(row.get("deleted"), False),
        modified=as_text(row.get("modifyDate")),
        is_agency=_flag(row.get("isAgency"), True),
    )


def _sent(row: Mapping[str, Any]) -> Sent:
    names = "messageType senderDocId receiverDocId fromCode toCode title notation sentTime sendStatus"
    return Sent(*(as_text(row.get(name)) for name in [*names.split(), "receivedTime", "receiveStatus"]))


def _flag(value: object, default: bool) -> bool:
    text = as_text(value).strip().lower()
    return text in ("true", "1", "yes") if text else default


def _count(result: Result) -> int:
    text = result.text("count").strip()
    if not (text.isascii() and text.isdigit()):
        raise AxisFault("vxp.garbage", "count is not a number")
    return int(text)
