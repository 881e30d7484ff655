"""`python -m gateway.cli`: the same as the command `lienthong`."""

from gateway.cli import main

main()
