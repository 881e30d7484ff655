"""Rules for business statuses (reference vxp-edxml §5.1)."""

from __future__ import annotations

import pytest

from gateway.errors import Refusal
from gateway.intake.statuses import check_status, out_of_order
from gateway.model.document import DocumentStatus, Organization, ResponseFor

ABOUT = ResponseFor("H53.01", "12/SNV", "id")


@pytest.mark.parametrize(
    "history",
    [
        [1, 3, 4, 5, 5, 6],
        [3, 5, 6],
        [1, 2],
        [2],
        [1, 3, 6, 15],
        [13],
        [13, 16, 13],
        [1, 15],
    ],
)
def test_an_orderly_history_has_nothing_to_remark(history: list[int]) -> None:
    for step, code in enumerate(history):
        assert out_of_order(code, history[:step]) == "", (code, history[:step])


@pytest.mark.parametrize(
    ("before", "code"),
    [([1], 1), ([3], 1), ([3], 3), ([3], 2), ([2], 3), ([6], 5), ([], 6), ([1], 6), ([13], 13), ([1, 3, 6], 6)],
)
def test_what_does_not_follow_is_named(before: list[int], code: int) -> None:
    assert out_of_order(code, before)


@pytest.mark.parametrize(
    ("status", "where"),
    [
        (DocumentStatus(Organization("H53.02"), ABOUT, 7), "StatusCode"),
        (DocumentStatus(Organization("H53.02"), ABOUT, 99), "StatusCode"),
        (DocumentStatus(Organization("H53.02"), ResponseFor("H53.01"), 3), "ResponseFor"),
        (DocumentStatus(Organization("H53.02"), ResponseFor(document_id="id"), 3), "ResponseFor"),
        (DocumentStatus(Organization("H53.02"), ABOUT, 2), "Description"),
        (DocumentStatus(Organization("H53.02"), ABOUT, 13), "Description"),
    ],
)
def test_a_status_nobody_could_use_is_refused(status: DocumentStatus, where: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_status(status)
    assert (refused.value.code, refused.value.where) == ("status.invalid", where)
