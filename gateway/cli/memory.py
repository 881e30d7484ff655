"""Memory of the server's process (P7): what a large message took is given back when it is done."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
"""mallopt(3), <malloc.h> of the GNU C library."""
OWN_MAPPING = 1024 * 1024
"""Blocks of at least this many bytes are mappings of their own."""


def return_large_blocks() -> bool:
    """Have the C library return every large block to the system as soon as it is freed; False where it cannot.

    By itself glibc raises the threshold to the largest block ever freed (mallopt(3), "dynamic mmap threshold") and
    then keeps such blocks in its arenas, where they fragment: measured with attachments of 20 MB, three times the
    body stayed resident for good and the peak was 7.8 times the body instead of 4.2.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, OWN_MAPPING))
