"""`convert-xquad`: a public benchmark as two BEIR folders."""

import argparse
from pathlib import Path

from evaluation import xquad
from evaluation.commands.opening import XQUAD, command


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(
        commands, "convert-xquad", _convert, "turn xquad.ru.json (google-deepmind/xquad) into two BEIR folders"
    )
    sub.add_argument("source", type=Path, help="xquad.ru.json")
    sub.add_argument("--out", type=Path, default=XQUAD, help=f"default: {XQUAD}")


def _convert(options: argparse.Namespace) -> int:
    counts = xquad.convert(options.source, options.out)
    for name, number in counts.items():
        print(f"{options.out / name}: {number} documents")
    return 0
