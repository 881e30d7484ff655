"""Drop-in files and the environment lie over the main file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, load

MAIN = """\
[gateway]
id = "tay-ninh"
data_dir = "data"
[listen.intake]
plain_http = "127.0.0.1:8080"
[[systems]]
id = "qlvb"
parties = ["H53.1"]
[[platforms]]
id = "truc-quoc-gia"
adapter = "vxp"
base_url = "https://axis.example"
environment = "production"
system_id = "000.00.00.H53"
secret = "env:SECRET"
"""


@pytest.fixture
def main(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(MAIN, encoding="utf-8")
    (tmp_path / "gateway.toml.d").mkdir()
    return path


def drop_in(main: Path, name: str, text: str) -> Path:
    path = main.with_name("gateway.toml.d") / name
    path.write_text(text, encoding="utf-8")
    return path


def loaded(main: Path, **environ: str) -> Config:
    return load(main, {"SECRET": "x", **environ})


def test_a_drop_in_changes_one_key_and_leaves_its_neighbours(main: Path) -> None:
    drop_in(main, "10-site.toml", '[gateway]\nlanguage = "en"\n[listen.intake]\nmax_body = "20MB"\n')
    config = loaded(main)
    assert (config.gateway.language, config.gateway.id) == ("en", "tay-ninh")
    assert config.listen.intake.max_body == 20 * 1024 * 1024
    assert str(config.listen.intake.plain_http) == "127.0.0.1:8080"


def test_drop_ins_are_read_by_name_and_the_last_word_wins(main: Path) -> None:
    drop_in(main, "20.toml", '[gateway]\nid = "second"\n')
    drop_in(main, "10.toml", '[gateway]\nid = "first"\n')
    drop_in(main, "30.conf", '[gateway]\nid = "ignored"\n')
    assert loaded(main).gateway.id == "second"


def test_a_drop_in_adds_a_system(main: Path) -> None:
    drop_in(main, "motcua.toml", '[[systems]]\nid = "motcua"\nparties = ["H53.2"]\n')
    assert [system.id for system in loaded(main).systems] == ["qlvb", "motcua"]


def test_a_mistake_in_a_drop_in_is_told_with_that_file_and_line(main: Path) -> None:
    first = drop_in(main, "1.toml", '[[systems]]\nid = "motcua"\nparties = ["H53.2"]\n')
    second = drop_in(main, "2.toml", '\n[[systems]]\nid = "qlvb"\nparties = ["H53.3"]\n[store]\ninline = 1\n')
    with pytest.raises(ConfigError) as unknown_key:
        loaded(main)
    assert [(one.file, one.line) for one in unknown_key.value.problems] == [(str(second), 6)]
    second.write_text('\n[[systems]]\nid = "qlvb"\nparties = ["H53.2"]\n', encoding="utf-8")
    with pytest.raises(ConfigError) as claims:
        loaded(main)
    assert [(one.file, one.line, one.key) for one in claims.value.problems] == [
        (str(second), 3, "systems[2].id"),
        (str(second), 4, "systems[2].parties"),
    ]
    assert first.exists()


def test_a_syntax_mistake_in_a_drop_in_is_told_there(main: Path) -> None:
    path = drop_in(main, "1.toml", "[gateway\n")
    with pytest.raises(ConfigError) as caught:
        loaded(main)
    assert [(one.file, one.line) for one in caught.value.problems] == [(str(path), 1)]


def test_a_value_replaced_by_a_drop_in_is_blamed_on_the_drop_in(main: Path) -> None:
    path = drop_in(main, "1.toml", '\n\n[gateway]\nid = "a b"\n')
    with pytest.raises(ConfigError) as caught:
        loaded(main)
    assert [(one.file, one.line) for one in caught.value.problems] == [(str(path), 4)]


def test_the_environment_has_the_last_word(main: Path) -> None:
    drop_in(main, "1.toml", '[listen.intake]\nplain_http = "127.0.0.1:1"\n')
    config = loaded(
        main,
        LIENTHONG__LISTEN__INTAKE__PLAIN_HTTP="127.0.0.1:2",
        LIENTHONG__STORE__RESERVE="2GB",
        LIENTHONG__LISTEN__INTAKE__MAX_CONNECTIONS="7",
    )
    assert config.listen.intake.plain_http is not None and config.listen.intake.plain_http.port == 2
    assert config.store.reserve == 2 * 1024**3
    assert config.listen.intake.max_connections == 7


def test_rows_go_by_their_id_or_index(main: Path) -> None:
    config = loaded(
        main,
        LIENTHONG__PLATFORMS__TRUC_QUOC_GIA__POLL="false",
        LIENTHONG__PLATFORMS__0__SLOTS="9",
        LIENTHONG__SYSTEMS__QLVB__PARTIES='["H53.9", "H53.10"]',
    )
    assert (config.platforms[0].poll, config.platforms[0].slots) == (False, 9)
    assert config.systems[0].parties.patterns == ("H53.9", "H53.10")


@pytest.mark.parametrize(
    "name",
    [
        "LIENTHONG__PLATFORMS__OTHER__SLOTS",
        "LIENTHONG__PLATFORMS__5__SLOTS",
        "LIENTHONG__GATEWAY__ID__X",
        "LIENTHONG__STORE__NOTHING",
        "LIENTHONG__NOTHING",
        "LIENTHONG__SYSTEMS__QLVB",
    ],
)
def test_a_variable_that_matches_nothing_is_refused_by_name(main: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(main, **{name: "1"})
    assert [(one.file, one.line) for one in caught.value.problems] == [(f"${name}", 0)]


def test_a_wrong_value_in_a_variable_is_told_with_the_variable(main: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(main, LIENTHONG__DELIVERY__LEASE="soon")
    assert [one.place for one in caught.value.problems] == ["$LIENTHONG__DELIVERY__LEASE"]


def test_variables_of_other_programs_are_ignored(main: Path) -> None:
    assert loaded(main, LIENTHONG_CONFIG="x", LIENTHONG_LANG="en", PATH="/bin").gateway.id == "tay-ninh"
