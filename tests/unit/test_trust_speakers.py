"""Which certificate speaks for which party."""

from __future__ import annotations

from typing import Any

import pytest
from trust_pki import AT, DAY, Holder, make

from gateway.model.verdict import NotValid
from gateway.signing.trust import fingerprint, key_fingerprint
from gateway.signing.trust.speakers import Speakers, speakers_from

CA = make("CN=Chính phủ,O=Ban Cơ yếu,C=VN", ca=True)
OTHER_CA = make("CN=Khác,O=Ban Cơ yếu,C=VN", ca=True)
SEAL = CA.issue("CN=UBND,UID=MST:3900244389,C=VN", serial=0x51AB)


def refused(speakers: Speakers, holder: Holder, party: str, at: Any = AT) -> str:
    with pytest.raises(NotValid) as caught:
        speakers.require_speaker(holder.cert, party, at)
    assert caught.value.reason == "certificate.speaker"
    return caught.value.detail


MARKS: dict[str, dict[str, object]] = {
    "certificate": {"certificate": fingerprint(SEAL.cert)},
    "certificate in groups": {
        "certificate": ":".join(fingerprint(SEAL.cert).upper()[i : i + 2] for i in range(0, 64, 2))
    },
    "key": {"key": key_fingerprint(SEAL.cert)},
    "issuer and serial": {"issuer": "CN=Chính phủ,O=Ban Cơ yếu,C=VN", "serial": "51:AB"},
    "issuer in other letters": {"issuer": "CN=CHÍNH PHỦ,O=ban  cơ yếu,C=vn", "serial": "51ab"},
    "issuer and tax code": {"issuer": "CN=Chính phủ,O=Ban Cơ yếu,C=VN", "subject": {"UID": "MST:3900244389"}},
    "issuer and an attribute by number": {
        "issuer": "CN=Chính phủ,O=Ban Cơ yếu,C=VN",
        "subject": {"0.9.2342.19200300.100.1.1": "MST:3900244389"},
    },
}


@pytest.mark.parametrize("mark", MARKS.values(), ids=MARKS)
def test_a_certificate_speaks_for_its_party_and_no_other_does(mark: dict[str, object]) -> None:
    speakers = speakers_from([{"parties": ["H53.*"], **mark}])
    assert speakers.require_speaker(SEAL.cert, "H53.05", AT) is speakers.entries[0]
    namesake = OTHER_CA.issue("CN=UBND,UID=MST:3900244389,C=VN", serial=0x51AB, key_label="thief")
    sibling = CA.issue("CN=UBND,UID=MST:3900244389-001,C=VN", serial=0x51AC, key_label="sibling")
    for stranger in (namesake, sibling):
        assert "none of those" in refused(speakers, stranger, "H53.05")


def test_a_renewed_certificate_keeps_speaking_by_key_and_by_tax_code_only() -> None:
    renewed = CA.issue("CN=UBND,UID=MST:3900244389,C=VN", serial=0x99)
    told = {}
    for name, mark in MARKS.items():
        try:
            speakers_from([{"parties": ["H53"], **mark}]).require_speaker(renewed.cert, "H53", AT)
            told[name] = True
        except NotValid:
            told[name] = False
    assert [name for name, speaks in told.items() if speaks] == [
        "key",
        "issuer and tax code",
        "issuer and an attribute by number",
    ]


def test_every_part_of_a_mark_must_fit() -> None:
    wrong = {"certificate": fingerprint(SEAL.cert), "key": key_fingerprint(CA.cert)}
    assert refused(speakers_from([{"parties": ["H53"], **wrong}]), SEAL, "H53")


def test_an_entry_counts_from_its_first_moment_until_before_its_last() -> None:
    entry = {"parties": ["H53"], "key": key_fingerprint(SEAL.cert), "from": AT, "until": (AT + DAY).isoformat()}
    speakers = speakers_from([entry])
    assert speakers.require_speaker(SEAL.cert, "H53", AT)
    for moment in (AT - DAY, AT + DAY):
        assert "at that time" in refused(speakers, SEAL, "H53", moment)
    after = {"parties": ["H53"], "key": key_fingerprint(SEAL.cert), "from": AT + DAY}
    assert speakers_from([entry, after]).require_speaker(SEAL.cert, "H53", AT + DAY)


def test_a_party_nobody_lists_passes_or_is_refused_as_configured() -> None:
    entry = {"parties": "H53.*", "key": key_fingerprint(SEAL.cert)}
    assert speakers_from([entry]).require_speaker(SEAL.cert, "H01", AT) is None
    assert speakers_from([entry]).require_speaker(SEAL.cert, "H53", AT) is None, "a pattern is not its own stem"
    assert "no certificate is known" in refused(speakers_from([entry], "refuse"), SEAL, "H01")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"parties": []},
        {"parties": ["H53"]},
        {"parties": ["H53"], "issuer": "CN=A"},
        {"parties": ["H53"], "serial": "51"},
        {"parties": ["H53"], "subject": {"UID": "MST:1"}},
        {"parties": ["H53"], "certificate": "51ab"},
        {"parties": ["H53"], "issuer": "no name", "serial": "1"},
        {"parties": ["H53"], "issuer": "", "serial": "1"},
        {"parties": ["H53"], "issuer": "CN=A", "serial": "xyz"},
        {"parties": ["H53"], "issuer": "CN=A", "subject": {}},
        {"parties": ["H53"], "issuer": "CN=A", "subject": {"Tax": "1"}},
        {"parties": ["H53"], "issuer": "CN=A", "subject": {"UID": " "}},
        {"parties": ["H53"], "key": "0" * 64, "from": "2026-01-01"},
        {"parties": ["H53"], "key": "0" * 64, "from": AT, "until": AT},
        {"parties": ["H53"], "key": "0" * 64, "valid": True},
        {"parties": [5], "key": "0" * 64},
    ],
    ids=str,
)
def test_an_entry_that_would_match_too_much_or_nothing_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="speaker 2"):
        speakers_from([{"parties": "A", "key": "0" * 64}, entry])


def test_unlisted_is_one_of_two_words() -> None:
    with pytest.raises(ValueError, match="unlisted"):
        speakers_from([], "maybe")
