"""PDF signatures (ISO 32000-2 §12.8, ETSI EN 319 142): what one is worth, and what was changed after it."""

from gateway.signing.pades.judge import certificates, judge

__all__ = ["certificates", "judge"]
