"""The words of DESIGN §3 as frozen dataclasses: pure, without I/O, clock or randomness of their own."""
