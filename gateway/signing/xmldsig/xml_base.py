"""Joining xml:base values of elements that are left out (C14N 1.1 §2.4 and appendix A; RFC 3986 §5.2)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_PARTS: Final = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
"""Scheme, authority, path, query (RFC 3986 appendix B); the fragment is dropped."""


def join(bases: Sequence[str]) -> str:
    """The reference that resolves like *bases* one after the other, outermost first; each may be relative."""
    joined = bases[0]
    for base in bases[1:]:
        joined = _join(joined, base)
    return joined


def _join(base: str, reference: str) -> str:
    scheme, authority, path, query = _split(reference)
    outer_scheme, outer_authority, outer_path, outer_query = _split(base)
    if scheme is None:
        scheme = outer_scheme
        if authority is None:
            authority = outer_authority
            if not path:
                path = outer_path
                query = outer_query if query is None else query
            elif not path.startswith("/"):
                path = _merged(outer_path, path, rooted=outer_authority is not None)
    path = _flattened(path)
    written = f"{scheme}:" if scheme is not None else ""
    written += f"//{authority}" if authority is not None else ""
    return written + path + (f"?{query}" if query is not None else "")


def _split(uri: str) -> tuple[str | None, str | None, str, str | None]:
    match = _PARTS.fullmatch(uri)
    assert match is not None  # noqa: S101 - the expression takes any text
    return match[1], match[2], match[3], match[4]


def _merged(base: str, path: str, *, rooted: bool) -> str:
    if rooted and not base:
        return "/" + path
    if base.rpartition("/")[2] == "..":
        base += "/"
    return base.rpartition("/")[0] + "/" + path if "/" in base else path


def _flattened(path: str) -> str:
    """Without "." and "..", except ".." that lead a relative path; "//" become "/"; a last ".." gets its "/"."""
    rooted = path.startswith("/")
    kept: list[str] = []
    segments = re.sub("/+", "/", path).split("/")
    last = segments[-1]
    for segment in segments:
        if segment in (".", ""):
            continue
        if segment == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif segment != ".." or not rooted:
            kept.append(segment)
    flat = "/".join(kept)
    if flat and last in ("", ".", ".."):
        flat += "/"
    return ("/" if rooted else "") + flat
