"""The Merkle tree of RFC 6962 §2.1 (RFC 9162 §2.1) over SHA-256: hashes are 32 bytes, indexes count from 0.

Verifications raise :class:`InvalidProof`; they never answer with a bool that a caller could forget to look at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Self

from gateway.errors import GatewayError

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""The root of the tree without entries (RFC 9162 §2.1.1)."""
HASH_SIZE: Final = 32


class InvalidProof(GatewayError):
    """The proof does not connect what it claims to connect."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf; the prefix 0x00 keeps leaves and inner nodes apart (RFC 9162 §2.1.1)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes, read once and in order."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, largest first, at most 64 hashes.

    It is all that is needed to append leaves and to know the root, however large the tree. The subtrees' sizes are the
    bits set in the tree's size.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes] = []

    @property
    def size(self) -> int:
        """How many leaves were appended."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right; two complete subtrees of one size become one of twice that size."""
        self._peaks.append(leaf)
        self._size += 1
        merges = (self._size & -self._size).bit_length() - 1
        for _ in range(merges):
            right = self._peaks.pop()
            self._peaks[-1] = node_hash(self._peaks[-1], right)

    def root(self) -> bytes:
        """The root of the tree so far."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def copy(self) -> Frontier:
        """An independent frontier of the same tree, to grow on trial."""
        twin = Frontier()
        twin._size, twin._peaks = self._size, list(self._peaks)
        return twin

    def to_bytes(self) -> bytes:
        """8 bytes of size, big-endian, then the peaks."""
        return self._size.to_bytes(8, "big") + b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Self:
        """The inverse of :meth:`to_bytes`. ValueError if size and number of peaks disagree."""
        size, peaks = int.from_bytes(raw[:8], "big"), raw[8:]
        if len(raw) < 8 or len(peaks) != size.bit_count() * HASH_SIZE:
            raise ValueError("not a frontier")
        frontier = cls()
        frontier._size = size
        frontier._peaks = [peaks[at : at + HASH_SIZE] for at in range(0, len(peaks), HASH_SIZE)]
        return frontier


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The audit path of leaf *index* in the tree over *leaves* (RFC 9162 §2.1.3.1). IndexError outside the tree."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start = middle
    return path[::-1]


def consistency_proof(first: int, leaves: Sequence[bytes]) -> list[bytes]:
    """That the tree of the first *first* leaves is a prefix of the tree over *leaves* (RFC 9162 §2.1.4.1).

    IndexError unless 0 < first <= len(leaves).
    """
    if not 0 < first <= len(leaves):
        raise IndexError(first)
    path: list[bytes] = []
    start, end, known = 0, len(leaves), True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(root_of(leaves[middle:end]))
            end = middle
        else:
            path.append(root_of(leaves[start:middle]))
            start, known = middle, False
    if not known:
        path.append(root_of(leaves[start:end]))
    return path[::-1]


def _split(size: int) -> int:
    """The largest power of two smaller than *size*."""
    return 1 << (size - 1).bit_length() - 1


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that *leaf* (a leaf hash) is entry *index* of the tree (*size*, *root*), by RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        raise InvalidProof("index is outside the tree")
    node, last = index, size - 1
    running = leaf
    for sibling in proof:
        if last == 0:
            raise InvalidProof("proof is too long")
        if node & 1 or node == last:
            running = node_hash(sibling, running)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            running = node_hash(running, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise InvalidProof("proof is too short")
    if running != root:
        raise InvalidProof("the entry is not in this tree")


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> None:
    """Prove that the tree (*first*, *first_root*) is a prefix of (*second*, *second_root*), by RFC 9162 §2.1.4.2."""
    if not 0 < first <= second:
        raise InvalidProof("sizes are not in order")
    if first == second:
        if proof or first_root != second_root:
            raise InvalidProof("two trees of one size differ")
        return
    path = [first_root, *proof] if first & (first - 1) == 0 else list(proof)
    if not path:
        raise InvalidProof("proof is too short")
    old_root, new_root = _replayed(first - 1, second - 1, path)
    if old_root != first_root:
        raise InvalidProof("the older tree is another one")
    if new_root != second_root:
        raise InvalidProof("the newer tree is not an extension of the older")


def _replayed(node: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Both roots that *path* leads to, steps 3 to 6 of RFC 9162 §2.1.4.2."""
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise InvalidProof("proof is too long")
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise InvalidProof("proof is too short")
    return old, new
