"""Story 1: accept. Read `accept.py` first; everything else here serves it."""
