"""Rules of the whole tree that no other tool checks."""

from __future__ import annotations

import ast
import os
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
from adapters.rest import decode
from gateway.config import load
from gateway.model.document import Document

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("gateway", "adapters", "sandbox", "schemas")
NOT_OURS = {".venv", ".git", "var", "build", "dist", "__pycache__"}
LOCKS = ("run.lock", "test.lock")
FORBIDDEN_WORDS = {"job", "jobs", "task", "tasks", "channel", "mediator", "manager", "processor", "helper", "helpers"}
FORBIDDEN_WORDS |= {"util", "utils", "data", "info", "common", "misc"}
ALLOWED_NAMES = {"OtherInfo", "DataDirectoryLocked"}
"""An element's name in edXML, and the data directory of the contract."""


def files(*suffixes: str) -> Iterator[Path]:
    """Every file of the tree with one of *suffixes*; all files without."""
    for folder, below, names in os.walk(ROOT):
        below[:] = sorted(name for name in below if name not in NOT_OURS and not name.endswith("_cache"))
        yield from (Path(folder, name) for name in sorted(names) if not suffixes or Path(name).suffix in suffixes)


def python_files(*folders: str) -> list[Path]:
    return [path for path in files(".py") if path.relative_to(ROOT).parts[0] in folders]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def project() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_pinned_with_a_hash_and_without_an_address(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text().replace("\\\n", " ")
    pins = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(pins) > 10
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+==\S+ ", pin), pin
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", pin), pin
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_holds_every_declared_dependency(lock: str) -> None:
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / "requirements" / lock).read_text(), re.MULTILINE))
    declared = {re.split(r"[>=;\[ ]", line)[0] for line in project()["project"]["dependencies"]}
    assert declared <= pinned


def test_the_version_is_the_same_everywhere() -> None:
    assert project()["project"]["version"] == gateway.__version__
    newest = re.search(r"^## (\d\S*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == gateway.__version__


def test_there_is_no_private_key_in_the_tree() -> None:
    marker = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE" + rb" KEY-----")
    stores = {".p12", ".pfx", ".jks", ".key", ".ppk"}
    found = [relative(path) for path in files() if path.suffix in stores or marker.search(path.read_bytes())]
    assert found == []


@pytest.mark.parametrize("name", ["minimal.toml", "gateway.toml"])
def test_the_example_configurations_load(name: str) -> None:
    config = load(ROOT / "config" / name, {}, opens_secrets=False)
    assert config.systems
    assert config.effective_routes


def test_the_minimal_configuration_has_twenty_lines() -> None:
    assert len((ROOT / "config" / "minimal.toml").read_text().splitlines()) <= 20


def test_the_page_of_error_codes_is_current() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "errors_page.py"))
    assert (ROOT / "docs" / "errors.md").read_text() == script["page"](), "run `make docs`"


def test_no_error_code_is_given_twice() -> None:
    codes = re.findall(r'^    Fault\("([^"]+)"', (ROOT / "gateway" / "errors.py").read_text(), re.MULTILINE)
    assert len(codes) == len(set(codes)) > 30


def test_every_make_command_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in files(".md"):
        named = re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
        assert set(named) <= targets, relative(page)


def test_the_integrators_example_is_accepted_as_it_stands() -> None:
    example = re.search(r"```json\n(.*?)```", (ROOT / "docs" / "integrator.md").read_text(), re.DOTALL)
    assert example
    content = decode(example[1].encode()).content
    assert isinstance(content, Document)
    assert [attachment.name for attachment in content.attachments] == ["bao-cao.pdf"]


def test_links_between_documents_lead_somewhere() -> None:
    for page in files(".md"):
        for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{relative(page)}: {target}"


def test_every_folder_of_vectors_states_its_origin() -> None:
    vectors = ROOT / "tests" / "vectors"
    stated = (vectors / "README.md").read_text()
    for folder in vectors.iterdir():
        if folder.is_dir():
            assert f"ORIGIN `{folder.name}/`" in stated


def test_tests_read_nothing_outside_the_tree() -> None:
    outside = re.compile(r"""["'](?:~|/(?:work|home|root|mnt|opt|srv|usr/local))/""")
    for path in python_files("tests"):
        if path != Path(__file__).resolve():
            assert not outside.search(path.read_text()), relative(path)


def test_nothing_is_left_unfinished() -> None:
    unfinished = re.compile("TO" + "DO|FIX" + "ME|raise NotImplemented" + "Error")
    for path in python_files(*SOURCES, "docs"):
        assert not unfinished.search(path.read_text()), relative(path)


def test_modules_and_classes_are_named_with_the_words_of_the_house() -> None:
    for path in python_files(*SOURCES):
        assert not FORBIDDEN_WORDS & set(path.stem.casefold().split("_")), relative(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name not in ALLOWED_NAMES:
                words = {word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", node.name)}
                assert not FORBIDDEN_WORDS & words, f"{relative(path)}: {node.name}"


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


def test_foreign_xml_is_parsed_in_one_place_only() -> None:
    parses = re.compile(r"etree\.(?:parse|fromstring|XML|XMLParser|iterparse|HTML|XMLPullParser)\b")
    for path in python_files("gateway", "adapters"):
        if relative(path) == "gateway/formats/safexml.py":
            continue
        modules = {name for name in imports(path) if re.match(r"(?:lxml|xml|defusedxml|xmltodict|bs4)\b", name)}
        assert modules <= {"lxml", "lxml.etree", "xml.sax.saxutils"}, relative(path)
        assert not parses.search(path.read_text()), relative(path)


def test_nothing_runs_code_from_bytes() -> None:
    risky = {"pickle", "marshal", "shelve", "dill"}
    for path in python_files(*SOURCES):
        assert risky.isdisjoint(name.partition(".")[0] for name in imports(path)), relative(path)
