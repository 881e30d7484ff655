"""How a provincial document system behaves, well or badly. The default is a careful one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Habits:
    """What a maker's software does with what it takes and sends.

    `acknowledgement`: what is said after a package was stored; `never` leaves it listed for ever.
    `reason`: the words of a `fail`.
    `clock_offset`: how far its clock is off, in every timestamp it writes or signs.
    `frozen_clock`: the timestamp header is taken once and used for ever (reference vxp-edxml §6.2).
    `leaks_headers`: parameters of earlier calls are signed again with later ones, as the vendor's SDK does (§6.2).
    `sends_twice`: every document goes out a second time, zipped anew and with a new timestamp.
    `torn_sends`: this many sends are first broken off in the middle of the body.
    """

    acknowledgement: Literal["done", "fail", "twice", "never"] = "done"
    reason: str = "Không mở được tệp đính kèm"
    clock_offset: timedelta = timedelta(0)
    frozen_clock: bool = False
    leaks_headers: bool = False
    sends_twice: bool = False
    torn_sends: int = 0

    def verdicts(self) -> tuple[tuple[str, str], ...]:
        """Return the acknowledgements of one package in order, each with its reason ("" for done)."""
        if self.acknowledgement == "fail":
            return (("fail", self.reason),)
        return (("done", ""),) * {"done": 1, "twice": 2, "never": 0}[self.acknowledgement]

    def wrong(self, now: Clock) -> Clock:
        """Return this system's clock: the true one, off by the offset."""
        return lambda: now() + self.clock_offset

    def stamping(self, now: Clock) -> Clock:
        """Return the clock of the signed timestamp header; a frozen one shows the moment of this call."""
        own = self.wrong(now)
        if not self.frozen_clock:
            return own
        frozen = own()
        return lambda: frozen


CAREFUL: Final = Habits()
VENDOR_SDK: Final = Habits(frozen_clock=True, leaks_headers=True)
"""The real SDK 2.0.1 in a long-lived program, as recorded."""
