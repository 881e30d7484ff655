"""The reasons a key cannot sign, as this package gives them."""

from __future__ import annotations

from gateway.ports.signing import KeyUnavailable


def unknown(key_id: str) -> KeyUnavailable:
    """The configuration does not name it."""
    return KeyUnavailable("key.unknown", key_id, temporary=False)


def unusable(detail: str) -> KeyUnavailable:
    """The key or its certificate is there and not fit to sign: somebody has to change it."""
    return KeyUnavailable("key.unusable", detail, temporary=False)


def pin(detail: str) -> KeyUnavailable:
    """The password or PIN is wrong, locked or not to be tried: somebody has to act."""
    return KeyUnavailable("key.pin", detail, temporary=False)


def busy(detail: str) -> KeyUnavailable:
    """More signatures are wanted than can be made now."""
    return KeyUnavailable("key.busy", detail, temporary=True)


def offline(detail: str) -> KeyUnavailable:
    """The key is not there at the moment."""
    return KeyUnavailable("key.offline", detail, temporary=True)


def expired(detail: str, *, temporary: bool = False) -> KeyUnavailable:
    """The certificate is not in force."""
    return KeyUnavailable("key.expired", detail, temporary=temporary)
