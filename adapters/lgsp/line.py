"""One call to the regional axis: its turn at the agreed rate, its credentials, sent, classified, told in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import structlog

from adapters.lgsp import answers
from adapters.lgsp.answers import LgspFault
from adapters.lgsp.package import off_loop
from adapters.lgsp.replies import dumps
from adapters.lgsp.settings import Account, LgspSettings
from gateway.client import Answer, Body, CallFault, Client, retry_after
from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.formats.foreign import as_text, clean
from gateway.model.delivery import Deferred, Outcome
from gateway.outcomes import successful

T = TypeVar("T")

JSON: Final = "application/json"
_LOGIN: Final = "auth/login?allow_anonymous=true"
_LOGIN_ANSWER: Final = 64 * 1024


class Pace(Protocol):
    """The request rate agreed with the axis; all its accounts, workers and pollers share one."""

    async def turn(self, patience: float) -> None:
        """Return when one request may be sent. GatewayError if that is more than *patience* seconds away."""
        ...

    def answered(self) -> None: ...

    def failed(self) -> None: ...

    def pause(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One operation, with its query, of one account, and the seconds it may take."""

    method: str
    operation: str
    account: Account
    deadline: float
    query: str = ""
    body: Body = b""
    content_type: str = ""
    doc_id: str = ""


class NoTurn(GatewayError):
    """The agreed rate leaves no turn in time; nothing was sent. *wait* is the expected wait in seconds, if known."""

    def __init__(self, wait: float | None) -> None:
        self.wait = wait
        super().__init__("the agreed request rate leaves no turn in time")


class NoToken(GatewayError):
    """The axis gave no token; what was asked for was not sent."""


class Line:
    """The way to one axis. Holds the bearer token where one is wanted."""

    def __init__(self, settings: LgspSettings, client: Client, clock: Clock, pace: Pace) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._pace = pace
        self._base = f"{settings.base_url.rstrip('/')}/v1"
        self._token = ""
        self._token_until = 0.0
        self._logging_in = asyncio.Lock()
        self._log = structlog.get_logger("adapters.lgsp").bind(platform=settings.id)

    async def attempt(self, request: Request, judge: Callable[[Answer], Outcome], *, repeatable: bool) -> Outcome:
        """A delivery's try; every failure becomes an outcome. *repeatable*: a second copy has no effect."""
        started = self._clock.monotonic()
        try:
            outcome = judge(await self._call(request))
        except NoTurn as error:
            outcome = Deferred("lgsp.pace", str(error), error.wait, fault=False)
        except NoToken as error:
            outcome = Deferred("lgsp.login", str(error))
        except CallFault as fault:
            outcome = answers.outcome_of_fault(fault, repeatable=repeatable)
        self._tell(request, started, outcome.code, "" if outcome.code == "ok" else getattr(outcome, "detail", ""))
        return outcome

    async def ask(self, request: Request, judge: Callable[[Answer], T]) -> T:
        """A question, its answer understood by *judge*; raises LgspFault if there is no usable one."""
        started = self._clock.monotonic()
        try:
            answer = await self._call(request)
            found = await off_loop(len(answer.body), judge, answer)
        except NoTurn as error:
            fault = LgspFault("lgsp.pace", str(error))
        except NoToken as error:
            fault = LgspFault("lgsp.login", str(error))
        except CallFault as error:
            outcome = answers.outcome_of_fault(error, repeatable=True)
            fault = LgspFault(outcome.code, outcome.detail)
        except LgspFault as error:
            fault = error
        else:
            self._tell(request, started, "ok", "")
            return found
        self._tell(request, started, fault.code, fault.detail)
        raise fault

    async def _call(self, request: Request) -> Answer:
        due = self._clock.monotonic() + request.deadline
        headers = {
            "X-SystemId": request.account.system_id,
            "X-SecretKey": request.account.secret.reveal(),
            "Accept": JSON,
        }
        if request.content_type:
            headers["Content-Type"] = request.content_type
        if self._settings.login:
            headers["Authorization"] = f"Bearer {await self._bearer(due)}"
        url = f"{self._base}/{request.operation}{request.query}"
        answer = await self._exchange(request.method, url, headers, request.body, due, self._settings.max_answer)
        if answer.status == 401:
            self._token = ""
        return answer

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: Body, due: float, max_answer: int
    ) -> Answer:
        """Wait for a turn and send; the pace learns how the axis is."""
        try:
            await self._pace.turn(due - self._clock.monotonic())
        except GatewayError as congested:
            raise NoTurn(getattr(congested, "wait", None)) from congested
        left = due - self._clock.monotonic()
        if left <= 0:
            raise NoTurn(0.0)
        try:
            answer = await self._client.call(method, url, headers, body, deadline=left, max_answer=max_answer)
        except CallFault:
            self._pace.failed()
            raise
        if answer.status == 429:
            self._pace.pause(retry_after(answer.headers.get("retry-after"), self._clock.now()) or 0.0)
        if answer.status >= 500:
            self._pace.failed()
        else:
            self._pace.answered()
        return answer

    async def _bearer(self, due: float) -> str:
        """The token in use, or a new one; one login serves everybody who waits for it."""
        async with self._logging_in:
            if not self._token or self._clock.monotonic() >= self._token_until:
                self._token = await self._log_in(due)
                self._token_until = self._clock.monotonic() + self._settings.token_lifetime
            return self._token

    async def _log_in(self, due: float) -> str:
        login = self._settings.login
        if login is None:
            raise NoToken("no login is configured")
        form = {
            "username": login.username,
            "password": login.password.reveal(),
            "applicationCode": login.application_code,
            "otp": None,
            "twoFactorProvider": None,
            "typeObjs": [0, 1],
        }
        headers = {"Content-Type": JSON, "Accept": JSON}
        try:
            answer = await self._exchange("POST", f"{self._base}/{_LOGIN}", headers, dumps(form), due, _LOGIN_ANSWER)
        except CallFault as fault:
            raise NoToken(clean(f"{fault.code}: {fault.detail}")) from fault
        result = answers.read(answer.body) if successful(answer) else None
        if result is None or not result.ok:
            raise NoToken(f"HTTP {answer.status} {result.detail if result else ''}".rstrip())
        token = as_text(result.data.get("token")) or as_text(result.members.get("token"))
        if not token or not token.isascii() or not token.isprintable():
            raise NoToken("the login was answered without a usable token")
        return token

    def _tell(self, request: Request, started: float, result: str, detail: str) -> None:
        """One line per call: never a header, never the body. A poll that went well is said only when debugging."""
        quiet = result == "ok" and request.operation == "syncReceivedEdocList"
        say = self._log.debug if quiet else self._log.info
        say(
            "lgsp.call",
            operation=request.operation,
            system_id=request.account.system_id,
            doc_id=clean(request.doc_id),
            ms=round((self._clock.monotonic() - started) * 1000),
            result=result,
            detail=detail,
        )
