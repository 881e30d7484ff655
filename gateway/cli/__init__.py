"""The command line: `lienthong`.

Every command but the demo takes --json and ends with a stable code: 0 in order, 1 it ran and found something, 2 wrong
arguments or configuration, 3 not found, 4 no server or store to be reached, 5 refused.
"""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.audit import audit
from gateway.cli.bench import bench
from gateway.cli.check import check_config, validate
from gateway.cli.demo import demo
from gateway.cli.frame import Root
from gateway.cli.incident import incident
from gateway.cli.key import key
from gateway.cli.message import message
from gateway.cli.parse import parse
from gateway.cli.party import party
from gateway.cli.quarantine import quarantine
from gateway.cli.queue import queue
from gateway.cli.sandbox import sandbox
from gateway.cli.serve import migrate, serve
from gateway.cli.verify import verify

COMMANDS: tuple[click.Command, ...] = (
    demo,
    serve,
    check_config,
    migrate,
    validate,
    verify,
    parse,
    message,
    quarantine,
    queue,
    party,
    incident,
    key,
    audit,
    sandbox,
    bench,
)


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option(
    "--lang",
    "language",
    type=click.Choice(["vi", "en"]),
    default="vi",
    envvar="LIENTHONG_LANG",
    help="Ngôn ngữ. / Language. [$LIENTHONG_LANG]",
)
@click.version_option(__version__, prog_name="lienthong")
def lienthong(language: str) -> None:
    """Liên Thông: cổng kết nối của tỉnh với các nền tảng quốc gia.

    A province's interoperability gateway.

    \b
    Mã thoát / exit codes: 0 đạt, ok; 1 có phát hiện, finding; 2 tham số hoặc cấu hình, usage or configuration;
    3 không tìm thấy, not found; 4 không liên lạc được máy chủ hoặc kho, unreachable; 5 bị từ chối, refused.
    """


for command in COMMANDS:
    lienthong.add_command(command)


def main() -> None:
    """The entry point."""
    lienthong()
