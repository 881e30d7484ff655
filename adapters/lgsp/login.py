"""The login that later clients of the regional axis make before any other call.

What identifies a caller here is X-SystemId with X-SecretKey, in each call. The token given out therefore opens
nothing and is the same for everybody; it exists so that software which insists on one goes on to its real calls. The
body, with its user name and password, is not even read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.lgsp import replies
from gateway.errors import Refusal
from gateway.model.access import Caller
from gateway.model.party import Parties
from gateway.ports import Call, Endpoint, Knock, Reply

PATH: Final = "/lgsp/v1/auth/login"
_TOKEN: Final = "this-token-opens-nothing"  # noqa: S105


class LgspLogin:
    """`gateway.ports.Inbound` for the login alone, to be mounted with :func:`anyone`."""

    def endpoints(self) -> Sequence[Endpoint]:
        return (Endpoint("POST", PATH, self.log_in),)

    def refuse(self, refusal: Refusal, language: str, reference: str) -> Reply:
        return replies.refused(refusal, language, reference, soft=False)

    async def log_in(self, call: Call) -> Reply:
        """A token, to whoever asks."""
        return replies.success({"id": "", "username": "", "name": "", "token": _TOKEN})


async def anyone(knock: Knock) -> Caller:
    """`gateway.ports.Identify` for the login: a caller without a name or a party, who has no right to anything."""
    return Caller("", Parties(()))
