"""`ablate`: each ability of reading a query switched off, alone, on the queries it is for and on clean ones."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from evaluation import comparison, experiment, runs, systems
from evaluation.commands.opening import JUDGED, command, open_searcher, with_copies
from evaluation.judgments import JudgedSet, read_judged
from evaluation.significance import Comparison, holm
from evaluation.systems import Remembering
from indexer.terminal import Terminal
from server.interpretation import Ability
from server.search import Searcher

# Each ability with the perturbed copies that it is for.
_COPIES: Mapping[Ability, tuple[str, ...]] = {
    "layout": ("layout",),
    "translit": ("translit-phonetic", "translit-short", "translit-digits"),
    "typo": ("typo-drop", "typo-swap", "typo-neighbour", "typo-doubled", "no-space"),
    "synonym": (),
    "error": ("error-noise",),
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "each ability of reading a query switched off, alone: what it is worth, with the paired test"
    sub = command(commands, "ablate", _ablate, text)
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument("--json", action="store_true")


def _ablate(options: argparse.Namespace) -> int:
    tuning = read_judged(JUDGED, "tuning")
    opened = open_searcher(options.corpus, tuning)
    searcher = Searcher(opened.artifact, Remembering(opened.encoder), opened.ranking)
    rows = [
        (ability, judged, _worth(searcher, judged, ability))
        for ability, kinds in _COPIES.items()
        for judged in with_copies(tuning, kinds or ["none"])
    ]
    adjusted = holm([found.p for _, _, found in rows])
    if options.json:
        told = [
            {"ability": ability, "set": judged.name, "p_holm": p, **asdict(found)}
            for (ability, judged, found), p in zip(rows, adjusted, strict=True)
        ]
        print(json.dumps(told, ensure_ascii=False))
        return 0
    print("nDCG@10 of the hybrid without and with each ability; paired randomisation test, p adjusted after Holm")
    print(f"{'ability':<9} {'set':<34} {'without':>8} {'with':>8} {'worth':>8}  95 % interval         p")
    for (ability, judged, found), p in zip(rows, adjusted, strict=True):
        interval = f"{found.low:+.4f} to {found.high:+.4f}"
        print(
            f"{ability:<9} {judged.name:<34} {found.mean_a:8.4f} {found.mean_b:8.4f} {found.difference:+8.4f}  "
            f"{interval}  {p:.4f}"
        )
    return 0


def _worth(searcher: Searcher, judged: JudgedSet, ability: Ability) -> Comparison:
    compared = [systems.without(searcher, judged, off) for off in ((ability,), ())]
    taken = [runs.run(each, judged, Terminal().progress(each.name, "query")) for each in compared]
    result = experiment.as_set_result(compared, taken, judged)
    a, b = ({query: values["nDCG@10"] for query, values in each.per_query.items()} for each in result.systems)
    return comparison.compare(a, b)
