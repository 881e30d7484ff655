"""A coverage-guided search for bytes that break a promise (`make fuzz`).

    python tests/fuzz/fuzz.py TARGET [libFuzzer's arguments] [corpus directory]

TARGET is "formats" (parsers) or a kind of signature (verdicts). The seeds are made anew and written into a directory
that is gone afterwards. What was found lies in the current directory: libFuzzer's crash-… file, and for a verdict also
`fuzz-TARGET/` with the trust it was judged by.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))

with atheris.instrument_imports(include=["gateway"]):
    from tests.fuzz import formats, verdicts


def verdict_on(kind: verdicts.Kind) -> Callable[[bytes], None]:
    """What libFuzzer calls for a kind of signature; an exception that leaves it is a finding."""

    def judged(given: bytes) -> None:
        try:
            findings = kind.findings(given)
        except BaseException:
            kind.keep(Path(f"fuzz-{kind.name}"))
            raise
        if findings:
            kind.keep(Path(f"fuzz-{kind.name}"))
            raise AssertionError("; ".join(findings))

    return judged


def target(name: str) -> tuple[Callable[[bytes], None], Sequence[bytes]]:
    """What is called, and its seeds."""
    if name == "formats":
        return formats.parsed, formats.SEEDS
    kind = verdicts.kind(name)
    return verdict_on(kind), kind.seeds


def main() -> None:
    """Fuzz one target until the limits given on the command line are reached."""
    program, name, *given = sys.argv
    with atheris.instrument_imports(include=["gateway"]):  # forms are loaded when they are first asked
        called, seeds = target(name)
    longest = max(8192, *(2 * len(seed) for seed in seeds))
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds):
            (Path(folder) / str(number)).write_bytes(seed)
        atheris.Setup([program, f"-max_len={longest}", *given, folder], called)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
