"""Commands that need no server: their words, their JSON and their exit codes, from a real process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import COMMANDS, lienthong
from gateway.config import json_schema
from gateway.storage import StoreSettings
from gateway.storage.lock import DirectoryLock

ENTRY = [sys.executable, "-c", "from gateway.cli import main; main()"]
SAMPLES = Path(__file__).parents[1] / "vectors" / "vxp"
CONFIG = """\
[gateway]
id = "test"
data_dir = "state"
[listen.intake]
plain_http = "127.0.0.1:0"
[listen.console]
address = "127.0.0.1:0"
[[systems]]
id = "snv"
parties = ["H53.01"]
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "lienthong.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def run(*arguments: object, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a shell would start it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIENTHONG")}
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [*ENTRY, *map(str, arguments)],
        env={**inherited, "PYTHONPATH": root, **environ},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def invoke(*arguments: object) -> tuple[int, str, str]:
    """The command in this process: exit code, standard output, standard error."""
    result = CliRunner().invoke(lienthong, [str(one) for one in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_a_good_configuration_ends_with_0(config: Path) -> None:
    done = run("check-config", config)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bad_configuration_ends_with_2_and_names_file_and_line(config: Path) -> None:
    config.write_text(CONFIG.replace('id = "snv"', 'id = "snv"\ncolour = "red"'), encoding="utf-8")
    done = run("check-config", config)
    assert done.returncode == 2
    assert f"{config}:10:1: systems[0].colour" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_problems_are_told_as_json_too(config: Path) -> None:
    config.write_text(CONFIG.replace('id = "snv"', 'id = "gateway"'), encoding="utf-8")
    code, out, _ = invoke("check-config", config, "--json")
    answer = json.loads(out)
    assert code == 2 and answer["ok"] is False
    assert [(one["line"], one["key"]) for one in answer["problems"]] == [(9, "systems[0].id")]


def test_the_schema_is_printed_as_published() -> None:
    code, out, _ = invoke("check-config", "--schema")
    assert (code, out) == (0, json_schema())


def test_no_configuration_at_all_ends_with_2(tmp_path: Path) -> None:
    done = run("message", "list", cwd=tmp_path)
    assert done.returncode == 2 and "LIENTHONG_CONFIG" in done.stderr


def test_the_configuration_is_found_by_the_environment(config: Path) -> None:
    done = run("migrate", "--json", LIENTHONG_CONFIG=str(config))
    assert done.returncode == 0 and json.loads(done.stdout)["before"] == 0


def test_a_configuration_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert invoke("queue", "list", "-c", tmp_path / "nowhere.toml")[0] == 2


def test_no_store_yet_ends_with_4_and_says_what_to_do(config: Path) -> None:
    code, _, told = invoke("message", "list", "-c", config)
    assert code == 4 and "lienthong migrate" in told


def test_migrate_says_what_it_would_do_and_does_it_once(config: Path, tmp_path: Path) -> None:
    would = json.loads(invoke("migrate", "-c", config, "--dry-run", "--json")[1])
    assert would["before"] == 0 and not (tmp_path / "state").exists()
    did = json.loads(invoke("migrate", "-c", config, "--json")[1])
    assert (did["before"], did["after"]) == (0, would["after"])
    again = json.loads(invoke("migrate", "-c", config, "--json")[1])
    assert again["before"] == again["after"] == did["after"]


def test_a_locked_data_directory_ends_with_4(config: Path, tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "state")
    try:
        code, out, _ = invoke("migrate", "-c", config, "--json")
    finally:
        lock.release()
    assert code == 4 and json.loads(out)["error"]["code"] == "data.locked"


def test_a_file_that_is_no_database_is_told_without_a_traceback(config: Path, tmp_path: Path) -> None:
    settings = StoreSettings(tmp_path / "state")
    settings.data_dir.mkdir()
    settings.database.write_bytes(b"not a database" * 1000)
    done = run("message", "list", "-c", config)
    assert done.returncode == 4 and "Traceback" not in done.stderr


def test_keys_are_issued_and_revoked_while_no_server_runs(config: Path) -> None:
    code, out, _ = invoke(
        "key", "add", "--system", "snv", "--expires", "365d", "--note", "iOffice", "-c", config, "--json"
    )
    added = json.loads(out)
    assert code == 0 and added["key"].startswith(f"lt_{added['id']}_")
    (listed,) = json.loads(invoke("key", "list", "-c", config, "--json")[1])
    assert (listed["id"], listed["note"], listed["revoked_at"]) == (added["id"], "iOffice", None)
    assert listed["expires_at"] == added["expires_at"]
    assert added["key"] not in invoke("key", "list", "-c", config)[1]
    assert invoke("key", "revoke", added["id"], "-c", config)[0] == 0
    assert invoke("key", "revoke", added["id"], "-c", config)[0] == 3
    (revoked,) = json.loads(invoke("key", "list", "-c", config, "--json")[1])
    assert revoked["revoked_at"]


def test_the_secret_of_a_key_is_stored_nowhere(config: Path, tmp_path: Path) -> None:
    added = json.loads(invoke("key", "add", "--system", "snv", "-c", config, "--json")[1])
    secret = added["key"].rpartition("_")[2].encode()
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert added["id"].encode() in stored and secret not in stored


def test_a_key_for_a_system_nobody_configured_ends_with_3(config: Path) -> None:
    code, out, _ = invoke("key", "add", "--system", "other", "-c", config, "--json")
    assert code == 3 and json.loads(out)["error"]["code"] == "peer.unknown"


@pytest.mark.parametrize("expires", ["365", "soon", "0d", "9999d"])
def test_a_life_that_makes_no_sense_is_refused(config: Path, expires: str) -> None:
    assert invoke("key", "add", "--system", "snv", "--expires", expires, "-c", config)[0] in {2, 5}


def test_an_order_without_a_reason_is_not_given(config: Path) -> None:
    assert invoke("queue", "pause", "vxp", "-c", config)[0] == 2


def test_an_intact_log_ends_with_0(config: Path) -> None:
    invoke("key", "add", "--system", "snv", "-c", config)
    code, out, _ = invoke("audit", "verify", "-c", config, "--json")
    assert code == 0 and json.loads(out)["intact"] is True


def test_a_kept_checkpoint_the_log_does_not_reach_ends_with_1(config: Path, tmp_path: Path) -> None:
    invoke("migrate", "-c", config)
    kept = tmp_path / "checkpoint"
    kept.write_text("example/log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n")
    code, out, _ = invoke("audit", "verify", "--checkpoint", kept, "-c", config, "--json")
    assert code == 1 and json.loads(out)["intact"] is False


def test_a_file_that_is_no_checkpoint_ends_with_2(config: Path) -> None:
    invoke("migrate", "-c", config)
    assert invoke("audit", "verify", "--checkpoint", config, "-c", config)[0] == 2


def test_validate_lists_findings_with_clause_line_and_remedy(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_bytes(b"<edXML><edXMLEnvelope></edXMLEnvelope></edXML>")
    code, out, _ = invoke("validate", broken, "--json")
    answer = json.loads(out)
    assert code == 1 and answer["conformant"] is False
    assert all(one["message_vi"] and one["remedy_en"] and one["line"] >= 1 for one in answer["findings"])
    assert invoke("validate", broken)[0] == 1


def test_validate_of_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert invoke("validate", tmp_path / "nowhere.xml")[0] == 2


def test_a_redirected_table_folds_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_bytes(next(SAMPLES.glob("*.xml")).read_bytes())
    findings = json.loads(invoke("validate", broken, "--json")[1])["findings"]
    _, out, _ = invoke("--lang", "en", "validate", broken)
    assert findings and all(any(one["xpath"] in line for line in out.splitlines()) for one in findings)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_in_two_languages(command: str) -> None:
    code, out, _ = invoke(command, "--help")
    assert code == 0
    assert any(ord(char) > 0x1E00 or char in "ăâđêôơưàáéèíìóòúùýĐ" for char in out)


def test_serve_says_it_is_ready_and_ends_with_0_on_sigterm(config: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [*ENTRY, "serve", "-c", str(config), "--json"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            assert ready["event"] == "ready" and ready["intake"][0] > 0
            assert invoke("message", "list", "-c", config)[0] == 0
            assert run("serve", "-c", config).returncode == 4
            server.send_signal(signal.SIGHUP)
            assert invoke("key", "add", "--system", "snv", "-c", config)[0] == 0, "SIGHUP does not end it"
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=30)
            assert "needs a restart" in log
        finally:
            server.kill()
    assert server.returncode == 0


def test_serve_tells_an_address_in_use_without_a_traceback(config: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "-c", config, LIENTHONG__LISTEN__INTAKE__PLAIN_HTTP=f"127.0.0.1:{port}")
    assert done.returncode == 1 and "Traceback" not in done.stderr and "in use" in done.stderr
