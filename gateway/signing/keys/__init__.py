"""Keys that sign, by reference: files for development, PKCS#11 tokens in a process of their own for production.

`Keys` is the KeyProvider over a list of `FileKey` and `TokenKey`. A key whose certificate does not belong to it, or is
not fit for policy production, is key.unusable; every signature is checked under the certificate before it leaves.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.signing.keys.provider import Keys, KeyState
    from gateway.signing.keys.settings import FileKey, Opened, Terms, TokenKey, Warn

__all__ = ["FileKey", "KeyState", "Keys", "Opened", "Terms", "TokenKey", "Warn"]

_PLACES = {"Keys": "provider", "KeyState": "provider"}


def __getattr__(name: str) -> Any:
    """Import a published name when it is asked for: the signing process, which is one of this package's modules, must
    not load the whole gateway beside a vendor's code, nor take 0.3 s longer to come back.
    """
    if name not in __all__:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{__name__}.{_PLACES.get(name, 'settings')}"), name)
