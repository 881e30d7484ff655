"""What the tests of signing PDFs share: papers of every shape, keys, and what other programs see of the result."""

from __future__ import annotations

import functools
import html
import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding
from PIL import Image

from gateway.ports.signing import DigestName, Scheme
from gateway.signing.pades.sign_prepare import prepare
from gateway.signing.pades.sign_request import Request, Signer
from sandbox.pki.desk import Desk
from sandbox.pki.hierarchy import Hierarchy
from sandbox.pki.identity import Identity
from sandbox.pki.paper import Letter
from sandbox.pki.seal import seal_png
from sandbox.pki.typeface import default_typeface
from sandbox.wire import VIETNAM

NOW = datetime(2026, 11, 22, 8, 0, 5, tzinfo=VIETNAM)
DIGESTS = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
LETTER = Letter(
    "Sở Công Thương", "7", "SCT", "đường sắt", date(2026, 11, 2), ["Bộ Nội vụ"], ["Kính gửi quý cơ quan./."] * 3
)
AGENCY = "Ủy ban nhân dân tỉnh Tây Ninh"
Box = tuple[float, float, float, float]


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@functools.cache
def hierarchy() -> Hierarchy:
    return Hierarchy("http://127.0.0.1:1", lambda: NOW)


@functools.cache
def desk() -> Desk:
    return Desk(hierarchy())


@functools.cache
def signed_letter() -> bytes:
    """A letter its signer has signed, visibly."""
    return desk().signed(LETTER)


@functools.cache
def seal() -> bytes:
    return seal_png("Sở Công Thương", AGENCY, default_typeface())


@functools.cache
def organisation(kind: str = "ec") -> Identity:
    return hierarchy().organisation("Sở Công Thương", kind=kind)  # type: ignore[arg-type]


@dataclass(frozen=True)
class LocalKey:
    """A SigningKey over a key in memory."""

    identity: Identity
    scheme: Scheme = "ecdsa"
    id: str = "con-dau"

    @property
    def certificate(self) -> bytes:
        return self.identity.der()

    @property
    def chain(self) -> tuple[bytes, ...]:
        return tuple(one.public_bytes(Encoding.DER) for one in self.identity.chain)

    def signature(self, content: bytes, digest: DigestName) -> bytes:
        key, algorithm = self.identity.key, DIGESTS[digest]()
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(content, ec.ECDSA(algorithm))
        pss = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size)
        return key.sign(content, pss if self.scheme == "rsa-pss" else padding.PKCS1v15(), algorithm)

    async def sign(self, content: bytes, digest: DigestName) -> bytes:
        return self.signature(content, digest)


def key(scheme: Scheme = "ecdsa") -> LocalKey:
    return LocalKey(organisation("ec" if scheme == "ecdsa" else "rsa"), scheme)


def signed(pdf: bytes, *, by: LocalKey | None = None, **wishes: Any) -> bytes:
    """*pdf* with a B-B signature, without any process or network."""
    own = by or key()
    prepared = prepare(pdf, Signer.of(own), Request(**{"at": NOW, "level": "B-B", **wishes}))
    return prepared.complete(own.signature(prepared.to_sign, prepared.digest))


def pdf(*pages: str, catalog: str = "", objects: Sequence[str] = (), trailer: str = "", version: str = "1.7") -> bytes:
    """A PDF of empty pages; *pages* are further entries of each page's dictionary. Objects 1 and 2 are the catalog and
    the page tree, then come the pages, then *objects*."""
    given = pages or ("/MediaBox [0 0 595.28 841.89]",)
    kids = " ".join(f"{3 + at} 0 R" for at in range(len(given)))
    bodies = [f"<</Type/Catalog/Pages 2 0 R {catalog}>>", f"<</Type/Pages/Count {len(given)}/Kids[{kids}]>>"]
    bodies += [f"<</Type/Page/Parent 2 0 R {page}>>" for page in given]
    bodies += objects
    out = io.BytesIO()
    out.write(f"%PDF-{version}\n%\xe2\xe3\xcf\xd3\n".encode("latin-1"))
    places = []
    for number, body in enumerate(bodies, start=1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    size = len(bodies) + 1
    out.write(f"trailer\n<</Size {size}/Root 1 0 R {trailer}>>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


@dataclass(frozen=True)
class Word:
    """A word as poppler shows it: points from the upper left corner of the page as shown."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def program(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8", "replace")


def pdfsig(folder: Path, content: bytes) -> list[str]:
    path = folder / "signed.pdf"
    path.write_bytes(content)
    return re.findall(r"Signature Validation: (.*)\.", program("pdfsig", "-nocert", path))


def words(folder: Path, content: bytes, page: int = 1) -> tuple[list[Word], float, float]:
    """The words on a page as shown; width and height of the page, before it is turned."""
    path = folder / "words.pdf"
    path.write_bytes(content)
    said = program("pdftotext", "-bbox", "-cropbox", "-f", page, "-l", page, path, "-")
    size = re.search(r'<page width="([\d.]+)" height="([\d.]+)"', said)
    assert size
    pattern = r'<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*?)</word>'
    found = [Word(html.unescape(one[4]), *map(float, one[:4])) for one in re.findall(pattern, said)]
    return found, float(size[1]), float(size[2])


def text(folder: Path, content: bytes) -> str:
    path = folder / "text.pdf"
    path.write_bytes(content)
    return program("pdftotext", path, "-")


def picture(folder: Path, content: bytes, page: int = 1, dpi: int = 72) -> Image.Image:
    path = folder / "shown.pdf"
    path.write_bytes(content)
    program("pdftoppm", "-cropbox", "-r", dpi, "-png", "-f", page, "-l", page, "-singlefile", path, folder / "x")
    with Image.open(folder / "x.png") as image:
        return image.convert("RGB")


def ink(image: Image.Image, colour: str) -> Box:
    """The box around everything red, blue or black, in pixels from the upper left corner."""
    is_ink = {
        "red": lambda r, g, b: r > 150 and g < 140 and b < 140,
        "blue": lambda r, g, b: b > 120 and r < 120 and g < 130,
        "black": lambda r, g, b: max(r, g, b) < 128,
    }[colour]
    mask = Image.new("L", image.size)
    mask.putdata([255 if is_ink(*pixel) else 0 for pixel in image.get_flattened_data()])  # type: ignore[misc]
    box = mask.getbbox()
    assert box, f"nothing {colour}"
    return box
