"""Measures how good the answers are. Results on stdout, progress on stderr."""

import argparse
import sys

from evaluation.commands import (
    ablate,
    answers,
    bench,
    bench_indexing,
    calibrate,
    compare,
    exchange,
    gaps,
    gate,
    growth,
    judge,
    overload,
    run,
    soak,
    tune,
    xquad,
)
from evaluation.judgments import JudgmentError
from evaluation.results import ResultsError
from evaluation.significance import ComparisonError
from evaluation.systems import SystemFailure
from indexer.errors import ArticleError, ArtifactError, ModelError
from server.journal import JournalError

_COMMANDS = (
    *(run, compare, ablate, answers, gate, judge, tune, calibrate),
    *(bench, bench_indexing, growth, overload, soak, exchange, gaps, xquad),
)
_ERRORS = (
    *(JudgmentError, ResultsError, ComparisonError, SystemFailure),
    *(ArticleError, ArtifactError, ModelError, JournalError, OSError),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 is fine, 1 says that something is to be mended, 2 is wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except _ERRORS as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for each in _COMMANDS:
        each.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
