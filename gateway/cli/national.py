"""What the national platforms know of organisation codes: their agency lists, asked once for a person's command."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from random import SystemRandom
from typing import TYPE_CHECKING

from gateway.cli.frame import Exit, Failure
from gateway.cli.roster import Agency, Directory
from gateway.client import Client
from gateway.clock import SystemClock
from gateway.config.model import Platform
from gateway.ports import PollFault

if TYPE_CHECKING:
    from adapters.vxp.directory import Agency as Listed

DEADLINE = 120.0
"""Seconds for one list: the real one has more than 100,000 rows."""


async def directory(platforms: Sequence[Platform]) -> Directory:
    """Every code that the platforms know, in either form; one counts as deleted only where every row says so. A
    regional axis has no list to ask for. Failure if a platform does not answer.
    """
    known: dict[str, Agency] = {}
    for platform in (row for row in platforms if row.adapter == "vxp"):
        try:
            _add(known, await _lists(platform))
        except PollFault as fault:
            raise _silent(platform, fault) from fault
    return known


async def _lists(platform: Platform) -> Sequence[Listed]:
    """All three lists: no one of them holds every code of an agency."""
    from adapters.vxp import Secret, VxpPlatform, VxpSettings

    settings = VxpSettings(
        id=platform.id,
        base_url=platform.base_url,
        system_id=platform.system_id,
        secret=Secret(platform.secret.reveal()),
        requests_per_second=platform.requests_per_second,
        directory_deadline=DEADLINE,
    )
    async with AsyncExitStack() as stack:
        client = Client([platform.base_url], ca_file=platform.ca_file)
        stack.push_async_callback(client.close)
        axis = VxpPlatform(settings, client, SystemClock(), SystemRandom())
        return [
            *await axis.get_agencies_list(),
            *await axis.get_agencies_list_qd20(),
            *await axis.get_synchronize_unit(),
        ]


def _add(known: dict[str, Agency], rows: Iterable[Listed]) -> None:
    for row in rows:
        for code in {row.code, row.old_code, row.code102} - {""}:
            before = known.get(code.casefold(), Agency(deleted=True))
            name = before.name or row.name
            known[code.casefold()] = Agency(name, deleted=before.deleted and row.deleted)


def _silent(platform: Platform, fault: PollFault) -> Failure:
    return Failure(
        Exit.UNREACHABLE,
        "platform.silent",
        f"Không lấy được danh mục đơn vị của '{platform.id}': {fault}",
        f"The platform '{platform.id}' gave no list of agencies: {fault}",
        "Thử lại, hoặc dùng --offline để bỏ qua việc đối chiếu",
        "Try again, or leave this check out with --offline",
    )
