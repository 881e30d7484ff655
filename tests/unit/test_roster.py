"""What is said of a list of parties before it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.party import Served, served
from gateway.cli.roster import Agency, Severity, examine, forbids, put
from gateway.config.values import PartyRow
from gateway.model.party import Parties
from gateway.ports import PartyMailbox, Tally

DIRECTORY = {
    "h53.01": Agency("Sở Nội vụ"),
    "000.00.01.h53": Agency("Sở Nội vụ"),
    "h53.09": Agency("Sở cũ", deleted=True),
}


def said(*codes: str, claims: dict[str, Parties] | None = None, known: bool = True) -> list[tuple[int, str]]:
    rows = [PartyRow(line, code) for line, code in enumerate(codes, 2)]
    return [(found.line, found.what) for found in examine(rows, claims or {}, DIRECTORY if known else None)]


def test_a_list_that_every_platform_knows_is_silent() -> None:
    assert said("H53.01", "000.00.01.H53") == []


def test_codes_are_compared_without_regard_to_case() -> None:
    assert said("h53.01", "H53.01") == [(2, "party.form"), (3, "party.duplicate")]


@pytest.mark.parametrize("code", ["H53", "H53.01", "G22.01.102", "H53.01.02.03", "000.00.01.H53", "H53.5A", "H53.*"])
def test_both_official_forms_and_patterns_of_them_are_known(code: str) -> None:
    assert "party.form" not in {what for _, what in said(code)}


@pytest.mark.parametrize("code", ["vxp.saas.03", "28.22.H17", "0.00.01.H53", "H5", "H53.1", "H53.01.02.03.04", "53.01"])
def test_any_other_form_is_pointed_out(code: str) -> None:
    assert "party.form" in {what for _, what in said(code, known=False)}


def test_an_unusable_code_is_an_error_and_nothing_else_is_said_of_it() -> None:
    assert said("H53 01", "H5*3") == [(2, "party.unusable"), (3, "party.unusable")]


def test_a_code_of_another_system_is_an_error_in_both_directions() -> None:
    claims = {"qlvb": Parties(("H53.01.*", "H53.02"))}
    assert said("H53.01.05", "H53.*", "H53.03", claims=claims, known=False) == [
        (2, "party.claimed"),
        (3, "party.claimed"),
    ]


def test_what_the_platforms_do_not_know_or_deleted_is_a_warning() -> None:
    assert said("H53.44", "H53.09", "H53.0*", "G99.*") == [
        (2, "party.unknown"),
        (3, "party.deleted"),
        (4, "party.form"),
        (5, "party.unknown"),
    ]


def test_only_errors_forbid_a_list_that_a_person_takes_upon_themselves() -> None:
    def judged(*codes: str) -> tuple[bool, bool]:
        findings = examine([PartyRow(2, code) for code in codes], {}, DIRECTORY)
        return forbids(findings, anyway=False), forbids(findings, anyway=True)

    assert judged("H53.01", "H53.01") == (False, False), "a duplicate forbids nothing"
    assert judged("H53.44") == (True, False)
    assert judged("H53 44") == (True, True)
    assert {found.severity for found in examine([PartyRow(2, "x")], {}, DIRECTORY)} == {Severity.WARNING}


def test_a_list_takes_the_place_of_the_old_one_with_its_rights(tmp_path: Path) -> None:
    source, target = tmp_path / "new.csv", tmp_path / "conf.d" / "parties.csv"
    source.write_text("code,name\nH53.01,Sở Nội vụ\n", encoding="utf-8")
    put(source, target)
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (source.read_bytes(), 0o644)
    target.chmod(0o600)
    source.write_text("H53.02\n", encoding="utf-8")
    put(source, target)
    assert (target.read_text(encoding="utf-8"), target.stat().st_mode & 0o777) == ("H53.02\n", 0o600)
    assert [path.name for path in target.parent.iterdir()] == ["parties.csv"], "nothing is left lying about"


def test_a_row_for_each_code_and_pattern_and_for_what_nobody_claims_any_more() -> None:
    claims = {"qlvb": Parties(("H53.01", "H53.02.*")), "stc": Parties(("H53.05",))}
    mailboxes = [
        PartyMailbox("qlvb", "h53.01", Tally(created=2, open=1, delivered=1)),
        PartyMailbox("qlvb", "H53.02.01", Tally(created=1, open=1)),
        PartyMailbox("qlvb", "H53.02.02", Tally(created=3, expired=3)),
        PartyMailbox("qlvb", "H53.05", Tally(created=1, open=1)),
    ]
    assert served(claims, mailboxes) == [
        Served("qlvb", "H53.01", Tally(created=2, open=1, delivered=1)),
        Served("qlvb", "H53.02.*", Tally(created=4, open=1, expired=3), codes=2),
        Served("stc", "H53.05", Tally()),
        Served("qlvb", "H53.05", Tally(created=1, open=1), configured=False),
    ]
