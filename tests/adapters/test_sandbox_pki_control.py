"""The control interface of the sandbox's PKI, what it keeps, and the signed papers it gives the simulated systems."""

from __future__ import annotations

import base64
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from pki_tools import NOW, bench

from sandbox import edxml
from sandbox.app import Running, start
from sandbox.department import DOCUMENTS, DepartmentSystem, compose
from sandbox.edxml import Organ
from sandbox.gate import Gate
from sandbox.office import OfficeSystem
from sandbox.pki.desk import AMOUNT, Desk
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.vault import Vault
from sandbox.settings import MINISTRY_SYSTEM, PROVINCE_SYSTEM, SandboxSettings
from sandbox.writing import Draft

ADDRESS = "http://127.0.0.1:1"


@dataclass(frozen=True)
class Panel:
    """A sandbox with a PKI, and its control interface."""

    running: Running

    @property
    def hierarchy(self) -> Hierarchy:
        assert self.running.pki is not None
        return self.running.pki.hierarchy

    async def ask(self, method: str, path: str, wanted: object = None) -> tuple[int, Any]:
        url = self.running.control_url + path
        async with aiohttp.ClientSession() as session, session.request(method, url, json=wanted) as response:
            is_json = response.content_type == "application/json"
            return response.status, await response.json() if is_json else await response.read()


@asynccontextmanager
async def panel(**options: Any) -> AsyncIterator[Panel]:
    running = await start(SandboxSettings(pki_port=0, ministries_poll=False, **options))
    try:
        yield Panel(running)
    finally:
        await running.stop()


async def test_without_a_port_there_is_no_pki() -> None:
    running = await start(SandboxSettings(ministries_poll=False))
    try:
        assert running.pki is None
        assert (await Panel(running).ask("GET", "/pki/state"))[0] == 404
    finally:
        await running.stop()


async def test_certificates_are_issued_right_and_wrong_on_order(tmp_path: Path) -> None:
    async with panel(data_dir=tmp_path) as control:
        status, made = await control.ask("POST", "/pki/certificates", {"organisation": "Sở Nội vụ", "key": "rsa"})
        assert status == 201
        certificate = x509.load_pem_x509_certificate(made["pem"].encode())
        assert made["serial"] == f"{certificate.serial_number:x}"
        assert Path(made["files"]["pkcs12"]).exists()
        assert "PRIVATE" not in made["pem"]
        wanted = {"organisation": "Sở Nội vụ", "full_name": "Lê Văn B", "title": "Giám đốc", "tree": "public"}
        _, person = await control.ask("POST", "/pki/certificates", {**wanted, "expired": True})
        expired = x509.load_pem_x509_certificate(person["pem"].encode())
        assert person["issuer"] == "issuing"
        assert expired.not_valid_after_utc < control.hierarchy.now()
        dates = {"begins": "2030-01-01T00:00:00", "ends": "2031-01-01T00:00:00+07:00"}
        _, future = await control.ask("POST", "/pki/certificates", {"organisation": "X", **dates})
        begins = x509.load_pem_x509_certificate(future["pem"].encode()).not_valid_before_utc
        assert begins.isoformat() == "2029-12-31T17:00:00+00:00"
        _, register = await control.ask("GET", "/pki/certificates")
        assert {made["serial"], person["serial"]} <= {line["serial"] for line in register}


@pytest.mark.parametrize("wanted", [{}, [], {"organisation": "X", "begins": "yesterday", "ends": "tomorrow"}])
async def test_an_order_for_a_certificate_that_makes_no_sense_is_refused(wanted: object) -> None:
    async with panel() as control:
        status, answer = await control.ask("POST", "/pki/certificates", wanted)
        assert status == 400
        assert answer["error"]


async def test_revocation_goes_by_serial_number_and_back(tmp_path: Path) -> None:
    async with panel() as control:
        identity = control.hierarchy.organisation("X")
        path = f"/pki/certificates/{identity.serial.upper()}/revocation"
        wanted = {"at": "2026-11-01T00:00:00", "reason": "keyCompromise"}
        _, line = await control.ask("POST", path, wanted)
        assert (line["revoked_at"], line["reason"]) == ("2026-11-01T00:00:00+07:00", "keyCompromise")
        assert (await control.ask("GET", "/pki/state"))[1]["revoked"] == 1
        assert (await control.ask("DELETE", path))[1]["revoked_at"] is None
        assert (await control.ask("POST", "/pki/certificates/abc/revocation", {}))[0] == 404
        assert (await control.ask("POST", path, {"reason": "bad mood"}))[0] == 400


async def test_faults_of_the_pki_are_switched_apart_from_those_of_the_axis() -> None:
    async with panel() as control:
        status, shown = await control.ask("POST", "/pki/faults", {"operation": "crl", "action": "missing"})
        assert (status, shown["rules"][0]["action"]) == (200, "missing")
        assert (await control.ask("GET", "/faults"))[1]["rules"] == []
        assert (await control.ask("POST", "/pki/faults", {"operation": "tsa", "action": "missing"}))[0] == 400
        assert control.running.pki is not None
        async with aiohttp.ClientSession() as session, session.get(f"{control.running.pki.url}/crl") as response:
            assert response.status == 404
        _, state = await control.ask("GET", "/pki/state")
        assert state["requests"] == {"crl": 1}
        assert [fired["action"] for fired in state["fired"]] == ["missing"]
        assert (await control.ask("DELETE", "/pki/faults"))[1] == {"rules": []}


async def test_a_restart_at_the_same_address_finds_keys_and_revocations_again(tmp_path: Path) -> None:
    first = Hierarchy(ADDRESS, lambda: NOW, Vault(tmp_path))
    identity = first.organisation("Sở Công Thương")
    first.revoke(identity.serial, NOW, "superseded")
    again = Hierarchy(ADDRESS, lambda: NOW, Vault(tmp_path))
    assert again.root().certificate == first.root().certificate
    assert again.register == first.register
    assert again.identity(first.register[identity.serial].file).key_pem() == identity.key_pem()
    elsewhere = Hierarchy("http://127.0.0.1:2", lambda: NOW, Vault(tmp_path))
    assert elsewhere.root().certificate != first.root().certificate


def test_keys_are_readable_by_their_owner_only_and_pkcs12_opens_with_its_password(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "pki")
    hierarchy = Hierarchy(ADDRESS, lambda: NOW, vault)
    identity = hierarchy.organisation("Sở Công Thương")
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "pki").iterdir()} == {0o600}
    files = vault.files(hierarchy.register[identity.serial].file)
    assert files is not None
    password = Path(files["password"]).read_bytes()
    key, certificate, chain = pkcs12.load_key_and_certificates(Path(files["pkcs12"]).read_bytes(), password)
    assert certificate == identity.certificate
    assert chain == [hierarchy.issuing("government").certificate]
    assert key is not None
    assert key.public_key() == identity.certificate.public_key()


def test_a_damaged_vault_stops_the_start_with_a_reason(tmp_path: Path) -> None:
    Hierarchy(ADDRESS, lambda: NOW, Vault(tmp_path))
    (tmp_path / "pki.json").write_text('{"base_url": "http://127.0.0.1:1", "register": []}')
    with pytest.raises(ValueError, match="damaged PKI"):
        Hierarchy(ADDRESS, lambda: NOW, Vault(tmp_path))


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hierarchy = Hierarchy(ADDRESS, lambda: NOW)
    assert hierarchy.vault.files(hierarchy.register[hierarchy.organisation("X").serial].file) is None
    assert list(tmp_path.iterdir()) == []


async def test_trust_holds_both_trees_or_one_and_no_key(tmp_path: Path) -> None:
    async with bench(tmp_path) as pki:
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"root.pem", "issuing.pem", "government-root.pem", "government-issuing.pem"}
        assert not any(b"PRIVATE" in path.read_bytes() for path in tmp_path.iterdir())
        pki.hierarchy.write_trust(tmp_path / "state", ["government"])
        assert {path.name for path in (tmp_path / "state").iterdir()} == {
            "government-root.pem",
            "government-issuing.pem",
        }


async def test_documents_ordered_from_the_control_interface_carry_signed_papers() -> None:
    async with panel() as control:
        wanted = {"from": MINISTRY_SYSTEM, "to": "H53.02", "subject": "V/v báo cáo quý", "pdfs": 2, "size": 0}
        status, made = await control.ask("POST", "/packages", wanted)
        assert status == 201
        _, package = await control.ask("GET", f"/packages/{made['docId']}/content?form=sent")
        files = edxml.read(package).files
        assert len(files) == 2
        assert all(file.content.count(b"/ByteRange") == 2 for file in files)


async def test_an_office_sends_letters_signed_at_its_desk() -> None:
    async with panel() as control:
        desk = Desk(control.hierarchy)
        system = control.running.systems[PROVINCE_SYSTEM]
        draft = Draft(
            Organ("H53.02", "Sở Công Thương"), (Organ(MINISTRY_SYSTEM, "VPCP"),), "5", "SCT", "V/v x", "2026/11/20"
        )
        async with OfficeSystem(control.running.axis_url, system, desk=desk) as office:
            sent = await office.issue(draft)
        _, package = await control.ask("GET", f"/packages/{sent.doc_id}/content?form=sent")
        (file,) = edxml.read(package).files
        assert file.content.count(b"/ByteRange") == 2
        assert desk.organisation("Sở Công Thương").serial in control.hierarchy.register


async def test_a_department_sends_letters_signed_at_its_desk() -> None:
    taken: list[Mapping[str, Any]] = []

    async def accept(request: web.Request) -> web.Response:
        taken.append(await request.json())
        return web.json_response({"message_id": "1"}, status=202)

    app = web.Application(client_max_size=10**7)
    app.router.add_post(DOCUMENTS, accept)
    gate = Gate(app, "127.0.0.1", 0)
    await gate.open()
    try:
        document = compose(Organ("H53.02", "Sở Công Thương"), [Organ("G22", "VPCP")], "5", "SCT", "x", "2026-11-20")
        desk = Desk(Hierarchy(ADDRESS, lambda: NOW))
        async with DepartmentSystem(gate.url, "key", desk=desk) as department:
            await department.send(document, "1")
    finally:
        await gate.stop()
    (attachment,) = taken[0]["attachments"]
    pdf = base64.b64decode(attachment["content"])
    assert pdf.count(b"/ByteRange") == 2
    assert AMOUNT.encode() not in pdf  # the sum is drawn in glyphs, not in letters
