"""What crosses between the gateway and its judging processes: values as they were, and nothing that runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

import pytest
from trust_pki import world

from gateway.errors import Refusal
from gateway.model.verdict import Judgement, NotValid, Verdict
from gateway.signing.parcel import pack, unpack
from gateway.signing.policy import PRODUCTION
from gateway.signing.question import Question
from gateway.signing.trust import sorted_out


@pytest.fixture
def pipe() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def sent(pipe: tuple[Connection, Connection], value: Any) -> Any:
    pack(value, pipe[0])
    return unpack(pipe[1], values_only=True)


def test_questions_with_certificates_and_keys_arrive_as_they_were(pipe: tuple[Connection, Connection]) -> None:
    trust = sorted_out([holder.cert for holder in world()])
    question = Question("pdf", trust, datetime(2026, 11, 28, tzinfo=UTC), PRODUCTION, {"a": b"x" * 100_000})
    assert sent(pipe, question) == question


def test_verdicts_and_errors_keep_what_they_know(pipe: tuple[Connection, Connection]) -> None:
    verdict = Verdict(Judgement.INVALID, "signature.digest", later_changes=("page 2 was added",))
    assert sent(pipe, verdict) == verdict
    fault = sent(pipe, NotValid("chain.unknown", "no path", "#a", signer="CN=x"))
    assert (fault.reason, fault.where, fault.signer, fault.judgement) == (
        "chain.unknown",
        "#a",
        "CN=x",
        "indeterminate",
    )
    refusal = sent(pipe, Refusal("sign.place", "page 1", "no signer"))
    assert (refusal.code, refusal.where, refusal.fault.status) == ("sign.place", "page 1", 422)


@pytest.mark.parametrize(
    "answer",
    [
        {"function": ["os", "system"]},
        {"member": ["os", "system", "true"]},
        {"data": ["gateway.client", "Client", {"mapping": []}]},
        {"data": ["gateway.storage.lock", "DirectoryLock", {"mapping": []}]},
        {"data": ["pathlib", "Path", {"mapping": []}]},
        {"error": ["gateway.signing.worker", "Workers", {"tuple": []}, {"mapping": []}]},
        {"data": ["gateway.cli.__main__", "main", {"mapping": []}]},
        {"class": ["gateway.errors", "Refusal"]},
        {"_class__": []},
        {"bytes": 7},
        {"certificate": 0},
        {"tuple": [], "list": []},
        {"nothing": 1},
    ],
)
def test_an_answer_makes_values_and_runs_nothing(pipe: tuple[Connection, Connection], answer: object) -> None:
    for part in (b"\0\0\0\0", json.dumps(answer).encode()):
        pipe[0].send_bytes(len(part).to_bytes(8))
        os.write(pipe[0].fileno(), part)
    with pytest.raises(OSError, match="not understood"):
        unpack(pipe[1], values_only=True)


def test_reading_an_answer_imports_nothing(pipe: tuple[Connection, Connection]) -> None:
    sys.modules.pop("gateway.cli.__main__", None)
    part = json.dumps({"data": ["gateway.cli.__main__", "x", {"mapping": []}]}).encode()
    for each in (b"\0\0\0\0", part):
        pipe[0].send_bytes(len(each).to_bytes(8))
        os.write(pipe[0].fileno(), each)
    with pytest.raises(OSError, match="not understood"):
        unpack(pipe[1], values_only=True)
    assert "gateway.cli.__main__" not in sys.modules
