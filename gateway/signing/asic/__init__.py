"""Associated signature containers, ASiC-S and ASiC-E with XAdES, CAdES or time stamps (ETSI EN 319 162-1)."""

from gateway.signing.asic.judge import certificates, judge

__all__ = ["certificates", "judge"]
