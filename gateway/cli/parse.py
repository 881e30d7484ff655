"""`lienthong parse`: whether a file can be read, one JSON line a file (DESIGN §5)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from gateway.cli.confined import Answer, Confined, Failure, Options
from gateway.errors import FAULTS, Refusal
from gateway.formats import strictjson
from gateway.formats.reading import KINDS

MAX_LINE = 1 << 20


@click.command()
@click.option("--kind", type=click.Choice(list(KINDS)), help="Loại tệp. / Kind of the file.")
@click.option("--batch", is_flag=True, help="Đọc JSON Lines từ đầu vào chuẩn. / Read JSON Lines from standard input.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path), required=False)
def parse(kind: str | None, batch: bool, file: Path | None) -> None:
    """Kiểm tra một tệp có đọc được bằng bộ đọc của cổng hay không; mỗi tệp một dòng JSON.

    Tell whether the gateway's own parser can read a file: one JSON line, {"ok", "reason", "where", "detail"}. Exit 0
    whatever the answer. With --batch each line of standard input is {"kind": …, "file": …}.
    """
    if batch == (file is not None) or (file is not None and kind is None):
        raise click.UsageError("--kind LOẠI TỆP, hoặc --batch / --kind KIND FILE, or --batch")
    with closing(Confined(read)) as confined:
        if file is not None and kind is not None:
            _print(_worded(confined.ask(file, {"kind": kind})))
            return
        for line in iter(lambda: sys.stdin.buffer.readline(MAX_LINE), b""):
            if line.strip():
                _print(_answer(confined, line, kind))


def read(content: bytes, options: Options) -> Answer:
    """The answer about *content*; runs in the confined process."""
    try:
        KINDS[options["kind"]](content)
    except Refusal as refusal:
        return {"ok": False, "reason": refusal.code, "where": refusal.where, "detail": refusal.detail}
    return {"ok": True, "reason": ""}


def _answer(confined: Confined, line: bytes, default: str | None) -> Answer:
    """One line of a batch; a line that asks nothing sensible is answered too."""
    started = time.perf_counter()
    file: object = None
    try:
        asked = strictjson.loads(line)
        if not isinstance(asked, Mapping):
            raise Refusal("json.malformed", "", "an object is expected")
        file, kind = asked.get("file"), asked.get("kind", default)
        if not isinstance(file, str) or kind not in KINDS or set(asked) - {"file", "kind"}:
            raise Refusal("http.request", "", f"file and kind ({', '.join(KINDS)}) are expected, and nothing else")
        answer = _worded(confined.ask(Path(file), {"kind": str(kind)}))
    except Refusal as refusal:
        answer = {"ok": False, "reason": refusal.code, "where": refusal.where, "detail": refusal.detail}
    return {**answer, "file": file, "ms": round((time.perf_counter() - started) * 1000, 1)}


def _worded(answer: Answer | Failure) -> Answer:
    """The answer with its reason in words."""
    if isinstance(answer, Failure):
        answer = {"ok": False, "reason": answer.code, "detail": answer.detail}
    fault = FAULTS.get(answer["reason"])
    return {**answer, "explanation": {"vi": fault.vi, "en": fault.en}} if fault else answer


def _print(answer: dict[str, Any]) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))
    sys.stdout.flush()
