"""Every mistake in a configuration is told with its line and a way out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.config import Config, ConfigError, Problem, load

GOOD = """\
[gateway]
id = "tay-ninh"
data_dir = "data"

[listen.intake]
plain_http = "127.0.0.1:8080"

[delivery]
lease = "5m"

[[systems]]
id = "qlvb"
parties = ["H53.1.*"]

[[systems]]
id = "motcua"
parties = ["H53.2", "H53.3"]

[[platforms]]
id = "truc"
adapter = "vxp"
base_url = "https://axis.example"
environment = "production"
system_id = "000.00.00.H53"
secret = "env:VXP_SECRET"
"""

SECOND_PLATFORM = """
[[platforms]]
id = "truc2"
adapter = "vxp"
base_url = "https://other.example"
environment = "production"
system_id = "000.00.00.H53"
secret = "env:VXP_SECRET"
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "gateway.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


def problems(path: Path, **environ: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, {"VXP_SECRET": "s3cret", **environ})
    return caught.value.problems


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) >= 1
    return GOOD.replace(old, new, 1)


def test_a_short_file_is_enough(write: Write, tmp_path: Path) -> None:
    config = load(write(GOOD), {"VXP_SECRET": "s3cret"})
    assert isinstance(config, Config)
    assert config.gateway.data_dir == tmp_path / "data"
    assert config.platforms[0].secret.reveal() == "s3cret"
    assert config.listen.intake.max_body == 50 * 1024 * 1024
    assert not config.listen.intake.tls
    assert str(config.listen.intake.plain_http) == "127.0.0.1:8080"
    assert "H53.1.9" in config.systems[0].parties


TWO_VXP_SYSTEMS = """
[[systems]]
id = "a"
adapter = "vxp"
system_id = "000.00.01.H53"
secret = "env:VXP_SECRET"
timestamp_window = "30d"
parties = ["H53.8"]

[[systems]]
id = "b"
adapter = "vxp"
system_id = "000.00.02.H53"
secret = "env:VXP_SECRET"
parties = ["H53.9"]
"""


def test_systems_that_speak_vxp_have_credentials_and_a_time_window(write: Write) -> None:
    first, second = load(write(GOOD + TWO_VXP_SYSTEMS), {"VXP_SECRET": "s3cret"}).systems[2:]
    assert (first.system_id, first.timestamp_window) == ("000.00.01.H53", 30 * 86400)
    assert second.secret
    assert (second.secret.reveal(), second.timestamp_window) == ("s3cret", 86400)


def test_two_systems_cannot_have_one_system_id(write: Write) -> None:
    (problem,) = problems(write(GOOD + TWO_VXP_SYSTEMS.replace("000.00.02.H53", "000.00.01.H53")))
    assert problem.key == "systems[3].system_id"


MISTAKES = {
    "unknown key": ('data_dir = "data"', 'data_dri = "data"', 3, "gateway.data_dri"),
    "unknown table": ("[delivery]\n", "[deliverys]\n", 8, "deliverys"),
    "unknown key in a row": ('id = "motcua"', 'id = "motcua"\ncolour = "red"', 17, "systems[1].colour"),
    "table that is not built yet": ("[delivery]", '[alerts]\nmail = "x"\n[delivery]', 8, "alerts"),
    "missing id": ('id = "tay-ninh"\n', "", 1, "gateway.id"),
    "missing key in a row": ('system_id = "000.00.00.H53"\n', "", 19, "platforms[0].system_id"),
    "unusable id": ('id = "motcua"', 'id = "một cửa"', 16, "systems[1].id"),
    "reserved id": ('id = "motcua"', 'id = "Gateway"', 16, "systems[1].id"),
    "id of another system": ('id = "motcua"', 'id = "QLVB"', 16, "systems[1].id"),
    "id of a platform": ('id = "truc"', 'id = "qlvb"', 20, "platforms[0].id"),
    "party of another system": ('"H53.3"', '"H53.1.7"', 17, "systems[1].parties"),
    "pattern over another": ('"H53.3"', '"H53.*"', 17, "systems[1].parties"),
    "no parties": ('["H53.2", "H53.3"]', "[]", 17, "systems[1].parties"),
    "star in the middle": ('"H53.3"', '"H*.3"', 17, "systems[1].parties"),
    "test system, production platform": (
        'id = "motcua"',
        'id = "motcua"\nenvironment = "test"',
        17,
        "systems[1].environment",
    ),
    "unknown adapter": ('adapter = "vxp"', 'adapter = "soap"', 21, "platforms[0].adapter"),
    "plain http to production": ("https://axis.example", "http://axis.example", 22, "platforms[0].base_url"),
    "VXP system without credentials": (
        'id = "motcua"',
        'id = "motcua"\nadapter = "vxp"\nsecret = "env:VXP_SECRET"',
        15,
        "systems[1].system_id",
    ),
    "VXP system without a secret": (
        'id = "motcua"',
        'id = "motcua"\nadapter = "vxp"\nsystem_id = "1"',
        15,
        "systems[1].secret",
    ),
    "VXP secret of a REST system": (
        'id = "motcua"',
        'id = "motcua"\nsecret = "env:VXP_SECRET"',
        17,
        "systems[1].secret",
    ),
    "time window of a REST system": (
        'id = "motcua"',
        'id = "motcua"\ntimestamp_window = "1h"',
        17,
        "systems[1].timestamp_window",
    ),
    "literal secret of a system": (
        'id = "motcua"',
        'id = "motcua"\nadapter = "vxp"\nsystem_id = "1"\nsecret = "hunter2"',
        19,
        "systems[1].secret",
    ),
    "password in the URL": ("https://axis.example", "https://u:p@axis.example", 22, "platforms[0].base_url"),
    "no URL": ("https://axis.example", "axis.example", 22, "platforms[0].base_url"),
    "unknown environment": ('"production"', '"prod"', 23, "platforms[0].environment"),
    "literal secret": ("env:VXP_SECRET", "hunter2", 25, "platforms[0].secret"),
    "secret that is not set": ("env:VXP_SECRET", "env:OTHER", 25, "platforms[0].secret"),
    "size without meaning": ("[delivery]", '[store]\nreserve = "much"\n[delivery]', 9, "store.reserve"),
    "duration without a unit": ('lease = "5m"', "lease = 300", 9, "delivery.lease"),
    "deadline beyond the lease": ('lease = "5m"', 'lease = "30s"', 19, "platforms[0].deadline"),
    "first wait beyond the longest": ('lease = "5m"', 'retry_first = "1h"', 9, "delivery.retry_first"),
    "sealing too late": ("[delivery]", '[audit]\nseal_interval = "6s"\n[delivery]', 9, "audit.seal_interval"),
    "address without a port": ('"127.0.0.1:8080"', '"127.0.0.1"', 6, "listen.intake.plain_http"),
    "port beyond 65535": ('"127.0.0.1:8080"', '"127.0.0.1:70000"', 6, "listen.intake.plain_http"),
    "address used twice": ('"127.0.0.1:8080"', '"127.0.0.1:8081"', 5, "listen.console.address"),
    "nothing to listen on": ('plain_http = "127.0.0.1:8080"', "", 5, "listen.intake.address"),
    "TLS address without a certificate": (
        "[listen.intake]",
        '[listen.intake]\naddress = "0.0.0.0:8443"',
        6,
        "listen.intake.address",
    ),
    "certificate without its key": (
        "[listen.intake]",
        '[listen.intake]\ntls_certificate = "gateway.toml"',
        5,
        "listen.intake.tls_key",
    ),
    "no file of the CA": ('secret = "env', 'ca_file = "ca.pem"\nsecret = "env', 25, "platforms[0].ca_file"),
    "one sender may fill the memory": (
        "[listen.intake]",
        '[listen.intake]\nmax_body = "200MB"',
        5,
        "listen.intake.max_in_flight",
    ),
    "boolean as text": ('secret = "env', 'poll = "perhaps"\nsecret = "env', 25, "platforms[0].poll"),
    "a table where a list is due": ("[[platforms]]", "[platforms]", 19, "platforms"),
}


@pytest.mark.parametrize(("old", "new", "line", "key"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_its_line(write: Write, old: str, new: str, line: int, key: str) -> None:
    path = write(changed(old, new))
    found = problems(path)
    assert [(problem.line, problem.key) for problem in found] == [(line, key)]
    assert found[0].file == str(path)
    assert found[0].message_vi and found[0].message_en
    assert "{" not in found[0].message_vi + found[0].message_en


def test_all_mistakes_are_told_at_once(write: Write) -> None:
    text = changed('id = "tay-ninh"', 'id = "tay ninh"').replace("env:VXP_SECRET", "hunter2")
    assert [problem.line for problem in problems(write(text))] == [2, 25]


def test_a_typing_mistake_is_answered_with_the_key_that_was_meant(write: Write) -> None:
    (problem,) = problems(write(changed("lease =", "leese =")))
    assert "'lease'" in problem.hint_vi and "'lease'" in problem.hint_en


def test_a_literal_secret_is_not_repeated_in_the_complaint(write: Write) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(changed("env:VXP_SECRET", "hunter2")), {})
    assert "hunter2" not in f"{caught.value} {caught.value.problems}"


def test_a_syntax_mistake_has_line_and_column(write: Write) -> None:
    (problem,) = problems(write(changed('lease = "5m"', "lease = = 5")))
    assert (problem.line, problem.column) == (9, 9)


def test_a_file_that_ends_in_the_middle_is_told_at_its_end(write: Write) -> None:
    (problem,) = problems(write(GOOD + 'x = """'))
    assert problem.line == GOOD.count("\n") + 1


def test_a_file_that_is_not_utf8_is_told_at_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b'[gateway]\nid = "t\xe2y-ninh"\n')
    (problem,) = problems(path)
    assert (problem.line, problem.column) == (2, 8)


def test_a_file_that_is_not_there_is_a_problem_without_a_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere.toml")
    assert problem.line == 0 and problem.place == str(tmp_path / "nowhere.toml")


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(path, {"VXP_SECRET": "x"}).gateway.id == "tay-ninh"


def test_several_platforms_need_routes(write: Write) -> None:
    (problem,) = problems(write(GOOD + SECOND_PLATFORM))
    assert (problem.line, problem.key) == (27, "platforms[1]")


def test_routes_name_platforms_that_exist_and_patterns_once(write: Write) -> None:
    routes = '[[routes]]\nto = ["G09.*"]\nplatform = "truc"\n[[routes]]\nto = ["g09.*"]\nplatform = "trục"\n'
    found = problems(write(GOOD + routes))
    assert [(problem.line, problem.key) for problem in found] == [(30, "routes[1].to"), (31, "routes[1].platform")]


def test_everyone_is_reached_through_the_only_platform(write: Write) -> None:
    (route,) = load(write(GOOD), {"VXP_SECRET": "x"}).effective_routes
    assert route.platform == "truc" and "000.00.00.G22" in route.to


def test_written_routes_replace_the_default(write: Write) -> None:
    text = GOOD + SECOND_PLATFORM + '[[routes]]\nto = ["G09.*"]\nplatform = "truc2"\n'
    config = load(write(text), {"VXP_SECRET": "x"})
    assert config.effective_routes == config.routes


def test_one_inbox_is_not_polled_by_two(write: Write) -> None:
    text = GOOD + SECOND_PLATFORM.replace("other", "axis") + '[[routes]]\nto = ["*"]\nplatform = "truc"\n'
    assert [problem.key for problem in problems(write(text))] == ["platforms[1].system_id"]


def test_test_and_production_platforms_do_not_share_a_gateway(write: Write) -> None:
    routes = '[[routes]]\nto = ["*"]\nplatform = "truc"\n'
    found = problems(write(GOOD + SECOND_PLATFORM.replace('"production"', '"test"') + routes))
    assert [problem.key for problem in found] == [
        "systems[0].environment",
        "systems[1].environment",
        "platforms[1].environment",
    ]


def test_plain_http_is_for_loopback_and_tests(write: Write) -> None:
    local = changed("https://axis.example", "http://127.0.0.1:9000")
    assert load(write(local), {"VXP_SECRET": "x"}).platforms[0].base_url == "http://127.0.0.1:9000"


def test_parties_come_from_a_list_of_the_province(write: Write, tmp_path: Path) -> None:
    (tmp_path / "don-vi.csv").write_text("\ufeffMã,Tên\nH53.7,Sở Y tế\n\n# cũ\nH53.8.*,Huyện\n", encoding="utf-8")
    config = load(write(changed('["H53.2", "H53.3"]', '"don-vi.csv"')), {"VXP_SECRET": "x"})
    assert config.systems[1].parties.patterns == ("H53.7", "H53.8.*")


def test_a_mistake_in_that_list_is_told_at_its_own_line(write: Write, tmp_path: Path) -> None:
    (tmp_path / "don-vi.csv").write_text("code\nH53.7\nH53 8\n", encoding="utf-8")
    (problem,) = problems(write(changed('["H53.2", "H53.3"]', '"don-vi.csv"')))
    assert (problem.file, problem.line) == (str(tmp_path / "don-vi.csv"), 3)


def test_a_list_that_is_not_there_is_told_at_the_key(write: Write) -> None:
    (problem,) = problems(write(changed('["H53.2", "H53.3"]', '"don-vi.csv"')))
    assert (problem.line, problem.key) == (17, "systems[1].parties")


def test_a_data_directory_that_is_a_file_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    (problem,) = problems(write(GOOD))
    assert (problem.line, problem.key) == (3, "gateway.data_dir")


@contextmanager
def without_root() -> Iterator[None]:
    """As an account that file modes bind; root is not bound by them."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_a_data_directory_that_cannot_be_written_is_refused() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "data").mkdir(mode=0o555)
        path = Path(folder) / "gateway.toml"
        path.write_text(GOOD, encoding="utf-8")
        with without_root():
            (problem,) = problems(path)
        (Path(folder) / "data").chmod(0o755)
    assert (problem.line, problem.key) == (3, "gateway.data_dir")


def test_a_data_directory_too_deep_for_the_control_socket_is_refused(write: Write) -> None:
    (problem,) = problems(write(changed('"data"', f'"{"d" * 60}/{"e" * 60}"')))
    assert (problem.line, problem.key) == (3, "gateway.data_dir")


def test_a_person_reads_without_the_service_s_secrets_and_rights(write: Write) -> None:
    text = changed('plain_http = "127.0.0.1:8080"', 'tls_certificate = "none.pem"\ntls_key = "none.key"')
    config = load(write(text), {}, opens_secrets=False)
    with pytest.raises(LookupError):
        config.platforms[0].secret.reveal()
