"""Time stamps: tokens verified (RFC 3161, RFC 5816, ETSI EN 319 422), files of them judged, new ones fetched."""

from gateway.signing.timestamp.judge import certificates, judge
from gateway.signing.timestamp.token import Stamp, verify_stamp

__all__ = ["Stamp", "certificates", "judge", "verify_stamp"]
