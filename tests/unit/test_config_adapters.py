"""Every adapter's own keys: what it needs, what only it knows, and secrets that could never work."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, load

ROOT = Path(__file__).resolve().parents[2]
GOOD = """
[gateway]
id = "tay-ninh"
data_dir = "data"
[listen.intake]
plain_http = "127.0.0.1:8080"
lgsp_login = true
[[systems]]
id = "doanh-nghiep"
adapter = "lgsp"
parties = ["H53.1"]
system_id = "H53.DN.001"
secret = "env:LGSP"
[[systems]]
id = "mot-cua"
adapter = "webhook"
parties = ["H53.2"]
url = "https://motcua.example/hooks?tenant=1"
secret = "env:HOOK"
content = "full"
public_url = "https://lienthong.example:8443/"
deadline = "20s"
slots = 2
[[platforms]]
id = "truc-vung"
adapter = "lgsp"
base_url = "https://lgsp.example"
environment = "production"
system_id = "H53"
secret = "env:LGSP"
rejected_codes = ["18"]
settled_codes = ["12"]
login = { username = "u", password = "env:LGSP" }
"""


def whsec(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


SECRETS = {"LGSP": "khoa-bi-mat", "HOOK": f"{whsec(32)} {whsec(24)}"}


def read(folder: Path, text: str, **secrets: str) -> Config:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {**SECRETS, **secrets})


def wrong(folder: Path, text: str, **secrets: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, **secrets)
    return [problem.key for problem in caught.value.problems]


def test_a_regional_axis_its_software_and_a_webhook_are_read_as_written(tmp_path: Path) -> None:
    config = read(tmp_path, GOOD)
    served, pushed = config.systems
    (axis,) = config.platforms
    assert (served.system_id, pushed.url) == ("H53.DN.001", "https://motcua.example/hooks?tenant=1")
    assert (pushed.content, pushed.public_url) == ("full", "https://lienthong.example:8443")
    assert (pushed.deadline, pushed.slots) == (20, 2)
    assert axis.login and axis.login.password.reveal() == "khoa-bi-mat"
    assert (axis.rejected_codes, axis.settled_codes) == (("18",), ("12",))


MISTAKES = {
    "webhook without a url": ('url = "https://motcua.example/hooks?tenant=1"\n', "", "systems[1].url"),
    "webhook without a secret": ('secret = "env:HOOK"\n', "", "systems[1].secret"),
    "webhook over plain http": ("https://motcua", "http://motcua", "systems[1].url"),
    "webhook with a password": ("https://motcua", "https://u:p@motcua", "systems[1].url"),
    "webhook with a fragment": ("tenant=1", "tenant=1#here", "systems[1].url"),
    "webhook with a system_id": ("slots = 2", 'system_id = "x"', "systems[1].system_id"),
    "webhook with an attempt longer than its claim": ('"20s"', '"6m"', "systems[1].deadline"),
    "webhook with an arrival nobody would notice": (
        "slots = 2",
        'automatic_arrival = ["H53.2"]',
        "systems[1].automatic_arrival",
    ),
    "content that is neither": ('"full"', '"half"', "systems[1].content"),
    "lgsp without a system_id": ('system_id = "H53.DN.001"\n', "", "systems[0].system_id"),
    "lgsp with a time window": (
        'id = "doanh-nghiep"',
        'id = "a"\ntimestamp_window = "1h"',
        "systems[0].timestamp_window",
    ),
    "lgsp with a url": ('id = "doanh-nghiep"', 'id = "a"\nurl = "https://a.example"', "systems[0].url"),
    "login for nobody": ('adapter = "lgsp"\nparties', 'adapter = "vxp"\nparties', "listen.intake.lgsp_login"),
    "platform of one kind with a key of the other": (
        'settled_codes = ["12"]',
        'hash_file = "padded"',
        "platforms[0].hash_file",
    ),
    "platform with a slash in its system_id": (
        'system_id = "H53"\n',
        'system_id = "H53/1"\n',
        "platforms[0].system_id",
    ),
    "login without a password": (', password = "env:LGSP"', "", "platforms[0].login.password"),
    "password that is no reference": ('password = "env:LGSP"', 'password = "x"', "platforms[0].login.password"),
    "the keys of lgsp at a vxp platform": (
        'id = "truc-vung"\nadapter = "lgsp"',
        'id = "truc-vung"\nadapter = "vxp"',
        "platforms[0].settled_codes",
    ),
}


@pytest.mark.parametrize(("old", "new", "key"), MISTAKES.values(), ids=MISTAKES)
def test_a_key_that_its_adapter_lacks_or_does_not_know_is_told(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert GOOD.count(old) == 1
    assert wrong(tmp_path, GOOD.replace(old, new))[0] == key


@pytest.mark.parametrize("secret", ["hunter2", whsec(23), whsec(65), f"{whsec(32)} hunter2", " "])
def test_a_webhook_secret_that_could_not_sign_is_told_before_the_start(tmp_path: Path, secret: str) -> None:
    assert wrong(tmp_path, GOOD, HOOK=secret) == ["systems[1].secret"]


@pytest.mark.parametrize("secret", ["bí mật", "two words"])
def test_a_secret_that_no_header_carries_is_told_before_the_start(tmp_path: Path, secret: str) -> None:
    assert wrong(tmp_path, GOOD, LGSP=secret) == ["systems[0].secret", "platforms[0].secret"]


def test_the_examples_in_comments_load_when_the_comment_sign_is_taken_away(tmp_path: Path) -> None:
    text = (ROOT / "config" / "gateway.toml").read_text(encoding="utf-8")
    whole = re.sub(r"^# ((?:\[\[?[a-z.]+\]\]?|[a-z_]+ = ).*)$", r"\1", text, flags=re.MULTILINE)
    path = tmp_path / "gateway.toml"
    path.write_text(whole, encoding="utf-8")
    config = load(path, {}, opens_secrets=False)
    assert {system.adapter for system in config.systems} >= {"rest", "lgsp", "webhook"}
    assert {platform.adapter for platform in config.platforms} == {"vxp", "lgsp"}
    assert [profile.key for profile in config.signing.profiles] == [key.id for key in config.signing.keys]
    assert config.trust.directory is not None
