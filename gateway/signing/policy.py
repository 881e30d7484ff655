"""Which algorithms and keys a verdict of *valid* may rest on: `production` (TT 15/2025/TT-BKHCN) and `compat`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """An allow-list. What is not listed is refused with `algorithm.forbidden`; what nobody could do, `.unsupported`.

    *raw_keys* and *hmac*: public keys without a certificate and shared keys, from the trust directory only.
    *revocation*: "required" makes a certificate that names a source of revocation data indeterminate without such data;
    "offered" uses what is handed in. In both, evidence that was handed in is binding for the whole chain.
    *usages*: which bits of KeyUsage, where a signer's certificate has it, make it one for signatures; any of them does.
    """

    name: Literal["production", "compat"]
    digests: frozenset[str]
    curves: frozenset[str]
    min_rsa_bits: int
    dsa: bool
    hmac: bool
    raw_keys: bool
    eddsa: bool
    revocation: Literal["required", "offered"]
    usages: frozenset[str] = frozenset({"digital_signature", "non_repudiation"})


PRODUCTION: Final = Policy(
    name="production",
    digests=frozenset({"sha256", "sha384", "sha512", "sha3-256", "sha3-384", "sha3-512"}),
    curves=frozenset({"secp256r1", "secp384r1", "secp521r1"}),
    min_rsa_bits=2048,
    dsa=False,
    hmac=False,
    raw_keys=False,
    eddsa=False,
    revocation="required",
)
COMPAT: Final = Policy(
    name="compat",
    digests=PRODUCTION.digests | {"sha1", "sha224"},
    curves=PRODUCTION.curves | {"secp256k1", "brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"},
    min_rsa_bits=1024,
    dsa=True,
    hmac=True,
    raw_keys=True,
    eddsa=True,
    revocation="offered",
)
POLICIES: Final[Mapping[str, Policy]] = {policy.name: policy for policy in (PRODUCTION, COMPAT)}
