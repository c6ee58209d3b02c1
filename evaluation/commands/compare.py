"""`compare`: two systems, or two runs from files, on the same queries."""

import argparse
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from evaluation import comparison, experiment, runs, systems
from evaluation.commands.opening import JUDGED, command, corpus_of, judged_set, open_searcher
from evaluation.exchange import read_run
from evaluation.judgments import JudgedSet, JudgmentError
from evaluation.runs import Run
from indexer.__main__ import Terminal
from server.search import Searcher


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "two systems on the same queries: paired test, wins and losses, the worst flips"
    sub = command(commands, "compare", _compare, text)
    sub.add_argument("a", help="a system by the name that `run` prints, such as lexical, or a file of export-run")
    sub.add_argument("b", help="another, such as hybrid")
    sub.add_argument("--data", type=Path, default=JUDGED, help="BEIR folder")
    sub.add_argument("--split", help="which qrels (for our own queries: tuning)")
    sub.add_argument("--corpus", type=Path, help="folder of articles")
    sub.add_argument("--measure", choices=list(runs.NAMES.values()), default="nDCG@10")
    sub.add_argument("--json", action="store_true")


def _compare(options: argparse.Namespace) -> int:
    judged = judged_set(options.data, options.split)
    searcher = cache(lambda: open_searcher(corpus_of(options.data, options.corpus), judged))  # files need none
    taken = [
        _read(Path(name), judged) if Path(name).is_file() else _take(name, searcher(), judged)
        for name in (options.a, options.b)
    ]
    per_query = [experiment.measure_system(found, judged).per_query for found in taken]
    a, b = ({query_id: values[options.measure] for query_id, values in found.items()} for found in per_query)
    found = comparison.compare(a, b)
    changed = comparison.flips((taken[0], a), (taken[1], b), judged)
    if options.json:
        print(
            json.dumps({"comparison": asdict(found), "flips": [asdict(flip) for flip in changed]}, ensure_ascii=False)
        )
    else:
        names = (options.a, options.b)
        print(comparison.as_text(found, changed, names, options.measure))
    return 0


def _take(name: str, searcher: Searcher, judged: JudgedSet) -> Run:
    system = systems.named(systems.all_local(searcher, judged), [name])[0]
    return runs.run(system, judged, Terminal().progress(name, "query"))


def _read(path: Path, judged: JudgedSet) -> Run:
    """The run in a file, with nothing found for queries that it does not name."""
    found = read_run(path)
    known = {query.query_id for query in judged.answerable}
    if unknown := sorted(found.rankings.keys() - known):
        raise JudgmentError(
            f"{path}: query {unknown[0]} is not in {judged.name}; expected a run over it; name its --data and --split"
        )
    if missing := sorted(known - found.rankings.keys()):
        Terminal().say(
            f"{path}: {len(missing)} queries of {judged.name} are not in it, such as {missing[0]}; they count 0"
        )
    return replace(found, rankings={query_id: found.rankings.get(query_id, []) for query_id in known})
