"""`run`: systems over sets of judged queries, side by side."""

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from evaluation import experiment, final, html_report, report, systems, tables
from evaluation.commands import answers
from evaluation.commands.opening import (
    JUDGED,
    PERTURBATIONS,
    XQUAD,
    command,
    corpus_of,
    judged_set,
    provenance_of,
    published,
    require_known,
    with_copies,
)
from evaluation.judgments import JudgedSet, JudgmentError, digest
from evaluation.results import Results, SetResult, SystemResult
from indexer.terminal import Terminal
from server.search import Searcher


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "measure systems on judged queries; without --data and --split: tuning, its perturbed copies, rus-XQuAD"
    sub = command(commands, "run", _run, text)
    sub.add_argument(
        "--data",
        type=Path,
        action="append",
        help="BEIR folder with queries.jsonl, qrels/ and its corpus.jsonl; may be repeated (default: our own queries)",
    )
    sub.add_argument("--split", help="which qrels, where there are several (for our own queries: tuning)")
    sub.add_argument("--perturb", choices=PERTURBATIONS, action="append", help="such copies too; may be repeated")
    sub.add_argument("--system", action="append", metavar="NAME", help="only this one, as printed; may be repeated")
    sub.add_argument(
        "--corpus", type=Path, help="folder of articles (default: DATA where it has corpus.jsonl, else corpus)"
    )
    sub.add_argument("--url", help="measure this running server instead of an index built here")
    sub.add_argument("--by", choices=["kind", "topic"], help="print figures by kind or topic of the query too")
    sub.add_argument("--report", type=Path, metavar="FOLDER", help="write an HTML report and its JSON there")
    sub.add_argument("--final", action="store_true", help="allow the test split, and log what comes out")
    sub.add_argument("--json", action="store_true")


def _run(options: argparse.Namespace) -> int:
    if options.url and (options.report or options.final):
        raise JudgmentError(
            "--url: a server does not tell what its index was made from; expected no --report or --final with it; "
            "leave them out, or measure an index built here"
        )
    opened = cache(lambda corpus: systems.open_searcher(corpus, Terminal()))  # once, however many sets are about it
    as_published = cache(lambda corpus: published(corpus, opened(corpus)))
    found, digests = [], {}
    steps: dict[str, dict[str, float | int | None]] = {}  # set -> figures of the answers' steps
    for data, judged in _sets(options):
        unasked = ["all"] if _everything(options) and data == JUDGED else []
        clean: SetResult | None = None
        for each in with_copies(judged, options.perturb or unasked):
            if options.url:
                compared = systems.served_systems(options.url, each)
            else:
                searcher = opened(corpus := corpus_of(data, options.corpus))
                require_known(searcher, judged, corpus)
                asked_for = not options.system or any(name.endswith(systems.PUBLISHED) for name in options.system)
                compared = systems.all_local(searcher, each, as_published(corpus) if asked_for else None)
            asked = systems.named(compared, options.system)
            measured = experiment.measure_set(asked, each, lambda name: Terminal().progress(name, "query"))
            clean = clean or measured
            found.append(measured if measured is clean else experiment.beside_clean(measured, clean))
            digests[each.name] = digest(each)
            if not options.json:
                print(_as_text(found[-1], options.by), flush=True)
            if options.final and not options.url and each.nuggets and measured is clean:
                steps[each.name] = asdict(answers.measure(searcher, each))
                if not options.json:
                    print(answers.as_text(each.name, steps[each.name]), flush=True)
    if options.report or options.final:
        _keep(options, opened(corpus_of((options.data or [JUDGED])[0], options.corpus)), found, digests, steps)
    if options.json:
        print(json.dumps({"sets": [_as_json(result) for result in found]}, ensure_ascii=False))
    return 0


def _everything(options: argparse.Namespace) -> bool:
    return not (options.data or options.split)


def _sets(options: argparse.Namespace) -> list[tuple[Path, JudgedSet]]:
    """The folders that are measured, each with its judged queries."""
    folders = options.data or [JUDGED]
    found = [(folder, judged_set(folder, options.split, options.final)) for folder in folders]
    if _everything(options) and not options.url:
        benchmark = [XQUAD / name for name in ("sentences", "passages")]
        if all(folder.is_dir() for folder in benchmark):
            found += [(folder, judged_set(folder, None)) for folder in benchmark]
        else:
            Terminal().say(
                f"rus-XQuAD is left out: {XQUAD} is not there; take xquad.ru.json from google-deepmind/xquad, "
                "then: python -m evaluation convert-xquad xquad.ru.json"
            )
    return found


def _as_text(result: SetResult, by: str | None) -> str:
    lines = [f"{result.name}: {result.queries} queries", report.table(_rows(result))]
    if by:
        asked = _in_question(result)
        lines += [f"{asked.system} by {by}", report.table(getattr(asked, f"by_{by}"))]
    if found := tables.answerability_figures(result.answerability):
        lines.append(
            f"answerable from not, {result.queries} and {result.unanswerable} queries: AUROC {found['AUROC']:.4f}, "
            f"balanced accuracy {found['balanced accuracy']:.4f}, false refusals {found['false refusals']:.0f}, "
            f"false answers {found['false answers']:.0f}, calibration error {found['ECE']:.4f}"
        )
    if (ahead := _ahead(result)) is not None:
        lines.append(f"hybrid over the better half, nDCG@10: {ahead:+.4f}")
    return "\n".join(lines) + "\n"


def _as_json(result: SetResult) -> dict[str, object]:
    return {
        "set": result.name,
        "queries": result.queries,
        "systems": _rows(result),
        "hybrid_ahead": _ahead(result),
        "answerability": tables.answerability_figures(result.answerability),
    }


def _in_question(result: SetResult) -> SystemResult:
    """The hybrid where it was measured, else the last."""
    named = {system.system.split(" at ")[0]: system for system in result.systems}
    return named.get("hybrid", result.systems[-1])


def _rows(result: SetResult) -> dict[str, dict[str, float]]:
    return {
        system.system: system.measures | {"p50, ms": statistics.median(system.milliseconds.values())}
        for system in result.systems
        if system.milliseconds
    }


def _ahead(result: SetResult) -> float | None:
    """How far the hybrid is before the better of the halves; None where not all three were measured."""
    reached = {system.system.split(" at ")[0]: system.measures["nDCG@10"] for system in result.systems}
    if not reached.keys() >= set(systems.MODES):
        return None
    return reached["hybrid"] - max(reached["lexical"], reached["semantic"])


def _keep(
    options: argparse.Namespace,
    searcher: Searcher,
    found: list[SetResult],
    digests: dict[str, str],
    steps: Mapping[str, Mapping[str, float | int | None]],
) -> None:
    """The report and, for the test split, a line a set in the log."""
    provenance = provenance_of(searcher, found[0].name, digests)
    if options.final:
        for each in found:
            log = (options.data or [JUDGED])[0] / "final.jsonl"
            final.append(log, provenance, each, steps=steps.get(each.name))
    if options.report:
        shown = tuple(map(_in_question_last, found))
        Terminal().say(str(html_report.write_report(Results(provenance, shown), options.report)))


def _in_question_last(result: SetResult) -> SetResult:
    """The result with the system in question where reports look for it."""
    asked = _in_question(result)
    others = [system for system in result.systems if system is not asked]
    return replace(result, systems=(*others, asked))
