"""Refusals of the simulated axis.

No error table of the real server is public (reference §5.4, §10). Codes 10-23 are those the regional LGSP documents;
30 and above are invented here and mean nothing outside this sandbox.
"""

from __future__ import annotations

INVALID_FILE = "10"
BAD_CREDENTIALS = "15"
UNKNOWN_RECIPIENT = "18"
FOREIGN_SENDER = "19"
SYSTEM_FAULT = "20"
NOT_EDXML = "22"
MISSING_PARAMETER = "30"
UNKNOWN_DOCUMENT = "31"
HEADERS_DISAGREE = "32"
TIMESTAMP = "33"
HASH_FILE = "34"
UNKNOWN_OPERATION = "35"
UNKNOWN_AGENCY = "36"
TOO_LARGE = "37"

SIGNING_CODES = frozenset({BAD_CREDENTIALS, HEADERS_DISAGREE, TIMESTAMP, HASH_FILE})
"""Codes that mean the caller's signing is wrong; the control interface counts them apart."""


class Refusal(Exception):
    """An operation answered FAIL: `code` for ErrorCode, `description` for ErrorDesc."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
