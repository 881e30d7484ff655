"""A coverage-guided search for bytes that leave a parser with anything but a value or a Refusal (`make fuzz`).

The first byte chooses the parser, the rest is its input. Arguments are libFuzzer's; a directory given is the corpus.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["gateway.formats"]):
    from gateway.errors import Refusal
    from gateway.formats import zipsafe
    from gateway.formats.reading import KINDS

PARSERS = (*KINDS.values(), lambda raw: zipsafe.undo_wrapping("a.pdf", raw))
SEEDS = (
    b'\x00<?xml version="1.0"?><!-- c --><a b="c" xmlns:p="urn:p"><p:d>&amp;&#x1EA1;<![CDATA[x]]></p:d></a>',
    b'\x01{"a":[1,2.5e3,"\\u00e1\\ud83d\\ude00",null,true],"b":{"c":""}}',
    b'\x02<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body><a/></s:Body></s:Envelope>',
    b'\x03<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"><w:message name="a"/></w:definitions>',
    b"\x04" + zipsafe.wrap("a.pdf", b"%PDF-1.7 " * 20),
)


def one_input(given: bytes) -> None:
    """What libFuzzer calls; an exception that leaves it is a finding."""
    if not given:
        return
    try:
        PARSERS[given[0] % len(PARSERS)](given[1:])
    except Refusal as refusal:
        str(refusal)


def main() -> None:
    """Fuzz until the limits given on the command line are reached."""
    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(SEEDS):
            (Path(seeds) / f"{number}").write_bytes(seed)
        atheris.Setup([*sys.argv, seeds], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
