"""State secrets are not stored (DESIGN §7): markings are recognised before anything gets a name on disk.

Three grades exist, MẬT, TỐI MẬT and TUYỆT MẬT (Law on Protection of State Secrets 2018, article 8). A marking is one
of these words where a marking stands; "mật ong", "bảo mật" and "mật khẩu" are none. What a document says is not read:
a secret without a marking passes.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.errors import Refusal
from gateway.intake import legible
from gateway.model.document import Content, Document, DocumentStatus
from gateway.ports import Withholding

CODE: Final = "message.secret"

TEXT_FIELDS: Final = (
    "Subject",
    "Content",
    "TypeName",
    "CodeNotation",
    "SphereOfPromulgation",
    "Appendix",
    "Description",
    "BussinessDocReason",
    "appendixes",
    "notation",
    "sphere",
    "reason",
)
"""Free text where a marking may stand among other words: edXML elements, then members of the JSON interface."""

WORDS: Final = (
    r"(?<!\w)M ?Ậ ?T(?!\w)",
    r"[(\[]\s*(?i:(?:tối|tuyệt)\s+)?(?i:mật)\s*[)\]]",
    r"(?i:độ\s+mật\s*:\s*(?:(?:tối|tuyệt)\s+)?mật)",
)
"""Looked for in the text fields: the upper-case word, a grade in brackets, a grade after "Độ mật:"."""

LABELS: Final = (
    r"(?i:[\W_]*(?:độ\s+mật\W*)?(?:(?:tối|tuyệt)[\W_]*)?mật[\W_]*)",
    r"(?i:[\W_]*(?:toi|tuyet)[\W_]*mat[\W_]*)",
)
"""The whole value of any field."""

FILE_NAMES: Final = (
    r"(?<![^\W\d_])MẬT(?![^\W\d_])",
    r"(?i:(?<![^\W\d_])(?:tối|tuyệt)[\W_]*mật(?![^\W\d_]))",
    r"[(\[]\s*(?i:(?:tối|tuyệt)[\W_]*)?(?i:mật)\s*[)\]]",
    r"[(\[]\s*(?:(?:TOI|TUYET)[\W_]*)?MAT\s*[)\]]",
    r"(?i:(?<![^\W\d_])tuyet[\W_]?mat(?![^\W\d_]))",
    r"(?<![^\W\d_])TOIMAT(?![^\W\d_])",
    r"^(?:TOI[\W_]?)?MAT(?=[\W_]*\d)",
    r"(?:^|[\W\d_])MAT(?=(?:[\W_]*(?i:signed|daky|da_ky|\d+))*[\W_]*$)",
)
"""Looked for in the stem of a file name. Without diacritics MAT may be mặt, mắt or mất, so it counts in brackets,
before the number, or as the last word."""

INNOCENT: Final = (
    *("BẢO MẬT", "BÍ MẬT", "CƠ MẬT", "GIẢI MẬT", "ĐỘ MẬT", "KHÔNG MẬT", "THÂN MẬT", "THỊ MẬT"),
    *("MẬT MÃ", "MẬT KHẨU", "MẬT ĐỘ", "MẬT THIẾT", "MẬT DANH", "MẬT TÔNG"),
    *("MẬT ONG", "ONG MẬT", "MẬT MÍA", "MẬT RỈ", "RỈ MẬT", "MẬT HOA"),
    *("GAN MẬT", "TÚI MẬT", "SỎI MẬT", "ĐƯỜNG MẬT", "ỐNG MẬT", "DỊCH MẬT", "VIÊM MẬT"),
    *("TIỀN MẶT", "GẶP MẶT", "CÓ MẶT", "VẮNG MẶT", "BỀ MẶT", "KHUÔN MẶT", "ĐỐI MẶT", "TRƯỚC MẶT"),
    *("RA MẮT", "CON MẮT", "MỔ MẮT", "BỊ MẤT", "BÁO MẤT", "ĐÃ MẤT", "ĐÁNH MẤT"),
)
"""Phrases taken out first; in file names also as they are without diacritics."""

GRADES: Final[Mapping[str, str]] = {"confidentiality": "normal"}
"""Fields that name a grade, each with the pattern of the values that are not secret."""

LONGEST_LABEL: Final = 200
"""Characters of a value that may be nothing but a marking."""
NEIGHBOURHOOD: Final = 128
"""Characters around a word in which an innocent phrase may lie."""
WINDOW: Final = 64 * 1024
_PARTY: Final = re.compile(r"[\w.\-]{1,64}")
_CODE_POINT: Final = re.compile(r"\\u([0-9A-Fa-f]{4})")
_READABLE: Final = frozenset({"message", "status", "edxml.strict"})
"""Codes, or their families, of refusals that come after the body was read and its content examined."""


@dataclass(frozen=True, slots=True)
class SecrecySettings:
    """Which markings are recognised: regular expressions over NFC text. Field names are compared without case."""

    enabled: bool = True
    text_fields: tuple[str, ...] = TEXT_FIELDS
    words: tuple[str, ...] = WORDS
    labels: tuple[str, ...] = LABELS
    file_names: tuple[str, ...] = FILE_NAMES
    innocent: tuple[str, ...] = INNOCENT
    grades: Mapping[str, str] = dataclasses.field(default_factory=lambda: dict(GRADES))


class Secret(Refusal):
    """A marked body. It names the rule and never what it found; *sender* is "" if what stands there is no code."""

    def __init__(self, rule: str, raw: bytes, sender: str) -> None:
        super().__init__(CODE, where=rule)
        self.rule = rule
        self.sha256 = hashlib.sha256(raw).hexdigest()
        self.size = len(raw)
        self.sender = sender if _PARTY.fullmatch(sender) else ""


class Secrecy:
    """The rules of one configuration, ready to be applied. Pure; thread-safe."""

    def __init__(self, settings: SecrecySettings | None = None) -> None:
        self._settings = settings or SecrecySettings()
        self._text_fields = {name.casefold(): name for name in self._settings.text_fields}
        self._words = _any_of(self._settings.words)
        self._labels = _any_of(self._settings.labels)
        self._file_names = _any_of(self._settings.file_names)
        self._grades = {name.casefold(): re.compile(normal) for name, normal in self._settings.grades.items()}
        self._innocent = _phrases(self._settings.innocent)
        self._innocent_names = _phrases((*self._settings.innocent, *map(_folded, self._settings.innocent)))
        rules = json.dumps(dataclasses.asdict(self._settings), sort_keys=True)
        self.fingerprint = hashlib.sha256(rules.encode()).hexdigest()
        """Of the rules: what was withheld under others is judged anew."""

    def examine(self, raw: bytes, *, unreadable: bool = False) -> None:
        """Raise Secret if *raw*, as it came, is marked. *unreadable* bytes are searched in every word they show,
        because nobody will ever tell their subject from the rest.
        """
        if not self._settings.enabled:
            return
        shown = legible.read(raw, thorough=unreadable)
        if rule := next(self._rules_met(shown, unreadable), ""):
            raise Secret(rule, raw, shown.sender)

    def examine_content(self, content: Content, raw: bytes) -> None:
        """Raise Secret if *content*, decoded from *raw*, is marked."""
        if not self._settings.enabled:
            return
        shown = legible.Legible(fields=[(name, legible.plain(text).strip()) for name, text in _fields(content)])
        if isinstance(content, Document):
            shown.names += [attachment.name for attachment in content.attachments]
            shown.zipped += [name for file in content.attachments for name in legible.zip_names(file.content)]
        if rule := next(self._rules_met(shown, unreadable=False), ""):
            raise Secret(rule, raw, content.sender.organ_id)

    async def behind(self, refusal: Refusal, raw: bytes) -> Secret | None:
        """What forbids to keep *raw* after *refusal*: it is the refusal itself, or bytes that could not be read, and
        so were never examined as content, are marked.
        """
        if isinstance(refusal, Secret):
            return refusal
        unreadable = refusal.code not in _READABLE and refusal.code.partition(".")[0] not in _READABLE
        try:
            await asyncio.to_thread(self.examine, raw, unreadable=unreadable)
        except Secret as secret:
            return secret
        return None

    def withholding(self, secret: Secret, peer: str, reference: str = "") -> Withholding:
        """What stays on record of *secret*; *reference* is what a platform calls it."""
        return Withholding(
            peer=peer,
            reference=reference,
            sha256=secret.sha256,
            size=secret.size,
            sender=secret.sender,
            rule=secret.rule,
            rules=self.fingerprint,
        )

    def _rules_met(self, shown: legible.Legible, unreadable: bool) -> Iterator[str]:
        for name, value in shown.fields:
            if rule := self._rule_of_field(name, value):
                yield rule
        if any(map(self._marks_name, shown.names)):
            yield "file_name"
        if any(map(self._marks_name, shown.zipped)):
            yield "zip_entry_name"
        if unreadable and any(map(self._marks_text, _windows(shown.texts))):
            yield "unreadable"

    def _rule_of_field(self, name: str, value: str) -> str:
        key = name.casefold()
        if (normal := self._grades.get(key)) and not normal.fullmatch(value):
            return f"grade:{key}"
        if len(value) <= LONGEST_LABEL and self._labels.fullmatch(value):
            return "label"
        if key in self._text_fields and self._marks_text(value):
            return f"text:{self._text_fields[key]}"
        return ""

    def _marks_text(self, text: str) -> bool:
        return _found(self._words, text, self._innocent)

    def _marks_name(self, name: str) -> bool:
        """Any part of a path may carry the marking; only the last has an extension."""
        *folders, last = re.split(r"[/\\]", legible.plain(name))
        stem = last.rpartition(".")[0] or last
        return any(_found(self._file_names, part.strip(), self._innocent_names) for part in (*folders, stem, last))


def _found(pattern: re.Pattern[str], text: str, innocent: re.Pattern[str]) -> bool:
    """Whether *pattern* occurs outside of every innocent phrase."""
    return any(not _inside(match, text, innocent) for match in pattern.finditer(text))


def _inside(match: re.Match[str], text: str, innocent: re.Pattern[str]) -> bool:
    around = innocent.finditer(text, max(0, match.start() - NEIGHBOURHOOD), match.end() + NEIGHBOURHOOD)
    return any(phrase.start() <= match.start() and match.end() <= phrase.end() for phrase in around)


def _windows(texts: Iterable[str]) -> Iterator[str]:
    """Long texts in overlapping pieces, unescaped, so that no single search holds up the event loop."""
    for text in texts:
        for start in range(0, len(text), WINDOW):
            yield _unescaped(text[max(0, start - NEIGHBOURHOOD) : start + WINDOW])


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One pattern for all; without any, one that never matches."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")


def _phrases(phrases: Iterable[str]) -> re.Pattern[str]:
    """The phrases as whole words, whatever stands between their words."""
    written = (r"[\W_]+".join(map(re.escape, legible.plain(phrase).split())) for phrase in phrases)
    return _any_of(rf"(?<![^\W\d_]){phrase}(?![^\W\d_])" for phrase in written if phrase)


def _folded(text: str) -> str:
    apart = unicodedata.normalize("NFD", text.replace("Đ", "D").replace("đ", "d"))
    return "".join(character for character in apart if not unicodedata.combining(character))


def _unescaped(text: str) -> str:
    return legible.plain(_CODE_POINT.sub(lambda match: chr(int(match[1], 16)), html.unescape(text)))


def _fields(content: Content) -> Iterator[tuple[str, str]]:
    """The texts of *content* under their edXML names."""
    if isinstance(content, DocumentStatus):
        yield "Description", content.description
        return
    yield "Subject", content.subject
    yield "Content", content.content
    yield "TypeName", content.type.name
    yield "CodeNumber", content.code.number
    yield "CodeNotation", content.code.notation
    yield "SphereOfPromulgation", content.other.sphere
    yield "TyperNotation", content.other.typer_notation
    yield "ResponseForTask", content.task_code
    yield "ApplicationType", content.application_type
    for appendix in content.other.appendixes:
        yield "Appendix", appendix
    for place in content.to_places:
        yield "ToPlaces", place
    if content.business:
        yield "BussinessDocReason", content.business.reason
    for attachment in content.attachments:
        yield "Description", attachment.description
