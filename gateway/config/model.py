"""The tables of the configuration file (DESIGN §5), frozen. What is not listed here is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.config.secret import SecretReference
from gateway.config.signing import Demands, Signing, Trust
from gateway.config.table import Identifier, Table, written
from gateway.config.values import BaseUrl, CallUrl, Duration, Expression, FilePath, Listening, PartyList, Size
from gateway.intake import secrecy
from gateway.model.party import Parties

HeaderText = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,255}$")]
"""What travels as an HTTP header unchanged."""

Environment = Literal["test", "production"]
EVERYONE = Parties(("*",))


class Gateway(Table):
    """Who this gateway is and where it keeps everything."""

    id: Identifier = Field(description="Tên của cổng này trong nhật ký / this gateway's name on record")
    data_dir: FilePath = written("/var/lib/lienthong")
    language: Literal["vi", "en"] = "vi"


class IntakeListener(Table):
    """The listener for systems. Without a certificate TLS is off, and then *plain_http* must be set. *lgsp_login*: a
    login that opens nothing is answered too, for software of the regional axis that insists on one."""

    address: Listening = written("0.0.0.0:8443")
    tls_certificate: FilePath | None = None
    tls_key: FilePath | None = None
    plain_http: Listening = written("")
    max_body: Size = written("50MB", gt=0)
    max_in_flight: Size = written("256MB", gt=0)
    header_limit: Size = written("256KB", ge=16 * 1024)
    max_connections: int = Field(default=1000, gt=0)
    body_timeout: Duration = written("120s", gt=0)
    stranger_calls_per_minute: int = Field(default=120, gt=0)
    lgsp_login: bool = False

    @property
    def tls(self) -> bool:
        """Whether the TLS listener on *address* runs."""
        return self.tls_certificate is not None and self.address is not None


class ConsoleListener(Table):
    """The management side: metrics, liveness and readiness; never reachable from the network of the systems."""

    address: Listening = written("127.0.0.1:8081")


class Listen(Table):
    intake: IntakeListener = Field(default_factory=IntakeListener)
    console: ConsoleListener = Field(default_factory=ConsoleListener)


class Storage(Table):
    """*reserve*: free disk below which accepting stops. *inline_limit*: larger bodies are files of their own."""

    kind: Literal["sqlite"] = "sqlite"
    inline_limit: Size = written("16KB", le=1024 * 1024)
    quarantine_quota: Size = written("500MB")
    reserve: Size = written("1GB")


class Delivery(Table):
    """How long and how patiently deliveries are tried. *lease* must outlast every platform's *deadline*."""

    expiry: Duration = written("3d", gt=0)
    urgent_expiry: Duration = written("1d", gt=0)
    mailbox_expiry: Duration = written("30d", gt=0)
    retry_first: Duration = written("10s", gt=0)
    retry_max: Duration = written("15m", gt=0)
    lease: Duration = written("5m", gt=0)


class Audit(Table):
    """Entries are sealed at the latest five seconds after they were written (P5)."""

    seal_interval: Duration = written("2s", gt=0, le=4)


class Secrecy(Table):
    """Dấu mật: văn bản mang dấu không được lưu. / Markings of state secrets: what bears one is not stored. Regular
    expressions over NFC text; *words* are looked for in *text_fields*, *labels* must be the whole of any field,
    *file_names* are looked for in names. *innocent* phrases are taken out first. *grades*: the values of a field that
    are not secret.
    """

    enabled: bool = True
    text_fields: tuple[str, ...] = secrecy.TEXT_FIELDS
    words: tuple[Expression, ...] = secrecy.WORDS
    labels: tuple[Expression, ...] = secrecy.LABELS
    file_names: tuple[Expression, ...] = secrecy.FILE_NAMES
    innocent: tuple[str, ...] = secrecy.INNOCENT
    grades: dict[str, Expression] = Field(default_factory=lambda: dict(secrecy.GRADES))


class System(Table):
    """One piece of provincial software and the parties it acts for.

    *adapter*: "rest" is known by an API key; "vxp" and "lgsp" speak their axis' protocol to us and are known by
    *system_id* and *secret* (the SDK of "vxp" freezes its timestamp for hours, which *timestamp_window* must allow
    for); "webhook" sends by REST, and what arrives for it is posted to *url*, signed with *secret* (``whsec_…``; while
    it is replaced, the old one after the new, parted by a blank). *content*: with a "link" it fetches what it was told
    of from *public_url*, where it reaches this gateway; "full" brings the content along. Up to *slots* calls at once,
    each within *deadline*.

    *status_order*: what a status out of order means. *automatic_arrival*: the parties that delegate to the gateway to
    report 01 once their system has taken a document. *signatures*: what is asked of what it hands over, instead of what
    [trust] says."""

    id: Identifier
    adapter: Literal["rest", "vxp", "lgsp", "webhook"] = "rest"
    parties: PartyList
    environment: Environment = "production"
    system_id: HeaderText | None = None
    secret: SecretReference | None = None
    timestamp_window: Duration = written("24h", gt=0)
    url: CallUrl | None = None
    content: Literal["link", "full"] = "link"
    public_url: BaseUrl | None = None
    slots: int = Field(default=4, ge=1, le=64)
    deadline: Duration = written("30s", gt=0)
    ca_file: FilePath | None = None
    status_order: Literal["off", "warn", "refuse"] = "warn"
    automatic_arrival: PartyList | None = None
    signatures: Demands = Field(default_factory=dict)


class Login(Table):
    """The integrating application's own access, where a regional axis wants a bearer token beside the two headers."""

    username: str = Field(min_length=1)
    password: SecretReference
    application_code: str = ""


class Platform(Table):
    """One platform: the national document axis ("vxp") or a regional one ("lgsp"), behind which others are reached.

    *hash_file*, *to_header* and *wrap_attachments* (vxp), *settled_codes* and *login* (lgsp) are facts that one source
    only tells. *rejected_codes*: error codes that mean "never"; without them, those the adapter knows."""

    id: Identifier
    adapter: Literal["vxp", "lgsp"]
    base_url: BaseUrl
    environment: Environment
    system_id: HeaderText
    secret: SecretReference
    requests_per_second: float = Field(default=5, gt=0, le=1000)
    poll: bool = True
    poll_interval: Duration = written("30s", ge=0.05)
    hash_file: Literal["unpadded", "padded"] = "unpadded"
    to_header: Literal["auto", "never", "always"] = "auto"
    wrap_attachments: bool = True
    local: Literal["direct", "via_axis"] = "direct"
    slots: int = Field(default=4, ge=1, le=64)
    deadline: Duration = written("60s", gt=0)
    rejected_codes: tuple[str, ...] | None = None
    settled_codes: tuple[str, ...] = ()
    login: Login | None = None
    ca_file: FilePath | None = None
    signatures: Demands = Field(default_factory=dict)


class Route(Table):
    """Recipients matching *to* that are not connected here are reached through *platform*; the first match wins.
    *signatures*: what is asked of documents that go there, where it is stricter. *sign*: the signing profiles whose
    signatures they get."""

    to: PartyList
    platform: str
    signatures: Demands = Field(default_factory=dict)
    sign: tuple[str, ...] = ()


class Config(Table):
    """The whole configuration. Sizes are bytes, durations seconds, paths absolute, secrets opened."""

    gateway: Gateway
    listen: Listen = Field(default_factory=Listen)
    store: Storage = Field(default_factory=Storage)
    delivery: Delivery = Field(default_factory=Delivery)
    audit: Audit = Field(default_factory=Audit)
    secrecy: Secrecy = Field(default_factory=Secrecy)
    trust: Trust = Field(default_factory=Trust)
    signing: Signing = Field(default_factory=Signing)
    systems: tuple[System, ...] = ()
    platforms: tuple[Platform, ...] = ()
    routes: tuple[Route, ...] = ()

    @property
    def effective_routes(self) -> tuple[Route, ...]:
        """The routes as written; without any, everyone is reached through the only platform."""
        if self.routes or len(self.platforms) != 1:
            return self.routes
        return (Route(to=EVERYONE, platform=self.platforms[0].id),)
