"""The clerk's desk of a simulated system: writes a letter for a draft, lets it be signed and sealed, attaches it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Final

from PIL import Image

from sandbox.edxml import File
from sandbox.pki.hierarchy import Hierarchy, Tree
from sandbox.pki.identity import Identity
from sandbox.pki.paper import Box, Letter, Paper, seal_box, typeset
from sandbox.pki.scribble import scribble
from sandbox.pki.seal import seal_png
from sandbox.pki.signing import Field, sign
from sandbox.pki.stamping import Stamping
from sandbox.pki.typeface import default_typeface
from sandbox.writing import Draft

AMOUNT: Final = "1.250.000.000"
_SIGNER_FIELD: Final = "ChuKyNguoiKy"
_SEAL_FIELD: Final = "ChuKyCoQuan"


class Desk:
    """Signs with certificates of one hierarchy, issued to a name when it first signs. A paper takes about 0.3 s."""

    def __init__(self, hierarchy: Hierarchy, typeface: Path | None = None, tree: Tree = "government") -> None:
        self._hierarchy = hierarchy
        self._typeface = typeface or default_typeface()
        self._tree = tree
        self._people: dict[tuple[str, str], Identity] = {}
        self._organisations: dict[str, Identity] = {}

    def person(self, full_name: str, position: str, organisation: str) -> Identity:
        """Return the certificate of a signer, the same for the same name and organisation."""
        key = (full_name, organisation)
        if key not in self._people:
            self._people[key] = self._hierarchy.person(full_name, position, organisation, tree=self._tree)
        return self._people[key]

    def organisation(self, name: str) -> Identity:
        """Return the certificate of an organisation, always the same one."""
        if name not in self._organisations:
            self._organisations[name] = self._hierarchy.organisation(name, tree=self._tree)
        return self._organisations[name]

    def signed(self, letter: Letter, sealed: bool = False, filler: bytes = b"") -> bytes:
        """Return the letter as a PDF with its signer's time-stamped signature, and the organisation's with `sealed`."""
        paper = typeset(letter, self._typeface, filler)
        signer = self.person(letter.signer, letter.position, letter.agency)
        pdf = self._sign(paper.content, signer, _SIGNER_FIELD, paper, paper.signature, scribble(letter.signer))
        if not sealed:
            return pdf
        png = seal_png(letter.agency, letter.parent.replace("UBND", "Ủy ban nhân dân"), self._typeface)
        with Image.open(BytesIO(png)) as picture:
            organisation = self.organisation(letter.agency)
            return self._sign(pdf, organisation, _SEAL_FIELD, paper, seal_box(paper.signature), picture.copy())

    def files(self, draft: Draft, count: int = 1, size: int = 0, seed: int = 0) -> tuple[File, ...]:
        """Return `count` signed and sealed letters for a draft, each of at least `size` bytes."""
        return tuple(
            File(f"van-ban-{place}.pdf", "application/pdf", self._letter(draft, place, count, size, seed))
            for place in range(1, count + 1)
        )

    def attached(self, draft: Draft) -> Draft:
        """Return the draft with a signed letter if nothing is attached to it."""
        return draft if draft.files else replace(draft, files=self.files(draft))

    def _letter(self, draft: Draft, place: int, count: int, size: int, seed: int) -> bytes:
        letter = letter_of(draft, f" ({place}/{count})" if count > 1 else "")
        filler = Random(seed + place).randbytes(size) if size else b""  # noqa: S311 (filler, not a secret)
        return self.signed(letter, sealed=True, filler=filler)

    def _sign(self, pdf: bytes, who: Identity, name: str, paper: Paper, box: Box, image: Image.Image) -> bytes:
        field = Field(name, paper.page, box, image, place="Tây Ninh")
        return sign(pdf, who, field, self._hierarchy.now(), Stamping(self._hierarchy, self._tree))


def letter_of(draft: Draft, more: str = "") -> Letter:
    """Return what a draft's letter says: its subject, its receivers, and a sum of money for forgers to be after."""
    subject = draft.subject.removeprefix("V/v ") + more
    year = int(draft.promulgated[:4])
    sender = draft.sender.name or draft.sender.code
    return Letter(
        agency=sender,
        number=draft.number,
        notation=draft.notation,
        subject=subject,
        on=date(*(int(part) for part in draft.promulgated.split("/"))),
        addressees=[organ.name or organ.code for organ in draft.recipients],
        paragraphs=_paragraphs(sender, subject, year),
        parent="" if draft.sender.code.split(".")[-1].startswith("G") else "UBND tỉnh Tây Ninh",
        place=draft.place,
        position=draft.position,
        signer=draft.signer,
        amount=AMOUNT,
    )


def _paragraphs(sender: str, subject: str, year: int) -> tuple[str, ...]:
    return (
        f"Căn cứ chức năng, nhiệm vụ được giao và kế hoạch công tác năm {year}, {sender} có ý kiến về việc {subject} "
        "như sau:",
        "1. Các cơ quan, đơn vị khẩn trương rà soát, thực hiện nội dung nêu trên, bảo đảm đúng tiến độ và đúng quy "
        "định của pháp luật hiện hành.",
        f"2. Kinh phí thực hiện là {AMOUNT} đồng (bằng chữ: Một tỷ hai trăm năm mươi triệu đồng), bố trí từ nguồn "
        f"ngân sách nhà nước năm {year + 1}.",
        f"3. Kết quả thực hiện gửi về {sender} trước ngày 15 tháng 12 năm {year} để tổng hợp, theo dõi.",
        f"{sender} gửi các cơ quan, đơn vị để phối hợp thực hiện./.",
    )
