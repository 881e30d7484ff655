"""The integrator guide, executed: every block of docs/integrator.md runs, in order, against a real gateway."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click import Context
from click.testing import CliRunner
from province import running_gateway
from vxp_systems import package

from adapters.rest import decode
from adapters.rest.answers import problem
from gateway.cli import lienthong
from gateway.config import load
from gateway.errors import Refusal
from gateway.intake.statuses import check_status, out_of_order
from gateway.model.document import DocumentStatus, Organization, ResponseFor, StatusCode
from sandbox.app import Running

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "integrator.md"
OPERATOR = GUIDE.with_name("operator.md")
EXECUTED = ("sh", "python", "toml", "json")
RECEIVER = "https://qlvb.example.gov.vn/lienthong"
"""The receiver's address in the guide; the test listens on loopback instead."""
SECRETS = {
    "qlvb-vxp": "secret-of-the-vxp-seat",
    "qlvb-lgsp": "secret-of-the-lgsp-seat",
    "webhook": "whsec_" + base64.b64encode(b"secret of the guide's webhook").decode(),
}
PRELUDE = "set -euo pipefail\nif [ -f .shell ]; then . ./.shell; fi\nset -a\n"
POSTLUDE = "\nset +a\n{ declare -px; declare -pf; } > .shell\n"
"""Blocks are read as if pasted into one terminal: each finds the variables and functions of those before it."""
BLOCK_SECONDS = 60


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file it is to be saved as ("" if none), and the line it starts at."""

    language: str
    text: str
    file: str
    line: int

    @property
    def fragments(self) -> list[str]:
        """What the guide says will be seen, in this order."""
        return [found.strip() for found in re.findall(r"# => (.+)$", self.text, re.MULTILINE)]


def blocks(page: Path = GUIDE) -> Iterator[Block]:
    """The fenced blocks of *page*, first to last."""
    opened, file, lines = 0, "", []
    language = ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), start=1):
        if not line.lstrip().startswith(("```", "~~~")):
            lines.append(line)
        elif opened:
            yield Block(language, "\n".join(lines) + "\n", file, opened)
            opened, lines = 0, []
        else:
            before = next((text for text in reversed(lines) if text.strip()), "")
            named = re.fullmatch(r"<!-- file: (\S+) -->", before)
            opened, language, file, lines = number, line.strip("`~ "), named[1] if named else "", []
    assert not opened, f"the fence of line {opened} is never closed"


def of(language: str) -> list[Block]:
    return [block for block in blocks() if block.language == language]


@dataclass
class Reader:
    """A vendor at a terminal, in a folder of its own."""

    folder: Path
    environment: Mapping[str, str]
    groups: list[int] = field(default_factory=list)

    async def follow(self, block: Block) -> None:
        """Do what *block* says and see what it promises."""
        assert block.language in EXECUTED, f"{GUIDE.name}:{block.line}: nobody runs {block.language!r}"
        if block.file:
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
        if block.language == "json":
            json.loads(block.text)
        elif block.language == "python":
            file = block.file or "block.py"
            (self.folder / file).write_text(block.text, encoding="utf-8")
            self.see(block, await self.shell(f"python3 {file}", block))
        elif block.language == "sh":
            self.see(block, await self.shell(block.text, block))

    async def shell(self, script: str, block: Block) -> str:
        """Everything *script* writes; the test fails unless it ends with 0. What runs in the background lives on."""
        said = self.folder / ".said"
        with said.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                "bash", "-c", PRELUDE + script + POSTLUDE, cwd=self.folder, env=dict(self.environment),
                stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self.groups.append(process.pid)
        try:
            ended: int | None = await asyncio.wait_for(process.wait(), BLOCK_SECONDS)
        except TimeoutError:
            ended = None
        text = said.read_text("utf-8", "replace")
        assert ended == 0, f"{GUIDE.name}:{block.line} ended with {ended}:\n{text}"
        return text

    def leave(self) -> None:
        """Close the terminal: end what still runs in it."""
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def see(self, block: Block, written: str) -> None:
        """Each fragment after the one before it; a number is a whole line."""
        at = 0
        for fragment in block.fragments:
            wanted = re.compile(f"^{fragment}$" if fragment.isdecimal() else re.escape(fragment), re.MULTILINE)
            found = wanted.search(written, at)
            assert found, f"{GUIDE.name}:{block.line}: {fragment!r} is not in\n{written[at:]}"
            at = found.end()


@asynccontextmanager
async def reading(folder: Path, sandbox: Running) -> AsyncIterator[Reader]:
    """The gateway as the guide configures it, and a reader who has what an operator hands out."""
    desk, port = folder / "desk", free_port()
    desk.mkdir()
    (desk / "van-ban.xml").write_bytes(conformant("124", ("H53.07.01",), "H53.07"))
    (desk / "goi.xml").write_bytes(conformant("125", ("H53.08.01", "H53.07"), "H53.08"))
    (desk / "lgsp.xml").write_bytes(conformant("126", ("H53.10.01",), "H53.10"))
    for name, text in SECRETS.items():
        (folder / f"{name}.secret").write_text(text, encoding="utf-8")
    seats = "".join(block.text for block in of("toml")).replace(RECEIVER, f"http://127.0.0.1:{port}/")
    async with running_gateway(folder, sandbox, platform=seats) as province:
        reader = Reader(
            desk,
            {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(desk),
                "LANG": "C.UTF-8",
                "NO_PROXY": "127.0.0.1",
                "GATEWAY": province.base_url,
                "CONFIG": str(folder / "lienthong.toml"),
                "VXP_SECRET": next(iter(sandbox.systems.values())).secret,
                "SYSTEM_ID": "000.00.08.H53",
                "SECRET": SECRETS["qlvb-vxp"],
                "LGSP_ID": "000.00.10.H53",
                "LGSP_SECRET": SECRETS["qlvb-lgsp"],
                "WEBHOOK_SECRET": SECRETS["webhook"],
                "PORT": str(port),
            },
        )
        try:
            yield reader
        finally:
            reader.leave()


def conformant(number: str, to: tuple[str, ...], sender: str) -> bytes:
    """An edXML package as a careful vendor makes it: with the signer's Competence, which simulated systems omit."""
    position = b"<edXML:SignerInfo>"
    plain = package(number, to, sender)
    assert position in plain
    return plain.replace(position, position + "<edXML:Competence>Giám đốc</edXML:Competence>".encode())


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_every_block_does_what_the_guide_says(tmp_path: Path, sandbox: Running) -> None:
    missing = [name for name in ("bash", "curl") if not shutil.which(name)]
    if missing:
        pytest.skip(f"not on this machine: {', '.join(missing)} (apt-get install {' '.join(missing)})")
    async with reading(tmp_path, sandbox) as reader:
        for block in blocks():
            await reader.follow(block)


def test_no_block_is_left_out() -> None:
    found = list(blocks())
    assert {block.language for block in found} == set(EXECUTED)
    for block in found:
        assert block.fragments or block.language in ("json", "toml"), f"line {block.line} promises nothing to see"


def test_documents_of_the_guide_are_accepted_by_the_reader() -> None:
    for block in of("json"):
        if block.file:
            assert decode(block.text.encode()).content, block.file


def test_the_problem_of_the_guide_is_what_the_gateway_says() -> None:
    document, shown = of("json")[0].text, json.loads(of("json")[1].text)
    with pytest.raises(Refusal) as raised:
        decode("".join(line for line in document.splitlines() if '"subject"' not in line).encode())
    assert json.loads(problem(raised.value, "vi", shown["reference"]).body) == shown


@pytest.mark.parametrize("page", [GUIDE, OPERATOR], ids=lambda page: str(page.stem))
def test_every_command_named_in_a_sentence_exists_with_its_options(page: Path) -> None:
    named = re.findall(r"`(?:sudo )?lienthong ([^`]+)`|^lienthong ([^#\n|]+)", page.read_text("utf-8"), re.MULTILINE)
    assert named
    for inline, fenced in named:
        words = (inline or fenced).split()
        path = command_path(words)
        shown = CliRunner().invoke(lienthong, [*path, "--help"])
        assert shown.exit_code == 0, (words, shown.output)
        for option in re.findall(r"(?:^| )(--[a-z-]+)", " ".join(words)):
            assert option in shown.output, f"lienthong {' '.join(path)} has no {option}"


def command_path(words: list[str]) -> list[str]:
    """The group and command at the head of *words*; the rest are arguments."""
    group = lienthong.get_command(Context(lienthong), words[0])
    assert group is not None, f"lienthong has no {words[0]}"
    below = getattr(group, "commands", None)
    if below is None:
        return words[:1]
    if len(words) == 1:
        return words
    assert words[1] in below, f"lienthong {words[0]} has no {words[1]}"
    return words[:2]


def test_the_configuration_of_the_guide_gives_each_kind_of_seat(tmp_path: Path) -> None:
    file = tmp_path / "lienthong.toml"
    head = '[gateway]\nid = "guide"\n[listen.intake]\nplain_http = "127.0.0.1:0"\n'
    file.write_text(head + "".join(block.text for block in of("toml")), encoding="utf-8")
    config = load(file, {}, opens_secrets=False)
    assert {system.adapter for system in config.systems} == {"rest", "vxp", "lgsp", "webhook"}


def test_the_rules_of_statuses_are_those_of_the_guide() -> None:
    """The table of section 5: every code of the product, and which of them need a reason."""
    rows = re.findall(r"^\| (\d\d) \|[^|]*\|([^|]*)\|", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert [int(code) for code, _ in rows] == sorted(StatusCode)
    for code, rule in rows:
        status = DocumentStatus(Organization("A"), ResponseFor("B", "1/X", "B,2026/11/22,1/X"), int(code))
        assert needs_reason(status) is ("lý do" in rule), code
    assert out_of_order(StatusCode.REFUSED, [StatusCode.REGISTERED])


def needs_reason(status: DocumentStatus) -> bool:
    try:
        check_status(status)
    except Refusal as refusal:
        return refusal.where == "Description"
    return False
