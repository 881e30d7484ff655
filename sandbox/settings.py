"""What a sandbox can be told: addresses, systems on the axis, and every behaviour nobody is sure about."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from sandbox.agencies import Agency

PROVINCE_SYSTEM = "000.00.00.H53"
"""System id of the demo province (Tây Ninh) on the simulated axis."""

MINISTRY_SYSTEM = "000.00.00.G22"
"""System id of the first simulated ministry-level system (Văn phòng Chính phủ)."""

SECOND_MINISTRY_SYSTEM = "000.00.00.G09"
"""System id of the second one (Bộ Nội vụ)."""


@dataclass(frozen=True, slots=True)
class System:
    """A centre connected to the axis.

    `agencies` are shell patterns of the organisation codes it acts for; its own id always belongs to it.
    """

    system_id: str
    secret: str = field(repr=False)
    name: str = ""
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RelayHabits:
    """How the axis rewrites what it relays (reference §3.8, §3.9 and the 2025 sample).

    `content_type`: `declared` keeps the sender's word, `zip` writes application/zip (library default), `mixed` varies
    per attachment and is right only sometimes. `stray_payload` repeats the base64 as bare text after its element, as
    the sample files show; it doubles the file and is off by default.
    """

    content_type: Literal["declared", "zip", "mixed"] = "mixed"
    stray_payload: bool = False
    anonymous_trace: bool = True


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Everything `sandbox.app.start` needs. Port 0 takes a free port; no `data_dir` keeps all in memory.

    The switches stand for open questions of reference §12:
    `to_header` does the header replace the document's To elements; `copies` does a system acting for two recipients
    get one package or two; `hash_file` is the hash verified; `document_check` must a package name sender and
    recipients, or is any well-formed edXML root taken; `docid_form` what axis ids look like.
    `ministries` names the systems simulated here; with `ministries_poll` each polls every `ministry_interval` seconds,
    else only when the control interface says so. Leave a system out to play it with software of one's own.
    `systems` replaces the province and the two ministries; `province_name` and `province_agencies` (patterns of the
    codes it acts for) only change the province. `agencies` are known to the axis beside the shipped directory.
    With a `pki_port` (0: a free one) a test PKI runs beside the axis, its keys in `data_dir`/pki, and documents made by
    the control interface carry signed papers; without, there is none.
    """

    host: str = "127.0.0.1"
    port: int = 0
    control_port: int = 0
    pki_port: int | None = None
    data_dir: Path | None = None
    seed: int = 1
    systems: tuple[System, ...] = ()
    province_secret: str | None = field(default=None, repr=False)
    province_name: str = "UBND Tỉnh Tây Ninh"
    province_agencies: tuple[str, ...] = ("*.H53", "H53", "H53.*")
    agencies: tuple[Agency, ...] = ()
    to_header: Literal["overrides", "ignored"] = "overrides"
    copies: Literal["per_system", "per_agency"] = "per_system"
    hash_file: Literal["verify", "ignore"] = "verify"
    document_check: Literal["addressed", "well_formed"] = "addressed"
    docid_form: Literal["uuid", "hex24"] = "uuid"
    relay: RelayHabits = field(default_factory=RelayHabits)
    timestamp_window: timedelta = timedelta(days=3650)
    max_body: int = 100 * 1024 * 1024
    ministries: tuple[str, ...] = (MINISTRY_SYSTEM, SECOND_MINISTRY_SYSTEM)
    ministries_poll: bool = True
    ministry_interval: float = 1.0
