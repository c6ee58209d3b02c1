"""What several commands begin with: judged queries, and the index of the corpus that they are about."""

import argparse
from collections.abc import Callable
from pathlib import Path

from evaluation import systems
from evaluation.judgments import JudgedSet, JudgmentError, read_judged
from indexer.__main__ import Terminal
from server.search import Searcher

JUDGED = Path(__file__).parents[1] / "judged"  # our own queries
XQUAD = Path("build/xquad-ru")  # where convert-xquad puts rus-XQuAD


def command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """The parser of a new command, to which its options are added."""
    sub = commands.add_parser(name, help=text, description=text)
    sub.set_defaults(run=run)
    return sub


def judged_set(data: Path, split: str | None, is_final: bool = False) -> JudgedSet:
    """The set that a command names (of our own, tuning); our own test split only where what comes out is logged."""
    own = data.resolve() == JUDGED.resolve()
    judged = read_judged(data, split or ("tuning" if own else None))
    if own and judged.name.endswith(", test") and not is_final:
        raise JudgmentError(
            f"{judged.name}: is not for development; expected --split tuning; `run --final` measures and logs it"
        )
    return judged


def corpus_of(data: Path, named: Path | None) -> Path:
    """The corpus that is named, else the one beside the queries, else ours."""
    return named or (data if (data / "corpus.jsonl").is_file() else Path("corpus"))


def open_searcher(corpus: Path, judged: JudgedSet) -> Searcher:
    """The searcher over a corpus. Raises JudgmentError where it lacks a judged section or article."""
    searcher = systems.open_searcher(corpus, Terminal())
    require_known(searcher, judged, corpus)
    return searcher


def require_known(searcher: Searcher, judged: JudgedSet, place: Path) -> None:
    """Raises JudgmentError where the index of that place lacks a judged section or article."""
    if missing := systems.unknown_ids(searcher, judged):
        raise JudgmentError(
            f"{judged.name}: judged {missing[0]} is not in {place}; expected every judged id there; "
            "correct the judgment or name the right corpus"
        )
