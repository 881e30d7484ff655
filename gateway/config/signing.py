"""The tables about signatures: whose are believed, what is asked of them, and which of ours are applied."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from gateway.config.secret import SecretReference
from gateway.config.table import Identifier, Table, written
from gateway.config.values import BaseUrl, CallUrl, Duration, FilePath, PartyList
from gateway.intake.signatures import Demand
from gateway.ports.signing import Scheme, SealForm

SignedKind = Literal["document", "recall", "update", "replacement"]
"""The kinds of message that carry files."""

Demands = dict[SignedKind, Demand]


def _flagged() -> Demands:
    return dict.fromkeys(("document", "recall", "update", "replacement"), Demand.FLAG)


class Trust(Table):
    """Nguồn tin cậy và yêu cầu về chữ ký số. / Whose signatures are believed, and what is asked of them.

    *directory* holds ``state/``, ``public/``, ``tsa/`` (certificates, PEM or DER) and ``speakers.toml``; it is read
    anew when it changes. Without it no signature is judged on arrival. *key_usage*: the bit of KeyUsage a signer needs,
    where a certificate has that extension. *fetch_from*: hosts that may be asked for OCSP answers, CRLs and issuers;
    what only others could tell stays *indeterminate*. *signatures*, by kind of message: "require" takes only what is
    valid, "flag" keeps and shows the verdict, "off" judges nothing.
    """

    directory: FilePath | None = None
    policy: Literal["production", "compat"] = "production"
    key_usage: Literal["either", "digitalSignature", "nonRepudiation"] = "either"
    fetch_from: tuple[BaseUrl, ...] = ()
    fetch_deadline: Duration = written("10s", gt=0, le=60)
    ocsp_nonce: bool = False
    signatures: Demands = Field(default_factory=_flagged)


class SigningKey(Table):
    """A private key by reference: a *file* (PKCS#12 or PEM, for development), or on a token behind a PKCS#11 *module*,
    found by *label* or *key_id* on *token*. *certificate* and *chain* only where they are not beside the key; *scheme*
    is what suits the key unless it is given.
    """

    id: Identifier
    file: FilePath | None = None
    password: SecretReference | None = None
    module: FilePath | None = None
    token: str = ""
    label: str | None = None
    key_id: str | None = None
    pin: SecretReference | None = None
    certificate: FilePath | None = None
    chain: FilePath | None = None
    scheme: Scheme | None = None
    sessions: int = Field(default=4, ge=1, le=64)


class SigningProfile(Table):
    """An organisation's signature for documents of *parties*: with *key*, on *kinds* of message, at a PAdES *level*.

    *form*: how the document itself shows it (NĐ 30/2020 Phụ lục I); *attachments*: how its other PDFs do, "off" leaves
    them unsigned. *seal_image*: a PNG with a transparent ground, in real size.
    """

    id: Identifier
    key: str
    parties: PartyList
    kinds: tuple[SignedKind, ...] = ("document", "replacement")
    form: SealForm = "seal"
    attachments: SealForm | Literal["off"] = "corner"
    level: Literal["B-B", "B-T", "B-LT"] = "B-T"
    seal_image: FilePath | None = None
    agency: str = ""


class Signing(Table):
    """Ký số của cơ quan. / Signatures of organisations. *stamps*: time stamping authorities (RFC 3161), in order."""

    stamps: tuple[CallUrl, ...] = ()
    stamp_deadline: Duration = written("10s", gt=0, le=60)
    keys: tuple[SigningKey, ...] = ()
    profiles: tuple[SigningProfile, ...] = ()
