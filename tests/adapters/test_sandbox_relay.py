"""What the simulated axis does to a file on its way, compared with the file that came back from the real one."""

from __future__ import annotations

import base64
import io
import uuid
import zipfile
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from lxml import etree

from sandbox import edxml
from sandbox.edxml import File, NotEdxml
from sandbox.relay import Relay
from sandbox.settings import RelayHabits
from sandbox.zipping import unwrap, wrap

VECTORS = Path(__file__).parent.parent / "vectors" / "vxp"
SAMPLES = sorted(VECTORS.glob("*.xml"))
NOW = datetime(2025, 10, 23, 16, 28, 43)
NS = "{http://www.mic.gov.vn/TBT/QCVN_102_2016}"


def relay(source: bytes, habits: RelayHabits | None = None, seed: int = 1) -> bytes:
    return Relay(habits or RelayHabits(), "00.22.W00", Random(seed)).rewrite(source, NOW)


def sample(name: str) -> bytes:
    return (VECTORS / name).read_bytes()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_relayed_sample_still_says_the_same(path: Path) -> None:
    before, after = edxml.read(path.read_bytes()), edxml.read(relay(path.read_bytes()))
    assert after.identity() == before.identity()
    assert (after.subject, after.recipients, after.response_for) == (
        before.subject,
        before.recipients,
        before.response_for,
    )


def test_relaying_the_2025_file_again_adds_exactly_one_anonymous_trace_and_new_zip_bytes() -> None:
    source = sample("received_from_axis_2025.xml")
    again = relay(source, RelayHabits(content_type="declared", stray_payload=True))
    hop = (
        b"        <edXML:TraceHeader>\n          <edXML:Timestamp>2025/10/23 16:28:43</edXML:Timestamp>\n"
        b"        </edXML:TraceHeader>\n"
    )
    assert again.count(hop) == source.count(hop) + 1
    old, new = (payload(text) for text in (source, again))
    assert old != new
    restored = again.replace(hop, b"", 1).replace(new, old)
    assert restored.split() == source.split()


def payload(source: bytes) -> bytes:
    return b"UEs" + source.partition(b'QCVN_102_2016">UEs')[2].partition(b"<")[0]


def test_an_attachment_comes_back_as_one_deflated_entry_with_uuid_name_and_data_descriptor() -> None:
    root = etree.fromstring(relay(sample("edoc_new.xml")))
    raw = base64.b64decode(root.findtext(f".//{NS}ContentTransferEncoded") or "")
    entry = zipfile.ZipFile(io.BytesIO(raw)).infolist()
    assert len(entry) == 1
    stem, _, extension = entry[0].filename.rpartition(".")
    assert (uuid.UUID(stem).version, extension) == (4, "doc")
    assert entry[0].flag_bits & 0x08
    assert raw[18:26] == bytes(8)


def test_the_content_type_of_a_zipped_attachment_lies_now_and_then() -> None:
    source = sample("received_from_axis_2025.xml")
    said = {edxml.read(relay(source, seed=seed)).files[0].content_type for seed in range(30)}
    assert said == {"application/zip", "application/pdf", "text/plain"}


def test_unknown_elements_foreign_prefixes_and_order_do_not_survive() -> None:
    source = sample("status_inbox_01.xml").replace(b"edXML:", b"x:").replace(b"xmlns:edXML", b"xmlns:x")
    source = source.replace(b"<x:StatusCode>", b"<x:Invented>1</x:Invented><x:StatusCode>")
    relayed = relay(source)
    assert b"Invented" not in relayed
    assert b"<edXML:StatusCode>01</edXML:StatusCode>" in relayed
    names = [etree.QName(element).localname for element in etree.fromstring(relayed).iterfind(f".//{NS}From/*")]
    assert names[:3] == ["OrganId", "OrganizationInCharge", "OrganName"]


def test_a_signature_loses_its_namespace_and_so_its_meaning() -> None:
    source = sample("edoc_new.xml").replace(b"<Signature>", b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">')
    relayed = etree.fromstring(relay(source))
    assert relayed.find(f".//{NS}SignatureValue") is not None
    assert not relayed.findall(".//{http://www.w3.org/2000/09/xmldsig#}*")


def test_the_dotnet_dialect_comes_out_as_the_java_one() -> None:
    source = sample("edoc_new.xml").replace(b"<ContentId>cid:209", b"<ContentId>209")
    assert b"<ContentId>cid:209</ContentId>" in relay(source)


def test_a_real_zip_attachment_is_wrapped_and_not_opened() -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr(f"{uuid.UUID(int=1)}.zip", "a")
        archive.writestr("b.txt", "b")
    packed = wrap(inner.getvalue(), "ho-so.zip", NOW, Random(1))
    assert unwrap(packed, "ho-so.zip") == inner.getvalue()
    assert unwrap(inner.getvalue(), "ho-so.zip") == inner.getvalue()


@pytest.mark.parametrize("place", range(0, 220, 7))
def test_a_damaged_zip_is_passed_on_as_it_is_or_read_whole(place: int) -> None:
    packed = bytearray(wrap(b"%PDF-1.4 noi dung" * 5, "a.pdf", NOW, Random(1)))
    packed[place % len(packed)] ^= 0xFF
    assert unwrap(bytes(packed), "a.pdf") in (bytes(packed), b"%PDF-1.4 noi dung" * 5)


@pytest.mark.parametrize(
    "source",
    [
        b"<edXML>",
        b"",
        b"<EdXMLEnvelope/>",
        b"not xml",
        b'<edXML xmlns="http://www.go.vn/eDoc"/>',
        b'<!DOCTYPE edXML [<!ENTITY a "b">]><edXML>&a;</edXML>',
        "<edXML/>".encode("utf-16"),
    ],
)
def test_anything_but_edxml_is_refused(source: bytes) -> None:
    with pytest.raises(NotEdxml):
        edxml.parse(source)


def test_deep_nesting_is_no_way_to_break_the_reader() -> None:
    depth = 1500
    deep = sample("edoc_new.xml").replace(b"<Signature>", b"<Signature>" + b"<a>" * depth + b"</a>" * depth)
    assert edxml.read(deep).number == "74fass22"


def test_file_digest_is_of_the_content_without_its_zip() -> None:
    packed = wrap(b"%PDF", "a.pdf", NOW, Random(5))
    assert File("a.pdf", "", unwrap(packed, "a.pdf")).sha256 == File("a.pdf", "", b"%PDF").sha256
