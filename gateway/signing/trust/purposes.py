"""Trust by purpose: the State's and the public authorities for documents, others for time stamps and for TLS."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cryptography import x509

from gateway.signing.trust.model import Chain, TrustStore
from gateway.signing.trust.speakers import Speakers, speakers_from
from gateway.signing.trust.store import TrustFault, load, sorted_out

Tree = Literal["state", "public"]
FOLDERS: Final = ("state", "public", "tsa", "tls")
SPEAKERS: Final = "speakers.toml"
_MAX_SPEAKERS: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class TrustStores:
    """What is trusted for what. *signing* is *state* and *public* together."""

    state: TrustStore = field(default_factory=TrustStore)
    public: TrustStore = field(default_factory=TrustStore)
    signing: TrustStore = field(default_factory=TrustStore)
    timestamping: TrustStore = field(default_factory=TrustStore)
    tls: TrustStore = field(default_factory=TrustStore)
    speakers: Speakers = field(default_factory=Speakers)

    def tree(self, chain: Chain) -> Tree | None:
        """Whose anchor *chain* ends in: the State's authority (chuyên dùng Chính phủ) or a public one."""
        anchor = chain.path[-1]
        if anchor in (*self.state.anchors, *self.state.pinned):
            return "state"
        return "public" if anchor in (*self.public.anchors, *self.public.pinned) else None

    def certificates(self) -> Iterator[tuple[str, str, x509.Certificate]]:
        """Folder, role ("anchor", "intermediate", "pinned") and certificate of everything that is held."""
        for folder, store in zip(FOLDERS, (self.state, self.public, self.timestamping, self.tls), strict=True):
            for role, held in (
                ("anchor", store.anchors),
                ("intermediate", store.intermediates),
                ("pinned", store.pinned),
            ):
                for one in held:
                    yield folder, role, one


def load_purposes(root: Path) -> TrustStores:
    """Read ``root/{state,public,tsa,tls}/`` and ``root/speakers.toml``; what is not there is empty.

    A time stamp is never judged by the authorities of documents, nor the reverse. Raises TrustFault: a folder or file
    that cannot be used, or neither state nor public.
    """
    stores = {name: load(root / name, strict=True) if (root / name).is_dir() else TrustStore() for name in FOLDERS}
    state, public = stores["state"], stores["public"]
    if not any((root / name).is_dir() for name in ("state", "public")):
        raise TrustFault(root, "neither state nor public is there")
    return TrustStores(
        state=state,
        public=public,
        signing=_joined(state, public),
        timestamping=stores["tsa"],
        tls=stores["tls"],
        speakers=_speakers(root / SPEAKERS),
    )


def _joined(one: TrustStore, other: TrustStore) -> TrustStore:
    every = (*one.anchors, *one.intermediates, *one.pinned, *other.anchors, *other.intermediates, *other.pinned)
    return sorted_out(
        every,
        public_keys=one.public_keys + other.public_keys,
        shared_keys=one.shared_keys + other.shared_keys,
    )


def _speakers(file: Path) -> Speakers:
    """``unlisted = "pass"|"refuse"`` and ``[[speaker]]`` tables."""
    try:
        if not file.exists():
            return Speakers()
        if file.stat().st_size > _MAX_SPEAKERS:
            raise TrustFault(file, "larger than 4 MiB")
        content = tomllib.loads(file.read_text("utf-8"))
        entries = content.pop("speaker", [])
        unlisted = content.pop("unlisted", "pass")
        if content or not isinstance(entries, list):
            raise ValueError("only unlisted and [[speaker]] are known")
        return speakers_from(entries, unlisted)
    except (OSError, ValueError) as fault:
        raise TrustFault(file, str(fault)) from fault


class TrustFolder:
    """The trust at *root*, read anew when its files change, while everything goes on.

    A change that cannot be used is not taken over: what was read before goes on counting, and *fault* says why.
    """

    def __init__(self, root: Path) -> None:
        """Raises TrustFault."""
        self.root = root
        self.fault: TrustFault | None = None
        self._mark = _mark(root)
        self._stores = load_purposes(root)

    @property
    def stores(self) -> TrustStores:
        """What counts now."""
        return self._stores

    def refresh(self) -> bool:
        """Look at the files and read them if they changed; whether something new counts now. Blocks; never raises."""
        try:
            mark = _mark(self.root)
            if mark == self._mark:
                return False
            self._stores = load_purposes(self.root)
        except TrustFault as fault:
            self.fault = fault
            return False
        self._mark, self.fault = mark, None
        return True


def _mark(root: Path) -> frozenset[tuple[str, int, int, int]]:
    """Name, number, size and time of every file that counts."""
    found = set()
    try:
        for folder in (root, *(root / name for name in FOLDERS)):
            for entry in folder.iterdir() if folder.is_dir() else ():
                if entry.is_file():
                    state = entry.stat()
                    found.add((str(entry), state.st_ino, state.st_size, state.st_mtime_ns))
    except OSError as fault:
        raise TrustFault(root, fault.strerror or "cannot be read") from fault
    return frozenset(found)
