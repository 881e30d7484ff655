"""A delivery as an outbound adapter is given it: leased, at its first attempt."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any

from gateway.model.delivery import Delivery, Purpose, State


def leased(now: datetime, **changes: Any) -> Delivery:
    """A delivery of message m1 to the axis for one recipient, with *changes*."""
    delivery = Delivery(
        id="018f00000000700080000000000000d1",
        message_id="m1",
        purpose=Purpose.CONTENT,
        destination="axis",
        party="",
        recipients=("000.00.00.G22",),
        conversation="c",
        state=State.LEASED,
        urgent=False,
        instruction={},
        created_at=now,
        due_at=now,
        expires_at=now,
        ended_at=None,
        attempts=1,
        code="",
        detail="",
        reference="",
        maybe_twice=False,
    )
    return dataclasses.replace(delivery, **changes)
