"""What one receiver of webhooks is configured with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from adapters.webhook.signature import SigningSecret


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """One system that is pushed to. *secrets*: the current one first, an old one beside it while it is replaced.

    *content*: "link" sends what it is about and where to fetch it, "full" the content too. *public_url*: how the
    receiver reaches this gateway's intake; "" gives paths only. *timeout*: seconds for one try (the standard
    recommends 15 to 30), never more than the delivery's own deadline.
    """

    id: str
    url: str
    secrets: tuple[SigningSecret, ...] = field(repr=False)
    content: Literal["link", "full"] = "link"
    public_url: str = ""
    timeout: float = 30.0

    def __post_init__(self) -> None:
        if not self.secrets:
            raise ValueError("a webhook needs a secret to sign with")
        if self.content not in ("link", "full"):
            raise ValueError("content is 'link' or 'full'")
        if not self.url:
            raise ValueError("a webhook needs a url")
