#!/usr/bin/env python
"""Coverage-guided fuzzing: python tests/fuzzing/fuzz.py --target=TARGET [-max_total_time=600] [FOLDER...].

Needs atheris (pip install atheris: Linux and macOS, CPython 3.11 or newer). An exception is a finding: it is printed,
and the input is left in the current folder. See README.md.
"""

import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

with atheris.instrument_imports(include=["indexer", "server"]):
    from fuzzing.targets import TARGETS


def main() -> None:
    # It stays among the arguments: libFuzzer passes over it, and starts itself anew with all of them to merge.
    named = [argument.removeprefix("--target=") for argument in sys.argv if argument.startswith("--target=")]
    if len(named) != 1 or named[0] not in TARGETS:
        sys.exit(f"no target; expected --target= one of {', '.join(TARGETS)}; see tests/fuzzing/README.md")
    target = TARGETS[named[0]]
    target(b"")  # opens the dictionary and builds the index, which are no input's fault
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
