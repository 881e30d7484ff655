"""Liên Thông: the gateway's core. Two stories, `intake/accept.py` and `delivery/attempt.py`; the rest serves them."""

__version__ = "0.3.0"
