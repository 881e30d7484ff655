"""`lienthong parse` from outside: one JSON line a file, exit 0 whatever it holds."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LIENTHONG = [sys.executable, "-m", "gateway.cli"]


def run(*arguments: str, given: bytes = b"") -> tuple[int, list[dict[str, Any]], bytes]:
    done = subprocess.run([*LIENTHONG, "parse", *arguments], input=given, capture_output=True, timeout=60, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_readable_file_is_ok_and_a_broken_one_says_why(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_bytes(b"<a/>")
    bad.write_bytes(b"<a>\n<b></a>")
    assert run("--kind", "xml", str(good)) == (0, [{"ok": True, "reason": ""}], b"")
    code, [answer], errors = run("--kind", "xml", str(bad))
    assert (code, answer["ok"], answer["reason"], errors) == (0, False, "xml.malformed", b"")
    assert answer["where"].startswith("2:")
    assert set(answer["explanation"]) == {"vi", "en"}


def test_a_batch_answers_every_line_in_order_and_never_stops(tmp_path: Path) -> None:
    wsdl, text = tmp_path / "a.wsdl", tmp_path / "a.json"
    wsdl.write_bytes(b'<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"/>')
    text.write_bytes(b"[1]")
    lines = [
        {"kind": "json", "file": str(text)},
        {"kind": "wsdl", "file": str(wsdl)},
        {"kind": "soap", "file": str(wsdl)},
        {"kind": "json", "file": str(tmp_path / "absent")},
        {"kind": "yaml", "file": str(text)},
        {"kind": "json", "file": str(text), "more": 1},
        ["no object"],
        {"kind": "json", "file": str(text)},
    ]
    given = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + b"\xff{\n"
    code, answers, errors = run("--batch", given=given)
    reasons = [answer["reason"] for answer in answers]
    assert reasons == [
        "",
        "",
        "soap.version",
        "file.unreadable",
        "http.request",
        "http.request",
        "json.malformed",
        "",
        "json.malformed",
    ]
    assert [answer["ok"] for answer in answers] == [reason == "" for reason in reasons]
    assert answers[0]["file"] == str(text)
    assert all(answer["ms"] >= 0 for answer in answers)
    assert (code, errors) == (0, b"")


def test_wrong_usage_is_exit_2(tmp_path: Path) -> None:
    for arguments in ((), ("--kind", "xml"), ("--kind", "xml", str(tmp_path / "absent")), ("--batch", str(tmp_path))):
        assert run(*arguments)[0] == 2
