"""Story 2: attempt. Read `attempt.py` first; everything else here serves it."""
