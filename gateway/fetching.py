"""What certification and time stamping authorities publish, fetched through the bounded HTTP client.

OCSP responders, CRLs and time stamping authorities usually speak plain HTTP: what they say is signed (RFC 6960 §5,
RFC 5280 §8), so nothing is believed here because of the connection it came over.
"""

from __future__ import annotations

from typing import Final

from gateway.client import CallFault, Client
from gateway.ports.signing import FetchFault

SMALLEST_DEADLINE: Final = 0.05
"""Seconds; whoever has less left is told so without a connection being opened."""


class Fetching:
    """The port :class:`~gateway.ports.signing.Fetch` over a :class:`~gateway.client.Client`, whose origins are the
    only ones that are ever asked.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __call__(
        self, url: str, *, body: bytes | None = None, content_type: str = "", deadline: float, limit: int
    ) -> bytes:
        """The body of a 200 answer of at most *limit* bytes within *deadline* seconds. Raises FetchFault."""
        if deadline < SMALLEST_DEADLINE:
            raise FetchFault(url, "no time is left")
        headers = {"Content-Type": content_type} if content_type else {}
        method = "GET" if body is None else "POST"
        try:
            answer = await self._client.call(
                method, url, headers, body or b"", deadline=deadline, max_answer=max(1, limit)
            )
        except CallFault as fault:
            raise FetchFault(url, f"{fault.code} {fault.detail}".strip()) from fault
        if answer.status != 200:
            raise FetchFault(url, f"HTTP {answer.status}")
        if not answer.body:
            raise FetchFault(url, "an empty answer")
        return answer.body
