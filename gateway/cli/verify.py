"""`lienthong verify`: what a signature is worth, one JSON line a file (DESIGN §5)."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.confined import Answer, Confined, Failure, Options
from gateway.errors import Refusal
from gateway.formats import strictjson
from gateway.model.verdict import Judgement, NotValid, Verdict, members
from gateway.signing.policy import POLICIES
from gateway.signing.question import KINDS, Question
from gateway.signing.trust.store import TrustFault, load
from gateway.signing.verify import detached_files, judge

MAX_LINE = 1 << 20
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)", re.ASCII)
_OPTIONS = frozenset({"kind", "trust", "time", "policy", "detached"})


@click.command()
@click.option("--kind", type=click.Choice(KINDS), help="Loại tệp. / Kind of the file.")
@click.option("--trust", help="Thư mục chứng thư tin cậy. / Directory of trusted certificates.")
@click.option("--time", help="Thời điểm xét (RFC 3339), mặc định là bây giờ. / When to judge for; now by default.")
@click.option("--policy", type=click.Choice(list(POLICIES)), help="Mặc định production. / production by default.")
@click.option("--detached", help="Thư mục những gì thuộc về tệp. / Directory of what belongs to the file.")
@click.option("--batch", is_flag=True, help="Đọc JSON Lines từ đầu vào chuẩn. / Read JSON Lines from standard input.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path), required=False)
def verify(batch: bool, file: Path | None, **given: str | None) -> None:
    """Kiểm tra chữ ký của một tệp: hợp lệ, không hợp lệ hay chưa xác định, kèm lý do; mỗi tệp một dòng JSON.

    Judge a file's signature. Exit 0 whatever the verdict. With --batch each line of standard input is an object with
    the options as keys and "file".
    """
    options = {name: value for name, value in given.items() if value is not None}
    if batch == (file is not None) or (file is not None and not {"kind", "trust"} <= options.keys()):
        raise click.UsageError(
            "--kind LOẠI --trust THƯ-MỤC TỆP, hoặc --batch / --kind KIND --trust DIR FILE, or --batch"
        )
    try:
        _time(options)
    except ValueError as error:
        raise click.UsageError(f"--time: {error}") from None
    with closing(Confined(weigh)) as confined:
        if file is not None:
            _print(_worded(confined.ask(file, options)))
            return
        for line in iter(lambda: sys.stdin.buffer.readline(MAX_LINE), b""):
            if line.strip():
                _print(_answer(confined, line, options))


def weigh(content: bytes, options: Options) -> Answer:
    """The verdict about *content*; runs in the confined process."""
    detached = options.get("detached")
    try:
        question = Question(
            kind=options["kind"],
            trust=load(Path(options["trust"])),
            at=_time(options),
            policy=POLICIES[options.get("policy", "production")],
            detached=detached_files(Path(detached) if detached else None),
        )
    except TrustFault as fault:
        return members(Verdict(Judgement.UNSUPPORTED, "question", f"{fault.file.name}: {fault.detail}"))
    except NotValid as reason:
        return members(reason.verdict())
    return members(judge(content, question))


def _time(options: Mapping[str, str]) -> datetime:
    """The moment to judge for (RFC 3339 §5.6; a leap second is the one before it). Raises ValueError."""
    if "time" not in options:
        return datetime.now(UTC)
    written = _RFC3339.fullmatch(options["time"].upper())
    if written is None:
        raise ValueError("not a date and time with a zone, such as 2026-11-28T08:00:00+07:00")
    try:
        return datetime.fromisoformat(f"{written[1]}T{written[2].replace(':60', ':59')}{written[3]}").astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the calendar") from None


def _answer(confined: Confined, line: bytes, defaults: Options) -> Answer:
    """One line of a batch; a line that asks nothing sensible is answered too."""
    started = time.perf_counter()
    file: object = None
    try:
        asked = strictjson.loads(line)
        if not isinstance(asked, Mapping):
            raise Refusal("json.malformed", "", "an object is expected")
        file = asked.get("file")
        answer = _worded(confined.ask(Path(_text(file)), _options(asked, defaults)))
    except Refusal as refusal:
        answer = members(Verdict(Judgement.UNSUPPORTED, "question", refusal.detail))
    return {**answer, "file": file, "ms": round((time.perf_counter() - started) * 1000, 1)}


def _options(asked: Mapping[str, object], defaults: Options) -> dict[str, str]:
    own = {name: _text(value) for name, value in asked.items() if name != "file" and value is not None}
    options = {**defaults, **own}
    if set(options) - _OPTIONS or options.get("kind") not in KINDS or "trust" not in options:
        raise Refusal("http.request", "", f"kind ({', '.join(KINDS)}), trust and file are expected")
    if options.get("policy", "production") not in POLICIES:
        raise Refusal("http.request", "policy", f"policy is one of {', '.join(POLICIES)}")
    try:
        _time(options)
    except ValueError as error:
        raise Refusal("http.request", "time", f"time is no RFC 3339: {error}") from None
    return options


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refusal("http.request", "", "text is expected")
    return value


def _worded(answer: Answer | Failure) -> Answer:
    if not isinstance(answer, Failure):
        return answer
    broken = answer.code == "file.unreadable"
    judgement = Judgement.MALFORMED if broken else Judgement.INDETERMINATE
    reason = answer.code if broken or answer.code == "internal" else "limit.exceeded"
    return members(Verdict(judgement, reason, answer.detail))


def _print(answer: Answer) -> None:
    click.echo(json.dumps(answer, ensure_ascii=False))
    sys.stdout.flush()
