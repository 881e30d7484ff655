"""What the checks of a configuration find."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.locate import KeyPath


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A finding with the key that should change."""

    path: KeyPath
    vi: str
    en: str
    hint_vi: str = ""
    hint_en: str = ""
