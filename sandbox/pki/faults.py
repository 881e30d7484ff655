"""What the services of the PKI do wrong on order: rules as in `sandbox.faults`, with actions of their own.

    {"operation": "ocsp", "action": "try_later", "match": {"nth": 1, "serial": "1f…"}, "times": 2}

Every service: `slow` (`seconds`), `500`, `refuse` (connection reset), `garbage`, `oversize`.
ocsp: `try_later`, `wrong_signer` (another authority's responder), `bad_signature`, `stale` (nextUpdate passed),
`unknown`, `wrong_id` (about another certificate), `wrong_nonce`, `no_nonce`.
crl: `stale`, `wrong_signature`, `missing`.
tsa: `rejection` (`description` is the status text), `wrong_imprint`, `wrong_nonce`, `wrong_eku` (a certificate that
may not stamp), `expired` (certificate), `clock` (a day ahead; `seconds` sets another offset), `bad_signature`.
`match.serial` narrows an `ocsp` rule to requests about one certificate, `match.path` a rule to one address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sandbox.faults import Rule

TRANSPORT: Final = frozenset({"slow", "500", "refuse", "garbage", "oversize"})
ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "ocsp": TRANSPORT
    | {"try_later", "wrong_signer", "bad_signature", "stale", "unknown", "wrong_id", "wrong_nonce", "no_nonce"},
    "crl": TRANSPORT | {"stale", "wrong_signature", "missing"},
    "tsa": TRANSPORT | {"rejection", "wrong_imprint", "wrong_nonce", "wrong_eku", "expired", "clock", "bad_signature"},
    "ca": TRANSPORT | {"missing"},
}
_DAY_SECONDS: Final = 86400


def rule_from_json(source: object) -> Rule:
    """Read a rule for one of the four services. Raises ValueError naming what is wrong."""
    if not isinstance(source, dict):
        raise ValueError("a rule is a JSON object")
    operation = str(source.get("operation"))
    if operation not in ACTIONS:
        raise ValueError(f"operation is one of {', '.join(ACTIONS)}: {operation}")
    if source.get("action") == "clock":
        source = {"seconds": _DAY_SECONDS, **source}
    return Rule.from_json(source, ACTIONS[operation])
