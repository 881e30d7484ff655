"""The tree against the reference tree of certificate transparency, the RFC's own definition, and tampering.

Origin of the vectors: leaves, roots and proofs of github.com/transparency-dev/merkle, testonly/constants.go and
testonly/reference_test.go (Apache-2.0), the 8-leaf tree that the RFC 6962 reference implementation was published with.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    InvalidProof,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
NODE_0_1 = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
NODE_2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
NODE_4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
NODE_6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
NODE_4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSION = [
    (0, 1, []),
    (0, 2, [LEAF_1]),
    (1, 2, [ROOTS[1]]),
    (2, 3, [NODE_0_1]),
    (1, 5, [ROOTS[1], NODE_2_3, LEAF_4]),
    (0, 8, [LEAF_1, NODE_2_3, NODE_4_7]),
    (5, 8, [LEAF_4, NODE_6_7, ROOTS[4]]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [LEAF_1, NODE_2_3, NODE_4_7]),
    (2, 5, [NODE_2_3, LEAF_4]),
    (6, 8, [NODE_4_5, NODE_6_7, ROOTS[4]]),
]

entries = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + defined_root(leaves[:k]) + defined_root(leaves[k:])).digest()


def unhex(proof: list[str]) -> list[bytes]:
    return [bytes.fromhex(node) for node in proof]


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference_tree(size: int) -> None:
    assert root_of(HASHES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_reference_tree(index: int, size: int, proof: list[str]) -> None:
    assert inclusion_proof(index, HASHES[:size]) == unhex(proof)
    verify_inclusion(HASHES[index], index, size, unhex(proof), bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_reference_tree(first: int, second: int, proof: list[str]) -> None:
    assert consistency_proof(first, HASHES[:second]) == unhex(proof)
    verify_consistency(first, second, bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second]), unhex(proof))


@given(entries)
def test_a_frontier_grown_leaf_by_leaf_has_the_defined_root_at_every_size(leaves: list[bytes]) -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT == defined_root([])
    for count, leaf in enumerate(leaves, 1):
        frontier.append(leaf_hash(leaf))
        assert frontier.size == count
        assert frontier.root() == defined_root(leaves[:count])


@given(entries, entries)
def test_a_frontier_goes_on_after_being_written_down(before: list[bytes], after: list[bytes]) -> None:
    frontier = Frontier()
    for leaf in before:
        frontier.append(leaf_hash(leaf))
    again = Frontier.from_bytes(frontier.to_bytes())
    for leaf in after:
        again.append(leaf_hash(leaf))
    assert again.root() == defined_root(before + after)
    assert frontier.root() == defined_root(before)


def test_a_copy_grows_alone() -> None:
    frontier = Frontier()
    frontier.append(HASHES[0])
    frontier.copy().append(HASHES[1])
    assert frontier.root().hex() == ROOTS[1]


@pytest.mark.parametrize("raw", [b"", b"\x00" * 7, b"\x00" * 7 + b"\x01", b"\x00" * 8 + b"\x00" * 32])
def test_bytes_that_are_no_frontier_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not a frontier"):
        Frontier.from_bytes(raw)


@given(entries, st.data())
def test_every_inclusion_proof_verifies_and_no_altered_one_does(leaves: list[bytes], data: st.DataObject) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, root = inclusion_proof(index, hashes), root_of(hashes)
    verify_inclusion(hashes[index], index, len(leaves), proof, root)
    for forged in altered(proof, data):
        with pytest.raises(InvalidProof):
            verify_inclusion(hashes[index], index, len(leaves), forged, root)
    with pytest.raises(InvalidProof):
        verify_inclusion(leaf_hash(b"never entered"), index, len(leaves), proof, root)
    with pytest.raises(InvalidProof):
        verify_inclusion(hashes[index], len(leaves), len(leaves), proof, root)


@given(entries, st.data())
def test_every_consistency_proof_verifies_and_no_altered_one_does(leaves: list[bytes], data: st.DataObject) -> None:
    hashes = [leaf_hash(leaf) for leaf in leaves]
    first = data.draw(st.integers(1, len(leaves)))
    proof = consistency_proof(first, hashes)
    old, new = root_of(hashes[:first]), root_of(hashes)
    verify_consistency(first, len(leaves), old, new, proof)
    for forged in altered(proof, data):
        with pytest.raises(InvalidProof):
            verify_consistency(first, len(leaves), old, new, forged)
    for roots in ((EMPTY_ROOT, new), (old, EMPTY_ROOT)):
        with pytest.raises(InvalidProof):
            verify_consistency(first, len(leaves), *roots, proof)


@pytest.mark.parametrize("index", range(8))
def test_a_leaf_does_not_verify_at_another_place(index: int) -> None:
    root = root_of(HASHES)
    for other in set(range(8)) - {index}:
        with pytest.raises(InvalidProof):
            verify_inclusion(HASHES[index], other, 8, inclusion_proof(index, HASHES), root)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (3, 2), (-1, 2)])
def test_sizes_out_of_order_prove_nothing(first: int, second: int) -> None:
    with pytest.raises(InvalidProof):
        verify_consistency(first, second, EMPTY_ROOT, EMPTY_ROOT, [])


def test_proofs_outside_the_tree_cannot_be_made() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(8, HASHES)
    with pytest.raises(IndexError):
        consistency_proof(0, HASHES)


def altered(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    """The proof with one bit changed, one hash less, one hash more."""
    forgeries = [[*proof, EMPTY_ROOT]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bit = data.draw(st.integers(0, 255))
        flipped = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
        forgeries += [[*proof[:at], flipped, *proof[at + 1 :]], proof[:-1]]
    return forgeries
