"""`judge`: the local page where sections are graded, and its tables."""

import argparse
from pathlib import Path

from evaluation import runs, systems
from evaluation.commands.opening import JUDGED, command, open_searcher
from evaluation.judging import app, files, pools, store
from evaluation.judgments import read_judged
from indexer.terminal import Terminal


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(commands, "judge", _judge, "judge pooled sections in a browser; resumes where you stopped")
    sub.add_argument("--split", default="tuning")
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument("--store", type=Path, default=Path("build/judgments.sqlite"), help="SQLite file of your judgments")
    sub.add_argument("--port", type=int, default=8100)
    sub.add_argument("--export", type=Path, metavar="FOLDER", help="write qrels, reasons and nuggets there, and stop")


def _judge(options: argparse.Namespace) -> int:
    judged = read_judged(JUDGED, options.split)
    options.store.parent.mkdir(parents=True, exist_ok=True)
    kept = store.Store(options.store)
    kept.import_judged(judged, files.read_reasons(JUDGED / "reasons.tsv"))
    if options.export:
        return _export(kept, options.export, options.split, {query.query_id for query in judged.answerable})
    searcher = open_searcher(options.corpus, judged)
    rankings = {
        system.name: runs.run(system, judged, Terminal().progress(system.name, "query")).rankings
        for system in systems.all_local(searcher, judged)
    }
    app.serve(
        app.create_judge_app(judged.answerable, pools.pool(rankings), searcher.sections, kept),
        options.port,
    )
    return 0


def _export(kept: store.Store, folder: Path, split: str, query_ids: set[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    tables = (folder / f"{split}.tsv", folder / "reasons.tsv", folder / "nuggets.tsv")
    print(f"{folder}: {files.export(kept.contents(), *tables, query_ids)} judgments")
    return 0
