"""`lienthong check-config` and `lienthong validate`: looking at files before they are used."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from gateway.cli.frame import PLACES, Exit, with_screen
from gateway.cli.screen import Screen
from gateway.config import json_schema, load

_SEVERITIES = {
    "error": ("lỗi", "error"),
    "warning": ("cảnh báo", "warning"),
    "note": ("lưu ý", "note"),
}


@click.command("check-config")
@click.argument("file", type=click.Path(path_type=Path), envvar="LIENTHONG_CONFIG", required=False)
@click.option("-c", "--config", "option", type=click.Path(path_type=Path), hidden=True)
@click.option("--schema", is_flag=True, help="In JSON Schema của tệp cấu hình. / Print the file's JSON Schema.")
@with_screen
def check_config(file: Path | None, option: Path | None, schema: bool, screen: Screen) -> None:
    """Kiểm tra tệp cấu hình: mỗi lỗi kèm tệp, dòng và cách sửa.

    Check a configuration: every mistake with file, line and remedy. Exit 2 if there is one.
    """
    if schema:
        click.echo(json_schema(), nl=False)
        return
    path = file or option or next((place for place in PLACES if place.is_file()), PLACES[0])
    config = load(path, os.environ)
    if screen.json:
        screen.value({"ok": True, "problems": []})
    else:
        counts = (len(config.systems), len(config.platforms))
        screen.line(
            f"{path}: hợp lệ ({counts[0]} hệ thống, {counts[1]} nền tảng)",
            f"{path}: in order (systems: {counts[0]}, platforms: {counts[1]})",
        )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@with_screen
def validate(file: Path, screen: Screen) -> None:
    """Kiểm tra một gói edXML theo QCVN 102: điều khoản, vị trí, cách sửa.

    Check an edXML package: clause, XPath, line and remedy of every finding. Exit 1 if it does not conform.
    """
    from adapters.vxp.conformance import check
    from adapters.vxp.kinds import Severity

    findings = check(file.read_bytes())
    conformant = not any(finding.severity is Severity.ERROR for finding in findings)
    if screen.json:
        screen.value({"file": file, "conformant": conformant, "findings": findings})
    else:
        if findings:
            screen.table(
                [
                    ("Dòng", "Line"),
                    ("Mức", "Severity"),
                    ("Điều khoản", "Clause"),
                    ("Vị trí", "XPath"),
                    ("Phát hiện", "Finding"),
                    ("Cách sửa", "Remedy"),
                ],
                [
                    (
                        one.line,
                        screen.pick(_SEVERITIES[one.severity]),
                        one.clause,
                        one.xpath,
                        screen.pick((one.message_vi, one.message_en)),
                        screen.pick((one.remedy_vi, one.remedy_en)),
                    )
                    for one in findings
                ],
            )
        if conformant:
            screen.line(f"{file}: đúng chuẩn", f"{file}: conformant")
        else:
            screen.line(f"{file}: không đúng chuẩn", f"{file}: not conformant")
    sys.exit(Exit.OK if conformant else Exit.FINDING)
