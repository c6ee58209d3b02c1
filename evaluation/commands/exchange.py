"""`export-run`, `export-beir`, `import-judgments`: to and from the forms of other tools."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from evaluation import beir, exchange, importing, runs, systems
from evaluation.commands.opening import JUDGED, command, corpus_of, judged_set, open_searcher
from evaluation.judgments import read_judged
from indexer.articles import read_articles
from indexer.errors import ArticleError
from indexer.sections import split_article
from indexer.terminal import Terminal


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the commands with their options."""
    sub = command(commands, "export-run", _export_run, "write a system's rankings as a TREC run")
    sub.add_argument("system", help="by the name that `run` prints, such as hybrid")
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")
    sub.add_argument("--data", type=Path, default=JUDGED, help="BEIR folder")
    sub.add_argument("--split", help="which qrels (for our own queries: tuning)")
    sub.add_argument("--corpus", type=Path, help="folder of articles")
    sub.add_argument("--force", action="store_true", help="replace FILE")

    sub = command(commands, "export-beir", _export_beir, "write our sections and judged queries as a BEIR folder")
    sub.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    sub.add_argument("--split", default="tuning", help="default: tuning; another can be added to the folder later")
    sub.add_argument("--corpus", type=Path, default=Path("corpus"), help="folder of articles (default: corpus)")
    sub.add_argument("--force", action="store_true", help="replace what is in FOLDER and says otherwise")

    text = "take judgments from TREC qrels, BEIR's TSV or a CSV table such as Quepid's into a BEIR folder"
    sub = command(commands, "import-judgments", _import, text)
    sub.add_argument("source", type=Path, help="the form is told by the first line")
    sub.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    sub.add_argument("--split", required=True, help="name of the new qrels")
    sub.add_argument("--queries", type=Path, metavar="FILE", help="texts: queries.jsonl, or a table of id and text")
    sub.add_argument("--json", action="store_true")


def _export_run(options: argparse.Namespace) -> int:
    exchange.require_free(options.out, options.force)  # before the work
    judged = judged_set(options.data, options.split)
    searcher = open_searcher(corpus_of(options.data, options.corpus), judged)
    system = systems.named(systems.all_local(searcher, judged), [options.system])[0]
    found = runs.run(system, judged, Terminal().progress(system.name, "query"))
    lines = exchange.write_run(found, options.out, options.force)
    print(f"{options.out}: {lines} lines, {len(found.rankings)} queries of {judged.name}")
    return 0


def _export_beir(options: argparse.Namespace) -> int:
    corpus = read_articles(options.corpus, Terminal().progress("Reading", "file"))
    if errors := [str(finding) for finding in corpus.findings if finding.is_error]:
        raise ArticleError("\n".join(errors))
    sections = [section for article in corpus.articles for section in split_article(article)]
    judged = read_judged(JUDGED, options.split)
    for path, number in beir.export_beir(sections, judged, options.split, options.out, options.force).items():
        print(f"{path}: {number}")
    return 0


def _import(options: argparse.Namespace) -> int:
    found = importing.import_judgments(options.source, options.out, options.split, options.queries)
    if options.json:
        print(json.dumps(asdict(found), default=str))
        return 0
    print(f"{options.source}: {found.form}")
    print(f"{found.qrels}: {found.judgments} judgments of {found.queries} queries; grades {_counts(found.grades)}")
    if found.negative:
        print(f"below 0, taken as 0 (judged, of no use): {_counts(found.negative)}")
    if found.ungraded:
        print(f"rows without a grade, left out: {found.ungraded}")
    if found.repeated:
        print(f"rows that say the same again: {found.repeated}")
    print(f"{options.out / 'queries.jsonl'}: {found.added} queries added")
    if found.without_text:
        print(f"{found.without_text} queries have no text: put queries.jsonl beside qrels before you measure")
    return 0


def _counts(numbers: Mapping[int, int]) -> str:
    return ", ".join(f"{grade}: {number}" for grade, number in numbers.items())
