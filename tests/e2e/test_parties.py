"""One system, many parties: their list is brought in and checked, each sends, pulls and reads for itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from province import Province, document, running_gateway

from gateway.cli import lienthong
from gateway.config import load
from sandbox.app import Running
from sandbox.settings import PROVINCE_SYSTEM

CONFIG = """\
[gateway]
id = "test"
data_dir = "{data_dir}"
[listen.intake]
plain_http = "127.0.0.1:0"
[[systems]]
id = "snv"
parties = {parties}
environment = "test"
[[systems]]
id = "stc"
parties = ["H53.02"]
environment = "test"
[[platforms]]
id = "vxp"
adapter = "vxp"
base_url = "{axis_url}"
environment = "test"
system_id = "{id}"
secret = "env:VXP_SECRET"
requests_per_second = 500
"""
UNKNOWN = ("000.99.99.H53", "H53.99.98", "000.00.98.H53")


class Desk:
    """A configuration beside a simulated axis, and commands run on it. `snv` is the system with the list."""

    def __init__(self, folder: Path, sandbox: Running, parties: str = '"don-vi.csv"') -> None:
        self.folder = folder
        self.list = folder / "don-vi.csv"
        self.config = folder / "lienthong.toml"
        self.environ = {"VXP_SECRET": sandbox.systems[PROVINCE_SYSTEM].secret}
        self.config.write_text(
            CONFIG.format(data_dir=folder / "state", axis_url=sandbox.axis_url, parties=parties, id=PROVINCE_SYSTEM),
            encoding="utf-8",
        )

    def file(self, *codes: str, name: str = "moi.csv") -> Path:
        """A CSV file with a heading, a name beside each code, and a byte order mark as spreadsheets write it."""
        path = self.folder / name
        rows = ["Mã định danh,Tên", *(f'{code},"Đơn vị {code}"' for code in codes)]
        path.write_text("\r\n".join(rows) + "\r\n", encoding="utf-8-sig")
        return path

    async def run(self, *words: object, **environ: str | None) -> Result:
        arguments = [*map(str, words), "-c", str(self.config)]
        result = await asyncio.to_thread(CliRunner(env={**self.environ, **environ}).invoke, lienthong, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    async def bring_in(self, file: Path, *words: str, exits: int = 0) -> Any:
        """`party import` for snv: its JSON result."""
        result = await self.run("party", "import", file, "--system", "snv", *words, "--json")
        assert result.exit_code == exits, result.output
        return json.loads(result.stdout)


@pytest.fixture
def desk(tmp_path: Path, sandbox: Running) -> Desk:
    desk = Desk(tmp_path, sandbox)
    desk.list.write_text("H53.01\n", encoding="utf-8")
    return desk


def communes(sandbox: Running, count: int) -> Sequence[str]:
    """Codes that the axis knows, half of them in the old form and half in the new one."""
    below = (agency for agency in sandbox.axis.operations.directory if agency.qd20.startswith("H53."))
    agencies = [agency for agency in below if agency.qd20 != "H53.02"]  # that one is served by stc
    return [agency.qd20 if place % 2 else agency.code for place, agency in enumerate(agencies[:count])]


async def test_a_hundred_and_fifty_communes_are_checked_and_every_unknown_code_is_named(
    desk: Desk, sandbox: Running
) -> None:
    known = communes(sandbox, 147)
    codes = [*known[:50], UNKNOWN[0], *known[50:100], UNKNOWN[1], *known[100:], UNKNOWN[2]]
    assert len(codes) == 150
    told = await desk.bring_in(desk.file(*codes), "--dry-run", exits=1)
    assert [(row["what"], row["code"], row["line"]) for row in told["findings"]] == [
        ("party.unknown", code, codes.index(code) + 2) for code in UNKNOWN
    ]
    assert (told["codes"], told["written"], told["compared"]) == (150, False, True)
    assert desk.list.read_text(encoding="utf-8") == "H53.01\n"


async def test_every_kind_of_mistake_is_told_with_its_line_and_nothing_is_written(desk: Desk, sandbox: Running) -> None:
    good = communes(sandbox, 1)[0]
    file = desk.file(good, good.lower(), "H53.02", "H53 .9", "vxp.saas.03")
    told = await desk.bring_in(file, "--anyway", exits=1)
    assert [(row["line"], row["what"], row["severity"]) for row in told["findings"]] == [
        (3, "party.duplicate", "note"),
        (4, "party.claimed", "error"),
        (5, "party.unusable", "error"),
        (6, "party.form", "warning"),
        (6, "party.unknown", "warning"),
    ]
    assert desk.list.read_text(encoding="utf-8") == "H53.01\n"
    shown = await desk.run("party", "import", file, "--system", "snv")
    assert shown.exit_code == 1
    assert "Đã thuộc hệ thống 'stc'" in shown.stdout
    assert "chưa ghi gì" in shown.stdout


async def test_a_sound_list_is_written_and_serves_after_a_restart(desk: Desk, sandbox: Running, tmp_path: Path) -> None:
    file = desk.file("H53.01", *communes(sandbox, 10)[2:])
    dry = await desk.bring_in(file, "--dry-run")
    assert (dry["written"], desk.list.read_text(encoding="utf-8")) == (False, "H53.01\n")
    told = await desk.bring_in(file)
    assert (told["written"], told["file"]) == (True, str(desk.list))
    assert desk.list.read_bytes() == file.read_bytes()
    new = communes(sandbox, 10)[-1]
    async with running_gateway(tmp_path, sandbox, system='parties = "don-vi.csv"') as province:
        async with province.system("stc") as stc:
            await stc.send(document("1", to=new, sender="H53.02"), "k1")
        _, listed = await province.call("GET", f"/api/v1/mailbox?party={new}")
        assert [row["party"] for row in listed["deliveries"]] == [new]


async def test_warnings_stop_a_list_until_a_person_takes_them_upon_themselves(desk: Desk) -> None:
    file = desk.file("H53.01", UNKNOWN[0])
    assert (await desk.bring_in(file, exits=1))["written"] is False
    assert (await desk.bring_in(file, "--anyway"))["written"] is True
    assert UNKNOWN[0] in load(desk.config, desk.environ).systems[0].parties


async def test_a_list_that_the_configuration_names_but_that_is_not_there_yet_can_be_brought_in(desk: Desk) -> None:
    desk.list.unlink()
    assert (await desk.run("check-config", desk.config)).exit_code == 2
    await desk.bring_in(desk.file("H53.01"))
    assert (await desk.run("check-config", desk.config)).exit_code == 0


async def test_for_a_system_whose_parties_stand_in_the_file_itself_the_line_to_change_is_told(
    tmp_path: Path, sandbox: Running
) -> None:
    desk = Desk(tmp_path, sandbox, parties='["H53.01"]')
    result = await desk.run("party", "import", desk.file("H53.01", "H53.03"), "--system", "snv", "--anyway")
    assert result.exit_code == 0
    line = 'parties = "lienthong.toml.d/parties-snv.csv"'
    assert line in result.stdout
    written = desk.config.read_text(encoding="utf-8").replace('parties = ["H53.01"]', line, 1)
    desk.config.write_text(written, encoding="utf-8")
    assert load(desk.config, desk.environ).systems[0].parties.patterns == ("H53.01", "H53.03")


async def test_without_an_answer_of_the_axis_nothing_is_written_unless_it_is_left_out(
    desk: Desk, sandbox: Running
) -> None:
    file = desk.file("H53.01", UNKNOWN[0])
    sandbox.axis.unavailable = True
    told = await desk.bring_in(file, exits=4)
    assert told["error"]["code"] == "platform.silent"
    assert desk.list.read_text(encoding="utf-8") == "H53.01\n"
    result = await desk.run("party", "import", file, "--system", "snv", "--offline", VXP_SECRET=None)
    assert result.exit_code == 0, "neither the axis nor its secret is needed"
    assert "Chưa đối chiếu với nền tảng" in result.stdout


async def test_a_system_or_a_file_that_does_not_exist_is_told(desk: Desk) -> None:
    file = desk.file("H53.01")
    assert (await desk.run("party", "import", file, "--system", "khong-co", "--offline")).exit_code == 3
    assert (await desk.run("party", "import", desk.folder / "x.csv", "--system", "snv")).exit_code == 2
    empty = desk.folder / "rong.csv"
    empty.write_text("code\n# chưa có\n", encoding="utf-8")
    assert (await desk.bring_in(empty, exits=2))["error"]["code"] == "party.file"


# ------------------------------------------------------------------------------------------------ in service


async def exchange(province: Province) -> None:
    """Two documents for three communes of snv, one between two of them."""
    async with province.system("stc") as stc:
        await stc.send(document("1", to="H53.01.01,H53.01.02", sender="H53.02"), "k1")
        await stc.send(document("2", to="H53.01.02,H53.01.03", sender="H53.02"), "k2")
    async with province.system("snv") as snv:
        await snv.send(document("3", to="H53.01.02", sender="H53.01.01"), "k3")


async def test_one_list_holds_all_parties_and_each_can_be_asked_for_alone(province: Province) -> None:
    await exchange(province)
    _, everything = await province.call("GET", "/api/v1/mailbox")
    assert [row["party"] for row in everything["deliveries"]] == [
        "H53.01.01",
        "H53.01.02",
        "H53.01.02",
        "H53.01.03",
        "H53.01.02",
    ]
    _, one = await province.call("GET", "/api/v1/mailbox?party=H53.01.02")
    assert [row["party"] for row in one["deliveries"]] == ["H53.01.02"] * 3
    status, problem = await province.call("GET", "/api/v1/mailbox?party=H53.02")
    assert (status, problem["code"]) == (403, "auth.forbidden")


async def test_what_one_party_cannot_take_holds_up_no_other(province: Province) -> None:
    await exchange(province)
    _, listed = await province.call("GET", "/api/v1/mailbox?party=H53.01.02")
    path = f"/api/v1/mailbox/{listed['deliveries'][0]['delivery']}/ack"
    failed = json.dumps({"result": "fail", "reason": "đĩa đầy"}).encode()
    headers = {"Content-Type": "application/json"}
    assert (await province.call("POST", path, data=failed, headers=headers))[0] == 200
    async with province.system("snv") as snv:
        assert await snv.pull_once() == 4
    books = {code: await province.gateway.store.party_books(code) for code in ("H53.01.01", "H53.01.02", "H53.01.03")}
    assert [(one.incoming.created, one.incoming.delivered, one.incoming.open) for one in books.values()] == [
        (1, 1, 0),
        (3, 2, 1),
        (1, 1, 0),
    ]


async def test_the_list_of_messages_is_whole_for_every_system(province: Province) -> None:
    await exchange(province)
    for system, party, count in (("snv", "", 3), ("snv", "H53.01.01", 2), ("snv", "H53.01.03", 1), ("stc", "", 2)):
        query = f"?party={party}" if party else ""
        _, page = await province.call("GET", f"/api/v1/messages{query}", system=system)
        assert len(page["messages"]) == count, (system, party)
    _, first = await province.call("GET", "/api/v1/messages?limit=2")
    _, second = await province.call("GET", f"/api/v1/messages?limit=2&before={first['next']}")
    assert len({row["message_id"] for row in [*first["messages"], *second["messages"]]}) == 3
    assert second["next"] is None


async def test_who_is_served_by_whom_and_how_much_is_open_is_listed(province: Province, tmp_path: Path) -> None:
    await exchange(province)
    async with province.system("snv") as snv:
        await snv.pull_once()
    async with province.system("stc") as stc:
        await stc.send(document("4", to="H53.01.03", sender="H53.02"), "k4")

    async def run(*words: str) -> str:
        arguments = ["party", "list", *words, "-c", str(tmp_path / "lienthong.toml")]
        result = await asyncio.to_thread(CliRunner().invoke, lienthong, arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    rows = json.loads(await run("--json"))["parties"]
    assert [(row["system"], row["party"], row["tally"]["created"], row["tally"]["open"]) for row in rows] == [
        ("snv", "H53.01", 0, 0),
        ("snv", "H53.01.*", 6, 1),
        ("stc", "H53.02", 0, 0),
    ]
    assert rows[1]["codes"] == 3
    assert "H53.01.*" in await run("--system", "snv")
    assert "H53.02" not in await run("--system", "snv")
    books = json.loads(await run("--party", "H53.02", "--json"))
    assert books["system"] == "stc"
    assert (books["books"]["sent"], books["books"]["outgoing"]["created"], books["books"]["outgoing"]["open"]) == (
        3,
        5,
        1,
    )
    assert "Văn bản đã gửi: 3" in await run("--party", "H53.02")
