"""Where messages go."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from gateway.intake.routing import Route, Routing, Seat
from gateway.model.delivery import UNASSIGNED
from gateway.model.message import Envelope, Kind
from gateway.model.party import Parties

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TABLE = Routing(
    seats=(Seat("snv", Parties(("H53.01", "H53.01.*"))), Seat("xa", Parties(("H53.90.*",)))),
    routes=(Route(Parties(("G*", "H*")), "vxp"),),
)


def deliveries(*recipients: str, from_platform: bool = False, priority: int = 0):
    envelope = Envelope(Kind.DOCUMENT, "H53.02", recipients, "i", "c", priority=priority)
    ids = count()
    return TABLE.deliveries(envelope, from_platform=from_platform, now=NOW, new_id=lambda: str(next(ids)))


def test_remote_recipients_share_one_delivery_to_their_platform() -> None:
    (one,) = deliveries("G22", "G09")
    assert (one.destination, one.party, one.recipients) == ("vxp", "", ("G22", "G09"))


def test_recipients_connected_here_each_get_their_own_mailbox_delivery() -> None:
    found = {(d.destination, d.party, d.recipients) for d in deliveries("H53.01.05", "G22", "H53.90.01")}
    assert found == {
        ("snv", "H53.01.05", ("H53.01.05",)),
        ("xa", "H53.90.01", ("H53.90.01",)),
        ("vxp", "", ("G22",)),
    }


def test_a_platforms_package_is_never_sent_back_to_a_platform() -> None:
    (one,) = deliveries("G22", "H53.01", from_platform=True)
    assert (one.destination, one.party) == ("snv", "H53.01")


def test_a_package_for_nobody_we_know_is_held_unassigned() -> None:
    (one,) = deliveries("A80", from_platform=True)
    assert (one.destination, one.recipients, one.held) == (UNASSIGNED, ("A80",), "route.unknown")
    (other,) = deliveries("A80")
    assert (other.destination, other.held) == (UNASSIGNED, "route.unknown")


def test_hoa_toc_is_urgent_and_expires_sooner_towards_a_platform() -> None:
    (urgent,) = deliveries("G22", priority=3)
    (usual,) = deliveries("G22", priority=2)
    assert urgent.urgent and not usual.urgent
    assert urgent.expires_at < usual.expires_at


def test_every_delivery_keeps_the_messages_conversation() -> None:
    assert {d.conversation for d in deliveries("G22", "H53.01", "A80")} == {"c"}
