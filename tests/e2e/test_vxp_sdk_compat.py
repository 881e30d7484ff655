"""What the vendor's SDK sends, against a running gateway: its recorded requests byte for byte, and a Java program with
its habits on the JDK's own HTTP classes, over plain HTTP and TLS."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from province import Province
from vxp_systems import AGENCY, CAPTURED, SNV, STNMT, caller, now, package, status, vxp_province

from sandbox.app import Running

VECTORS = Path(__file__).parents[1] / "vectors" / "vxp"
CAPTURE: list[dict[str, Any]] = json.loads((VECTORS / "vxp_sdk_wire_capture.json").read_text("utf-8"))["requests"]
SOURCE = Path(__file__).parent / "java" / "VxpClient.java"
NO_JAVA = shutil.which("javac") is None or shutil.which("java") is None
needs_java = pytest.mark.skipif(
    NO_JAVA, reason="no JDK here (apt install default-jdk-headless); Java clients not proved"
)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here; TLS not proved")


@pytest.fixture
async def vxp(tmp_path: Path, sandbox: Running) -> AsyncIterator[Province]:
    async with vxp_province(tmp_path, sandbox) as province:
        yield province


# ------------------------------------------------------------------------------------------- the recorded requests


def raw_head(request: dict[str, Any]) -> bytes:
    """The recorded head; only the path is longer, as with an endpoint that ends in /vxp. Paths are not signed."""
    line = request["request_line"].replace("POST /", "POST /vxp/")
    lines = [line, *(f"{name}: {value}" for name, value in request["headers"])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def replay(province: Province, requests: list[tuple[bytes, bytes]]) -> list[tuple[bytes, dict[str, Any]]]:
    """Exact bytes over one kept-alive socket; where 100-continue is expected the body waits for it."""
    port = int(province.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for head, body in requests:
        writer.write(head)
        if b"100-continue" in head:
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        lines = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length"))
        assert b"content-type: application/json" in [line.lower() for line in lines]
        answers.append((lines[0], json.loads(await reader.readexactly(length))))
    writer.close()
    await writer.wait_closed()
    return answers


EXPECTED = ["0", "22", "105", "105", "0", "0", "0", "0", "22"]
"""The signature passes each time; `<edXML/>` is no document, and abc-1 is no package of the caller's."""


async def test_the_nine_recorded_requests_pass_the_signature_over_one_connection(vxp: Province) -> None:
    requests = [(raw_head(request), request["body"].encode()) for request in CAPTURE]
    answers = await replay(vxp, requests)
    for line, answer in answers:
        assert line == b"HTTP/1.1 200 OK", answer
        assert {"status", "ErrorCode", "ErrorDesc"} <= answer.keys()
    assert [answer["ErrorCode"] for _, answer in answers] == EXPECTED


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("XroadVnpt-status: done", "XroadVnpt-status: fail", "102"),
        ('"XroadVnpt-status":"done"', '"XroadVnpt-status":"fail"', "15"),
        ("XroadVnpt-systemid: 000.00.00.H46", "XroadVnpt-systemid: 000.00.01.H53", "15"),
        ("hash-header: fdd1", "hash-header: fdd2", "15"),
        ("hash-header: fdd181bb7597d1b30e5203fa3beea62c2f060a6450695052cad3ae7daaed22e3", "hash-header: đ", "15"),
        ("XroadVnpt-hash-header: ", "X-hash-header: ", "15"),
        (";status\r\n", "\r\n", "102"),
        ("XroadVnpt-docId: abc-1", "XroadVnpt-docId: abc-2", "102"),
        ("XroadVnpt-version", "XroadVnpt-status: fail\r\nXroadVnpt-version", "102"),
    ],
)
async def test_a_tampered_recorded_request_fails(vxp: Province, old: str, new: str, code: str) -> None:
    head = raw_head(CAPTURE[3])
    assert old.encode() in head
    ((line, answer),) = await replay(vxp, [(head.replace(old.encode(), new.encode(), 1), b"{}")])
    assert (line, answer["status"], answer["ErrorCode"]) == (b"HTTP/1.1 200 OK", "FAIL", code)


async def test_an_unsigned_extra_header_is_not_looked_at(vxp: Province) -> None:
    head = raw_head(CAPTURE[3]).replace(b"XroadVnpt-version", b"XroadVnpt-filePath: /tmp\r\nXroadVnpt-version", 1)
    ((_, answer),) = await replay(vxp, [(head, b"{}")])
    assert answer["ErrorCode"] == "105"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
async def test_a_leaked_folder_with_accents_passes_however_the_client_writes_it(vxp: Province, encoding: str) -> None:
    system_id, secret = SNV
    values = {
        "systemid": system_id,
        "filePath": "D:\\tài liêu",
        "timestamp": f"{now():%d%m%YT%H%M%S}+0001",
        "Content-Type": "application/json",
    }
    text = json.dumps({f"XroadVnpt-{name}": value for name, value in values.items()}, ensure_ascii=False)
    claimed = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    lines = ["POST /vxp/countReceiveEdoc HTTP/1.1", "Host: gateway", "Content-Length: 2"]
    lines += [f"XroadVnpt-{name}: {value}" for name, value in values.items()]
    lines += [f"XroadVnpt-sign-header: {text}", f"XroadVnpt-hash-header: {claimed}", "", ""]
    ((_, answer),) = await replay(vxp, [("\r\n".join(lines).encode(encoding), b"{}")])
    assert (answer["ErrorCode"], answer.get("count")) == ("0", 0)


# ------------------------------------------------------------------------------------------- a Java program


@dataclass
class Answer:
    """What the Java program read."""

    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class JavaClient:
    """A running VxpClient; one call at a time."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._folder = folder

    async def call(self, transport: str, operation: str, body: bytes = b"", **parameters: str) -> Answer:
        """One call by *transport*: http, http-expect, http-upgrade, url, url-expect or url-get."""
        word = body.decode() or "-"
        if len(body) > 200 or operation == "sendEdoc":
            file = self._folder / "body.bin"
            file.write_bytes(body)
            word = f"@{file}"
        words = [
            transport,
            operation,
            word,
            *(f"{name.replace('_', '-')}={value}" for name, value in parameters.items()),
        ]
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\t".join(words).encode() + b"\n")
        line = (await asyncio.wait_for(self._process.stdout.readline(), 60)).decode().rstrip("\n")
        assert line, "the Java program ended"
        first, *rest = line.split("\t")
        assert first != "FAILED", line
        return Answer(int(first), rest[0], base64.b64decode(rest[1]))

    async def ok(self, transport: str, operation: str, body: bytes = b"", **parameters: str) -> dict[str, Any]:
        """One call that must succeed as the SDK understands success."""
        answer = await self.call(transport, operation, body, **parameters)
        assert answer.status == 200, answer
        members = answer.json
        assert (members["status"], members["ErrorCode"]) == ("OK", "0"), members
        assert isinstance(members["ErrorDesc"], str)
        return members


@pytest.fixture(scope="session")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled client."""
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-encoding", "UTF-8", "-d", str(folder), str(SOURCE)], check=True, timeout=300)
    return folder


@asynccontextmanager
async def java(
    classes: Path, folder: Path, base_url: str, credentials: tuple[str, str], ca: Path | None = None
) -> AsyncIterator[JavaClient]:
    """The client with a timestamp that its SDK took five hours ago."""
    stamp = f"{now() - timedelta(hours=5):%d%m%YT%H%M%S}+0007"
    process = await asyncio.create_subprocess_exec(
        "java",
        "-Xmx256m",
        "-Dfile.encoding=UTF-8",
        "-Dsun.jnu.encoding=UTF-8",
        "-cp",
        str(classes),
        "VxpClient",
        f"{base_url}/vxp",
        *credentials,
        stamp,
        str(ca or "-"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 << 20,
    )
    try:
        yield JavaClient(process, folder)
    finally:
        assert process.stdin
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 30)


async def a_working_day(client: JavaClient, vxp: Province, plain: str, braces: str) -> None:
    """Everything a document system does, in one process: its parameters leak from each call into the next."""
    incoming = package("7", to=("H53.01",), sender="H53.03")
    async with caller(vxp, STNMT) as stnmt:
        await stnmt.send("H53.03", "edoc", incoming)
    to = json.dumps(["H53.03", "000.00.00.G22"])
    file = package("8", to=("H53.03", "000.00.00.G22"))
    sent = await client.ok(
        "url", "sendEdoc", file, servicetype="eDoc", messagetype="edoc", **{"from": "H53.01", "to": to}
    )
    (row,) = (await client.ok(plain, "getReceivedEdocList", servicetype="eDoc", messagetype="edoc"))["data"]
    assert (row["from"], row["to"], row["serviceType"], row["messageType"]) == ("H53.03", "H53.01", "eDoc", "edoc")
    assert (await client.ok(braces, "countReceiveEdoc", b"{}"))["count"] == 1
    assert (await client.ok(braces, "countReceiveStatus", b"{}"))["count"] == 0
    fetched = await client.ok(braces, "getEdoc", b"{}", docId=row["docId"], filePath="D:\\QLVB\\xml")
    raw = await client.call("url-get", "downloadEdoc")
    assert base64.b64decode(fetched["data"]) == raw.body == incoming
    assert raw.content_type == "application/octet-stream"
    await client.ok(braces, "updateStatus", b"{}", docId=row["docId"], status="done")
    await client.ok(braces, "updateStatus", b"{}", docId=row["docId"], status="done")
    assert (await client.ok(plain, "getReceivedEdocList"))["data"] == []
    again = await client.ok("url", "sendEdoc", status("7", "03", "H53.01", "H53.03"), messagetype="status")
    assert again["DocId"] != sent["DocId"]
    books = (await client.ok(plain, "getSentEdocList", messagetype="edoc"))["data"]
    assert [(one["toCode"], one["senderDocId"]) for one in books] == [
        ("H53.03", sent["DocId"]),
        ("000.00.00.G22", sent["DocId"]),
    ]
    assert len((await client.ok(plain, "getAgenciesList"))["data"]) > 10
    assert (await client.ok(plain, "getAgenciesListQD20", level="1"))["data"]
    assert (await client.ok(plain, "getSynchronizeUnit"))["data"]
    agency = {"id": "", "pcode": "H53.01", "code": AGENCY, "name": "Chi cục Văn thư", "mail": "a@b.vn"}
    await client.ok(braces, "registerAgency", json.dumps(agency, ensure_ascii=False).encode())
    await client.ok(plain, "deleteAgency", AgencyCode=AGENCY)


@needs_java
@pytest.mark.parametrize(
    ("plain", "braces"), [("http", "http-expect"), ("url", "url-expect"), ("http-upgrade", "http-upgrade")]
)
async def test_a_java_program_works_a_day_over_plain_http(
    vxp: Province, classes: Path, tmp_path: Path, plain: str, braces: str
) -> None:
    async with java(classes, tmp_path, vxp.base_url, SNV) as client:
        await a_working_day(client, vxp, plain, braces)


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A CA made now, and a certificate of it for this machine: CA, certificate and key files."""
    ca, ca_key, cert, key = (folder / name for name in ("ca.pem", "ca-key.pem", "cert.pem", "key.pem"))
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    ca_subject = ["-subj", "/CN=Test CA", "-keyout", str(ca_key), "-out", str(ca)]
    subprocess.run([*new, *ca_subject], check=True, capture_output=True, timeout=60)
    leaf = ["-subj", "/CN=gateway", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"]
    signed = [*leaf, "-CA", str(ca), "-CAkey", str(ca_key), "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*new, *signed], check=True, capture_output=True, timeout=60)
    return ca, cert, key


@needs_java
@needs_openssl
@pytest.mark.parametrize(("plain", "braces"), [("http", "http-expect"), ("url", "url-expect")])
async def test_a_java_program_works_a_day_over_tls(
    tmp_path: Path, sandbox: Running, classes: Path, plain: str, braces: str
) -> None:
    ca, cert, key = certificates(tmp_path)
    intake = f'address = "127.0.0.1:0"\ntls_certificate = "{cert}"\ntls_key = "{key}"'
    async with vxp_province(tmp_path, sandbox, intake=intake) as vxp:
        secure = vxp.base_url.replace("http:", "https:")
        async with java(classes, tmp_path, secure, SNV, ca) as client:
            file = package("9", to=("H53.03",))
            parameters = {"servicetype": "eDoc", "messagetype": "edoc", "from": "H53.01"}
            sent = await client.ok("url", "sendEdoc", file, **parameters)
            async with java(classes, tmp_path, secure, STNMT, ca) as other:
                (row,) = (await other.ok(plain, "getReceivedEdocList", servicetype="eDoc", messagetype="edoc"))["data"]
                fetched = await other.ok(braces, "getEdoc", b"{}", docId=row["docId"])
                assert base64.b64decode(fetched["data"]) == file
                await other.ok(braces, "updateStatus", b"{}", status="done")
                assert (await other.ok(plain, "getReceivedEdocList"))["data"] == []
            (book,) = (await client.ok(plain, "getSentEdocList"))["data"]
    assert (book["senderDocId"], book["sendStatus"]) == (sent["DocId"], "done")


@needs_java
@pytest.mark.parametrize("transport", ["url", "http"])
async def test_three_thousand_recipients_fit_into_the_headers(
    vxp: Province, classes: Path, tmp_path: Path, transport: str
) -> None:
    codes = tuple(f"H{number:02d}.{place:03d}.{place:03d}.000" for number in range(1, 64) for place in range(48))[:3000]
    to = json.dumps(codes, separators=(",", ":"))
    assert len(to) > 54_000
    file = package("10", to=("H53.03", *codes))
    async with java(classes, tmp_path, vxp.base_url, SNV) as client:
        parameters = {"servicetype": "eDoc", "messagetype": "edoc", "from": "H53.01", "to": to}
        sent = await client.ok(transport, "sendEdoc", file, **parameters)
    message = await vxp.gateway.store.message(sent["DocId"].replace("-", ""))
    assert message
    assert len(message.envelope.recipients) == 3001


@needs_java
async def test_a_java_program_reads_the_refusal_in_vietnamese(vxp: Province, classes: Path, tmp_path: Path) -> None:
    async with java(classes, tmp_path, vxp.base_url, (SNV[0], "wrong")) as stranger:
        answer = await stranger.call("http", "getAgenciesList")
    assert (answer.status, answer.json["status"], answer.json["ErrorCode"]) == (200, "FAIL", "15")
    assert answer.json["ErrorDesc"].startswith("Sai SystemId hoặc SecretKey")
    assert answer.body.isascii()
    async with java(classes, tmp_path, vxp.base_url, CAPTURED) as captured:
        answer = await captured.call("http", "getEverything")
    assert (answer.status, answer.json["ErrorCode"]) == (200, "104")
