"""A province whose documents are signed: a test PKI beside the axis, and what it takes to judge and to sign."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from province import Province, listening

from gateway.config import load
from sandbox.app import Running, start
from sandbox.edxml import File, Organ
from sandbox.pki.desk import Desk, letter_of
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.identity import Identity
from sandbox.settings import PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft

PASSWORD = "mat-khau-thu"
SENDER = Organ("H53.01", "Sở Nội vụ")
CONFIG = """
[gateway]
id = "test"
data_dir = "{folder}/state"
[listen.intake]
plain_http = "127.0.0.1:0"
[listen.console]
address = "127.0.0.1:0"
[store]
reserve = "1MB"
[delivery]
retry_first = "50ms"
retry_max = "400ms"
[trust]
directory = "{folder}/trust"
fetch_from = ["{pki}"]
fetch_deadline = "5s"
{trust}
[[systems]]
id = "snv"
parties = ["H53.01"]
environment = "test"
{system}
[[systems]]
id = "stc"
parties = ["H53.02"]
environment = "test"
[[platforms]]
id = "vxp"
adapter = "vxp"
base_url = "{axis_url}"
environment = "test"
system_id = "{system_id}"
secret = "env:VXP_SECRET"
requests_per_second = 500
poll_interval = "100ms"
deadline = "5s"
{platform}
[[routes]]
to = ["*"]
platform = "vxp"
{route}
{more}
"""


@dataclass
class Signed:
    """The province, its PKI, and the desk that signs letters."""

    province: Province
    hierarchy: Hierarchy
    desk: Desk
    folder: Path

    def letter(self, subject: str = "V/v kiểm tra chữ ký", *, sealed: bool = True) -> bytes:
        """A letter of the department, signed by its head and, with *sealed*, by the department."""
        draft = Draft(SENDER, (Organ("000.00.00.G22", "Văn phòng Chính phủ"),), "12", "SNV-VP", subject, "2026/11/20")
        return self.desk.signed(letter_of(draft), sealed=sealed)


def attached(content: bytes, name: str = "cong-van.pdf") -> File:
    return File(name, "application/pdf", content)


def trust_directory(hierarchy: Hierarchy, folder: Path) -> None:
    """state/, public/ and tsa/ of a gateway that believes the test PKI."""
    for name, tree in (("state", "government"), ("public", "public")):
        (folder / name).mkdir(parents=True)
        hierarchy.write_trust(folder / name, (tree,))
    (folder / "tsa").mkdir()
    hierarchy.write_trust(folder / "tsa")


def key_file(identity: Identity, folder: Path, name: str) -> Path:
    """A PKCS#12 file of *identity*, its password beside it."""
    path = folder / f"{name}.p12"
    path.write_bytes(identity.pkcs12(PASSWORD))
    path.chmod(0o600)
    return path


@asynccontextmanager
async def signed_province(
    folder: Path,
    *,
    trust: str = "",
    system: str = "",
    platform: str = "",
    route: str = "",
    more: str = "",
    prepare: Callable[[Hierarchy, Path], None] = lambda hierarchy, folder: None,
) -> AsyncIterator[Signed]:
    """The gateway in this process, with a PKI it believes; *prepare* puts files into the folder before it starts."""
    running: Running = await start(SandboxSettings(ministries_poll=False, pki_port=0))
    try:
        assert running.pki is not None
        hierarchy = running.pki.hierarchy
        trust_directory(hierarchy, folder / "trust")
        prepare(hierarchy, folder)
        desk = Desk(hierarchy)
        text = CONFIG.format(
            folder=folder,
            pki=hierarchy.base_url,
            axis_url=running.axis_url,
            system_id=PROVINCE_SYSTEM,
            trust=trust,
            system=system,
            platform=platform,
            route=route,
            more=more.format(folder=folder, pki=hierarchy.base_url),
        )
        file = folder / "lienthong.toml"
        file.write_text(text, encoding="utf-8")
        environ = {"VXP_SECRET": running.systems[PROVINCE_SYSTEM].secret, "KEY_PASSWORD": PASSWORD}
        async with listening(load(file, environ), running) as province:
            yield Signed(province, hierarchy, desk, folder)
    finally:
        await running.stop()
