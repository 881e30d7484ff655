"""Fixtures of the end-to-end tests; what they are made of is in `province`."""

from province import province, sandbox

__all__ = ["province", "sandbox"]
