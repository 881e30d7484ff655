"""Trust by purpose, read again when its files change; warnings before an end; what was fetched is kept in bounds."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding
from trust_pki import AT, DAY, Holder, make

from gateway.cli import lienthong
from gateway.model.verdict import NotValid
from gateway.signing.policy import COMPAT
from gateway.signing.trust import Evidence, TrustFault, TrustStore, key_fingerprint, validate_chain
from gateway.signing.trust.cache import Cache, Resting, good_until
from gateway.signing.trust.expiry import days_left, expiring
from gateway.signing.trust.purposes import TrustFolder, load_purposes

STATE = make("CN=State root", ca=True)
PUBLIC = make("CN=Public root", ca=True)
STAMPS = make("CN=Stamp root", ca=True)
SEAL = STATE.issue("CN=UBND,C=VN")


def pem(folder: Path, name: str, holder: Holder) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(holder.cert.public_bytes(Encoding.PEM))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder, holder in (("state", STATE), ("public", PUBLIC), ("tsa", STAMPS)):
        pem(tmp_path / folder, "root.pem", holder)
    return tmp_path


def chain(holder: Holder, store: TrustStore) -> Any:
    return validate_chain(
        holder.cert, pool=(), trust=store, at=AT, evidence=Evidence(), policy=COMPAT, purpose="signing"
    )


def test_documents_are_judged_by_state_or_public_and_never_by_the_authorities_of_stamps(root: Path) -> None:
    stores = load_purposes(root)
    assert stores.tree(chain(SEAL, stores.signing)) == "state"
    assert stores.tree(chain(PUBLIC.issue("CN=Công ty"), stores.signing)) == "public"
    assert stores.tls == TrustStore()
    for holder, store in ((STAMPS.issue("CN=Seal"), stores.signing), (SEAL, stores.timestamping), (SEAL, stores.tls)):
        with pytest.raises(NotValid, match=r"chain\.unknown"):
            chain(holder, store)


def test_a_root_without_any_authority_for_documents_is_a_mistake(tmp_path: Path) -> None:
    pem(tmp_path / "tsa", "root.pem", STAMPS)
    with pytest.raises(TrustFault):
        load_purposes(tmp_path)


def test_files_that_change_count_without_a_restart(root: Path) -> None:
    folder = TrustFolder(root)
    assert not folder.refresh()
    newcomer = make("CN=New root", ca=True)
    pem(root / "public", "new.pem", newcomer)
    assert folder.refresh()
    assert chain(newcomer.issue("CN=Somebody"), folder.stores.signing)
    (root / "public" / "new.pem").unlink()
    assert folder.refresh()
    with pytest.raises(NotValid):
        chain(newcomer.issue("CN=Somebody"), folder.stores.signing)


def test_a_change_that_cannot_be_used_is_told_and_not_taken_over(root: Path) -> None:
    folder = TrustFolder(root)
    (root / "state" / "broken.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    assert not folder.refresh()
    assert folder.fault is not None
    assert folder.fault.file.name == "broken.pem"
    assert chain(SEAL, folder.stores.signing)
    (root / "state" / "broken.pem").unlink()
    folder.refresh()
    (root / "state" / "second.pem").write_bytes(PUBLIC.cert.public_bytes(Encoding.PEM))
    assert folder.refresh()
    assert folder.fault is None


def test_speakers_are_read_beside_the_folders(root: Path) -> None:
    speakers = root / "speakers.toml"
    speakers.write_text(f'unlisted = "refuse"\n[[speaker]]\nparties = ["H53"]\nkey = "{key_fingerprint(SEAL.cert)}"\n')
    stores = load_purposes(root)
    assert stores.speakers.require_speaker(SEAL.cert, "H53", AT)
    for text in ("[[speaker]]\nparties = []\n", "who = 1\n", "= 1\n", 'speaker = "x"\n', "[[speaker]]\nkey = 5\n"):
        speakers.write_text(text)
        with pytest.raises(TrustFault, match=r"speakers\.toml"):
            load_purposes(root)


@pytest.mark.parametrize(
    ("left", "threshold", "days"),
    [
        (61 * DAY, None, 61),
        (60 * DAY, 60, 60),
        (30 * DAY + timedelta(seconds=1), 60, 30),
        (30 * DAY, 30, 30),
        (7 * DAY, 7, 7),
        (DAY, 1, 1),
        (timedelta(0), 1, 0),
        (-timedelta(seconds=1), 0, -1),
    ],
)
def test_each_threshold_is_warned_of_under_one_name(left: timedelta, threshold: int | None, days: int) -> None:
    holder = make("CN=Ends", begins=AT - 400 * DAY, ends=AT + left)
    assert days_left(holder.cert, AT) == days
    found = expiring([holder.cert, holder.cert], AT)
    assert [warning.threshold for warning in found] == ([] if threshold is None else [threshold])
    assert [warning.id for warning in found] == [warning.id for warning in expiring([holder.cert], AT)]


def test_the_names_of_warnings_differ_by_threshold_and_certificate() -> None:
    one, other = (make(f"CN={number}", ends=AT + 60 * DAY) for number in (1, 2))
    moments = [AT, AT + 30 * DAY, AT + 53 * DAY, AT + 59 * DAY, AT + 61 * DAY]
    names = {warning.id for moment in moments for warning in expiring([one.cert, other.cert], moment)}
    assert len(names) == 10


def test_the_cache_keeps_to_its_bounds_and_lets_the_least_used_go() -> None:
    cache = Cache(entries=3, size=100)
    for name in "abc":
        cache.put(name, b"." * 30, AT + DAY)
    assert cache.get("a", AT)
    cache.put("d", b"." * 30, AT + DAY)
    assert [cache.get(name, AT) is not None for name in "abcd"] == [True, False, True, True]
    cache.put("e", b"." * 90, AT + DAY)
    assert (len(cache), cache.held) == (1, 90)
    cache.put("f", b"." * 101, AT + DAY)
    assert cache.get("f", AT) is None
    cache.put("e", b".", AT + DAY)
    assert cache.held == 1
    assert cache.get("e", AT + DAY) is None
    assert (len(cache), cache.held) == (0, 0)


def test_failures_rest_for_a_while_and_are_bounded() -> None:
    resting = Resting(entries=2, rest=60)
    for number, name in enumerate("abc"):
        resting.note(name, name, number)
    assert [resting.why(name, 10) for name in "abc"] == [None, "b", "c"]
    assert resting.why("b", 61) is None


def test_an_answer_is_kept_until_the_earliest_of_its_limits() -> None:
    hour = timedelta(hours=1)
    assert good_until(AT, AT + hour, DAY, hour) == AT + hour
    assert good_until(AT, AT + 9 * DAY, DAY, hour) == AT + DAY
    assert good_until(AT, None, DAY, hour) == AT + hour


def lienthong_cert(*words: object) -> tuple[int, Any]:
    result = CliRunner().invoke(lienthong, ["cert", *map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_the_command_lists_what_is_trusted_and_for_how_long(root: Path) -> None:
    (root / "speakers.toml").write_text(f'[[speaker]]\nparties = ["H53"]\nkey = "{key_fingerprint(SEAL.cert)}"\n')
    code, told = lienthong_cert("list", "--trust", root)
    assert code == 0
    assert {(line["where"], line["role"], line["subject"]) for line in told["certificates"]} == {
        ("state", "anchor", "CN=State root"),
        ("public", "anchor", "CN=Public root"),
        ("tsa", "anchor", "CN=Stamp root"),
    }
    assert told["speakers"][0]["parties"] == ["H53"]
    pem(root / "tls", "old.pem", make("CN=Old", ca=True, begins=AT - 9 * DAY, ends=AT - DAY))
    code, told = lienthong_cert("list", "--trust", root)
    assert code == 1
    assert [warning["threshold"] for warning in told["warnings"]] == [0]
    plain = CliRunner().invoke(lienthong, ["cert", "list", "--trust", str(root)])
    assert "CN=State root" in plain.stdout


def test_the_command_says_what_a_certificate_is_worth_and_for_whom(root: Path, tmp_path: Path) -> None:
    (root / "speakers.toml").write_text(f'[[speaker]]\nparties = ["H53"]\nkey = "{key_fingerprint(SEAL.cert)}"\n')
    pem(tmp_path, "seal.pem", SEAL)
    code, told = lienthong_cert("check", "--trust", root, "--party", "H53", tmp_path / "seal.pem")
    assert (code, told["ok"], told["tree"], told["path"]) == (0, True, "state", ["CN=UBND,C=VN", "CN=State root"])
    other = PUBLIC.issue("CN=Other")
    pem(tmp_path, "other.pem", other)
    code, told = lienthong_cert("check", "--trust", root, "--party", "H53", tmp_path / "other.pem")
    assert (code, told["reason"]) == (1, "certificate.speaker")
    pem(tmp_path, "nobody.pem", make("CN=Nobody"))
    assert lienthong_cert("check", "--trust", root, tmp_path / "nobody.pem")[1]["reason"] == "chain.unknown"
    (tmp_path / "garbage.pem").write_bytes(b"\x30\x80 no certificate")
    code, told = lienthong_cert("check", "--trust", root, tmp_path / "garbage.pem")
    assert (code, told["error"]["code"]) == (1, "malformed")


def test_a_directory_without_purposes_serves_documents(tmp_path: Path) -> None:
    pem(tmp_path / "flat", "root.pem", STATE)
    pem(tmp_path, "seal.pem", SEAL)
    assert lienthong_cert("check", "--trust", tmp_path / "flat", tmp_path / "seal.pem")[0] == 0
    assert [line["where"] for line in lienthong_cert("list", "--trust", tmp_path / "flat")[1]["certificates"]] == [""]
