"""wsu:Timestamp: when a message was made and until when it counts (WSS 1.1.1 §10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from lxml import etree

from gateway.formats.safexml import Element
from gateway.model.verdict import NotValid
from gateway.signing.wssecurity.names import WSU
from gateway.signing.wssecurity.rules import Rules

_CREATED: Final = f"{{{WSU}}}Created"
_EXPIRES: Final = f"{{{WSU}}}Expires"
_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?"
    r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Both moments in UTC; *expires* is None where the sender set no end."""

    created: datetime
    expires: datetime | None = None


def read_timestamp(element: Element) -> Timestamp:
    """Read a wsu:Timestamp: one Created, then at most one Expires, nothing beside them, of type xsd:dateTime with zone.

    Raises NotValid malformed; signature.time where Expires is not after Created.
    """
    children = list(element.iterchildren(etree.Element))
    names = [str(child.tag) for child in children]
    if names not in ([_CREATED], [_CREATED, _EXPIRES]):
        raise NotValid("malformed", "not one Created and at most one Expires", "wsu:Timestamp")
    moments = [_moment(child) for child in children]
    found = Timestamp(moments[0], moments[1] if moments[1:] else None)
    if found.expires is not None and found.expires <= found.created:
        raise NotValid("signature.time", "Expires is not after Created", "wsu:Timestamp")
    return found


def check_fresh(found: Timestamp, now: datetime, rules: Rules) -> datetime:
    """The last moment at which *found* counts as fresh. Raises NotValid signature.time if *now* is outside it."""
    if found.created > now + rules.skew:
        raise NotValid("signature.time", f"made {_seconds(found.created - now)} s in the future", "wsu:Created")
    if found.expires is not None and now >= found.expires + rules.skew:
        raise NotValid("signature.time", f"expired {_seconds(now - found.expires)} s ago", "wsu:Expires")
    last = found.created + rules.max_age + rules.skew
    if now > last:
        raise NotValid("signature.time", f"made {_seconds(now - found.created)} s ago", "wsu:Created")
    return last


def _moment(element: Element) -> datetime:
    where = etree.QName(element).localname
    if len(element) or not _is_date_time(element):
        raise NotValid("malformed", "not an xsd:dateTime", f"wsu:{where}")
    match = _TIME.fullmatch((element.text or "").strip(" \t\r\n"))
    if match is None:
        raise NotValid("malformed", "not an xsd:dateTime with zone", f"wsu:{where}")
    try:
        return _utc(match)
    except (ValueError, OverflowError) as fault:
        raise NotValid("malformed", "no such moment", f"wsu:{where}") from fault


def _is_date_time(element: Element) -> bool:
    """ValueType is xsd:dateTime unless it says otherwise (§10). Its prefix need not be signed, so it is passed over."""
    kind: str = element.get("ValueType", "dateTime")
    return kind.strip().rpartition(":")[2] == "dateTime"


def _utc(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction, sign, hours, minutes = match.groups()[6:]
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if int(minutes or 0) > 59 or offset > timedelta(hours=14):
        raise ValueError("zone")
    zone = timezone(-offset if sign == "-" else offset)
    micros = int(f"{fraction or '0':0<6}"[:6])
    return datetime(year, month, day, hour, minute, second, micros, zone).astimezone(UTC)


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())
