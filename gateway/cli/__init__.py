"""The command line: `lienthong`.

Every command but the demo takes --json and ends with a stable code: 0 in order, 1 it ran and found something, 2 wrong
arguments or configuration, 3 not found, 4 no server or store to be reached, 5 refused.
"""

from __future__ import annotations

import click

from gateway import __version__
from gateway.cli.root import MODULES, Root

COMMANDS = tuple(MODULES)
"""Their names, in the order of the help."""


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


def main() -> None:
    """The entry point."""
    lienthong()
