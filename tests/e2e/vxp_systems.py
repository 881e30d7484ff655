"""A province whose document systems speak VXP to the gateway, and the packages they send."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from province import Province, running_gateway

from gateway.clock import VIETNAM
from sandbox.app import Running
from sandbox.caller import Caller, signed_headers
from sandbox.edxml import File, Organ, Reference
from sandbox.writing import Draft, write_document, write_status

SNV = ("000.00.01.H53", "secret of snv")
STNMT = ("000.00.02.H53", "bí mật của stnmt")
CAPTURED = ("000.00.00.H46", "dummy-secret")
"""The system id and secret of the requests recorded from the vendor's SDK."""

AGENCY = "H53.01.009"

SYSTEM = f"""
adapter = "vxp"
system_id = "{SNV[0]}"
secret = "file:snv.secret"
parties = ["H53.01", "H53.01.*"]
"""
MORE_SYSTEMS = f"""
[[systems]]
id = "stnmt"
adapter = "vxp"
system_id = "{STNMT[0]}"
secret = "file:stnmt.secret"
parties = ["H53.03"]
environment = "test"
[[systems]]
id = "captured"
adapter = "vxp"
system_id = "{CAPTURED[0]}"
secret = "file:captured.secret"
parties = ["000.00.00.H46", "999.010.01.H22"]
environment = "test"
timestamp_window = "36500d"
"""


@asynccontextmanager
async def vxp_province(folder: Path, sandbox: Running, *, intake: str = "") -> AsyncIterator[Province]:
    """A gateway with the VXP systems snv (H53.01 and below), stnmt (H53.03) and captured, beside stc (REST, H53.02)."""
    for name, (_, secret) in (("snv", SNV), ("stnmt", STNMT), ("captured", CAPTURED)):
        (folder / f"{name}.secret").write_text(secret, encoding="utf-8")
    async with running_gateway(folder, sandbox, system=SYSTEM, platform=MORE_SYSTEMS, intake=intake) as province:
        yield province


def caller(province: Province, credentials: tuple[str, str]) -> Caller:
    """The sandbox's own VXP client, pointed at the gateway; not yet entered."""
    return Caller(f"{province.base_url}/vxp", *credentials)


def package(number: str, to: tuple[str, ...] = ("000.00.00.G22",), sender: str = "H53.01", **more: Any) -> bytes:
    """The edXML file of a document with one small attachment."""
    recipients = tuple(Organ(code, f"Đơn vị {code}") for code in to)
    files = more.pop("files", (File("công văn.pdf", "application/pdf", b"%PDF-1.7 " + number.encode()),))
    draft = Draft(
        Organ(sender, "Sở Nội vụ"), recipients, number, "SNV-VP", f"V/v số {number}", "2026/11/20", files=files, **more
    )
    return write_document(draft, now(), Random(7))


def document_id(number: str, sender: str = "H53.01") -> str:
    """The DocumentId that :func:`package` gives."""
    return f"{sender},2026/11/20,{number}/SNV-VP"


def status(number: str, code: str, sender: str, about: str = "H53.01") -> bytes:
    """The edXML file of a business status about the document *number* of *about*."""
    reference = Reference(about, f"{number}/SNV-VP", document_id(number, about), "2026/11/20")
    return write_status(Organ(sender, "Đơn vị nhận"), reference, code, "Đã tiếp nhận", now())


def now() -> datetime:
    """Local time, as systems write it."""
    return datetime.now(VIETNAM)


async def raw_call(
    province: Province,
    credentials: tuple[str, str],
    operation: str,
    params: Mapping[str, str] | None = None,
    body: bytes = b"",
    *,
    method: str = "POST",
    at: datetime | None = None,
) -> tuple[int, bytes]:
    """One signed call, whatever the answer: HTTP status and body."""
    headers = signed_headers(*credentials, params or {}, "application/json", at or now())
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, f"{province.base_url}/vxp/{operation}", data=io.BytesIO(body), headers=headers
        ) as response,
    ):
        return response.status, await response.read()


async def told(
    province: Province,
    credentials: tuple[str, str],
    operation: str,
    params: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> str:
    """The ErrorCode of one signed call that HTTP calls a success."""
    status, answer = await raw_call(province, credentials, operation, params, body)
    assert status == 200, answer
    return str(json.loads(answer)["ErrorCode"])


def sending(file: bytes, sender: str = "H53.01", type: str = "edoc", **more: str) -> dict[str, str]:
    """The parameters of sendEdoc for *file*."""
    digest = hashlib.sha256(file).hexdigest()
    return {"servicetype": "eDoc", "messagetype": type, "from": sender, "hash-file": digest, **more}
