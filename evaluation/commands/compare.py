"""`compare`: two systems, or two runs from files, on the same queries."""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from evaluation import comparison, experiment, final, runs, systems
from evaluation.commands.opening import (
    JUDGED,
    PERTURBATIONS,
    command,
    corpus_of,
    judged_set,
    open_searcher,
    provenance_of,
    published,
    with_copies,
)
from evaluation.comparison import Flip
from evaluation.exchange import read_run
from evaluation.judgments import JudgedSet, JudgmentError, digest
from evaluation.results import SetResult
from evaluation.runs import Run
from evaluation.significance import AurocComparison, Comparison
from evaluation.systems import System
from indexer.terminal import Terminal


@dataclass(frozen=True, slots=True)
class _Compared:
    """What came out on one set."""

    result: SetResult
    found: Comparison
    flips: list[Flip]
    auroc: AurocComparison | None  # where both systems decide, and the set has queries without an answer


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
    sub.add_argument("--perturb", choices=PERTURBATIONS, action="append", help="such copies too; may be repeated")
    sub.add_argument("--final", action="store_true", help="allow the test split, and log what comes out")
    sub.add_argument("--json", action="store_true")


def _compare(options: argparse.Namespace) -> int:
    if options.a == options.b:
        raise JudgmentError(f"compare: {options.a} twice; expected two systems; name another one")
    judged = judged_set(options.data, options.split, options.final)
    corpus = corpus_of(options.data, options.corpus)
    searcher = cache(lambda: open_searcher(corpus, judged))  # files need none
    without = cache(lambda: published(corpus, searcher()))

    names = (options.a, options.b)

    def local(each: JudgedSet) -> list[System]:
        asked_for = any(name.endswith(systems.PUBLISHED) for name in names)
        return systems.all_local(searcher(), each, without() if asked_for else None)

    printed = []
    for each in with_copies(judged, options.perturb or []):
        compared = _on(each, names, local, options.measure)
        if options.final and each is judged:
            provenance = provenance_of(searcher(), judged.name, {judged.name: digest(judged)})
            final.append(options.data / "final.jsonl", provenance, compared.result, _figures(compared, options.measure))
        if options.json:
            printed.append(_figures(compared, options.measure) | {"flips": [asdict(flip) for flip in compared.flips]})
        else:
            print(_as_text(compared, names, options.measure, 5 if each is judged else 0) + "\n", flush=True)
    if options.json:
        print(json.dumps({"sets": printed}, ensure_ascii=False))
    return 0


def _on(
    judged: JudgedSet, names: tuple[str, str], local: Callable[[JudgedSet], list[System]], measure: str
) -> _Compared:
    chosen = [None if Path(name).is_file() else systems.named(local(judged), [name])[0] for name in names]
    taken = [
        runs.run(system, judged, Terminal().progress(name, "query")) if system else _read(Path(name), judged)
        for name, system in zip(names, chosen, strict=True)
    ]
    result = experiment.as_set_result([system for system in chosen if system], taken, judged)
    a, b = ({query_id: values[measure] for query_id, values in system.per_query.items()} for system in result.systems)
    changed = comparison.flips((taken[0], a), (taken[1], b), judged)
    decided = [experiment.decisions(system, judged) if system else () for system in chosen]
    auroc = comparison.compare_auroc(*decided) if all(decided) else None
    return _Compared(result, comparison.compare(a, b), changed, auroc)


def _figures(compared: _Compared, measure: str) -> dict[str, object]:
    return {
        "set": compared.result.name,
        "measure": measure,
        "comparison": asdict(compared.found),
        "AUROC": asdict(compared.auroc) if compared.auroc else None,
    }


def _as_text(compared: _Compared, names: tuple[str, str], measure: str, worst: int) -> str:
    text = comparison.as_text(compared.found, compared.flips, names, measure, worst)
    if found := compared.auroc:
        text += (
            f"\ntelling answerable queries from others, AUROC: {found.auroc_a:.4f} and {found.auroc_b:.4f}, "
            f"difference {found.difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}"
        )
    return f"{compared.result.name}: {text}"


def _read(path: Path, judged: JudgedSet) -> Run:
    """The run in a file, with nothing found for queries that it does not name."""
    found = read_run(path)
    known = [query.query_id for query in judged.answerable]
    if unknown := sorted(found.rankings.keys() - set(known)):
        raise JudgmentError(
            f"{path}: query {unknown[0]} is not in {judged.name}; expected a run over it; name its --data and --split"
        )
    if missing := [query_id for query_id in known if query_id not in found.rankings]:
        Terminal().say(
            f"{path}: {len(missing)} queries of {judged.name} are not in it, such as {missing[0]}; they count 0"
        )
    # By its file's name: two files may bear one tag.
    return replace(found, system=str(path), rankings={each: found.rankings.get(each, []) for each in known})
