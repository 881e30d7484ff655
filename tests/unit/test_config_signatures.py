"""What the tables about signatures must agree on, told with the key at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from gateway.intake.signatures import Demand

HEAD = """\
[gateway]
id = "x"
data_dir = "data"
[listen.intake]
plain_http = "127.0.0.1:0"
[[platforms]]
id = "truc"
adapter = "vxp"
base_url = "https://axis.example"
environment = "production"
system_id = "H53"
secret = "env:S"
"""
KEY = '[[signing.keys]]\nid = "k"\nfile = "k.p12"\n'
PROFILE = '[[signing.profiles]]\nid = "p"\nkey = "k"\nparties = ["H53"]\nlevel = "B-B"\nform = "corner"\n'


def keys_at_fault(folder: Path, text: str) -> list[str]:
    file = folder / "lienthong.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    try:
        load(file, {"S": "secret"}, opens_secrets=False)
    except ConfigError as error:
        return [problem.key for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        (KEY + PROFILE, []),
        ('[trust.signatures]\ndocument = "require"\n', ["trust.signatures"]),
        ('[[routes]]\nto = ["*"]\nplatform = "truc"\nsignatures = {document = "require"}\n', ["routes[0].signatures"]),
        ('[trust]\ndirectory = "t"\nsignatures = {document = "require"}\n', []),
        ('[trust]\nsignatures = {status = "require"}\n', ["trust.signatures.status.[key]"]),
        ('[trust]\nsignatures = {document = "perhaps"}\n', ["trust.signatures.document"]),
        (PROFILE, ["signing.profiles[0].key"]),
        (KEY + KEY + PROFILE, ["signing.keys[1].id"]),
        (KEY + PROFILE + PROFILE, ["signing.profiles[1].id"]),
        ('[[signing.keys]]\nid = "k"\n', ["signing.keys[0]"]),
        (KEY.replace('"k.p12"', '"k.p12"\nmodule = "m.so"'), ["signing.keys[0]"]),
        (
            '[[signing.keys]]\nid = "k"\nmodule = "m.so"\n',
            ["signing.keys[0].token", "signing.keys[0].pin", "signing.keys[0].label"],
        ),
        (KEY + PROFILE.replace('"corner"', '"seal"'), ["signing.profiles[0].seal_image"]),
        (KEY + PROFILE.replace('"B-B"', '"B-T"'), ["signing.profiles[0].level"]),
        (KEY + PROFILE + '[[routes]]\nto = ["*"]\nplatform = "truc"\nsign = ["q"]\n', ["routes[0].sign"]),
    ],
)
def test_a_disagreement_names_the_key_at_fault(tmp_path: Path, text: str, keys: list[str]) -> None:
    assert sorted(keys_at_fault(tmp_path, text)) == sorted(keys)


def test_what_a_system_asks_replaces_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "lienthong.toml"
    own = '[[systems]]\nid = "s"\nparties = ["H53.1"]\nsignatures = { document = "off" }\n'
    file.write_text(HEAD + own, encoding="utf-8")
    config = load(file, {"S": "secret"}, opens_secrets=False)
    assert config.systems[0].signatures == {"document": Demand.OFF}
    assert set(config.trust.signatures.values()) == {Demand.FLAG}


def test_a_trust_directory_that_cannot_be_used_is_told_before_the_server_starts(tmp_path: Path) -> None:
    (tmp_path / "t" / "state").mkdir(parents=True)
    (tmp_path / "t" / "state" / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    file = tmp_path / "lienthong.toml"
    file.write_text(HEAD + '[trust]\ndirectory = "t"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load(file, {"S": "secret"})
    (problem,) = refused.value.problems
    assert (problem.key, "broken.pem" in str(problem)) == ("trust.directory", True)
