"""`bench-indexing`: a build beside encoding its texts plainly, and builds after small changes."""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation import indexing
from evaluation.commands.opening import command
from evaluation.indexing import Built, Difference, Plain
from evaluation.provenance import git_commit, machine
from indexer import models
from indexer.terminal import Terminal


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    text = "build an index and encode its texts plainly, side by side; then build it again after small changes"
    sub = command(commands, "bench-indexing", _bench, text)
    sub.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    sub.add_argument("--model", default=models.DEFAULT_MODEL, help="Sentence Transformers name or folder")
    sub.add_argument("--sample", type=int, metavar="N", help="the first N articles alone, to try it quickly")
    sub.add_argument("--json", action="store_true")


def _bench(options: argparse.Namespace) -> int:
    terminal = Terminal()
    models.resolve(options.model, terminal.say)  # unpacked before anything is timed
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        corpus = indexing.sampled(options.corpus, folder / "corpus", options.sample)

        def build(index: str, why: str) -> Built:
            terminal.say(f"Building: {why}")
            return indexing.build_alone(corpus, folder / index, options.model)

        full = build("index", "everything")
        terminal.say("Encoding plainly")
        plain = indexing.encode_alone(folder / "index", options.model)
        before = indexing.vectors_of(folder / "index")
        dated = _after(indexing.change_metadata, corpus, lambda: build("index", "a date has changed"))
        changed = _after(indexing.change_text, corpus, lambda: build("index", "a text has changed"))
        build("anew", "everything, with the changes")
        difference = indexing.compared(before, folder / "index", folder / "anew")
    about = {"corpus": str(options.corpus), "sample": options.sample, "machine": machine(), "commit": git_commit()}
    found = summary(full, plain, dated, changed, difference)
    if options.json:
        builds = {"full": full, "dated": dated, "changed": changed}
        told = {name: asdict(each) for name, each in builds.items() if each}
        print(json.dumps(about | found | told | {"plain": asdict(plain), "difference": asdict(difference)}))
        return 0
    print("; ".join(f"{name} {value}" for name, value in about.items() if value is not None))
    print(", ".join(f"{stage} {seconds:.1f}" for stage, seconds in full.seconds.items()), "s")
    for name, value in found.items():
        bar = f"   bar {BARS[name]:g}" if name in BARS else ""
        print(f"{name.replace('_', ' '):<44}{'none' if value is None else f'{value:12.4f}'}{bar}")
    return 0


# What is asked of a number; those of cosines at least, of all others at most.
BARS = {
    "build_over_plain": indexing.RATIO,
    "share_beside_encoding": indexing.SHARE_BESIDE,
    "peak_gb": indexing.PEAK / 2**30,
    "changed_over_allowed": 1.0,
    "dated_over_allowed": 1.0,
    "dated_texts_encoded": 0,
    "files_that_differ": 0,
    "kept_vectors_changed": 0,
    "least_cosine": indexing.COSINE,
    "queries_with_other_first_ten": 0,
}


def summary(
    full: Built, plain: Plain, dated: Built | None, changed: Built | None, difference: Difference
) -> dict[str, float | None]:
    """The numbers by name. Allowed to a build after a change are 5 % of the full one and loading the model."""
    load = full.seconds["model"]
    allowed = indexing.SHARE_AGAIN * full.wall + load
    rate = plain.flops / full.encoding
    return {
        "build_seconds": full.wall,
        "plain_seconds": plain.seconds,
        "build_over_plain": full.wall / plain.seconds,
        "share_beside_encoding": full.share_beside,
        "peak_gb": full.peak / 2**30,
        "texts": plain.texts,
        "tokens": plain.tokens,
        "gflops_of_encoding": rate / 1e9,
        "gflops_of_a_large_product": plain.matmul / 1e9,
        "share_of_a_large_product": rate / plain.matmul,
        "seconds_to_load_the_model": load,
        "changed_seconds": changed.wall if changed else None,
        "changed_over_allowed": changed.wall / allowed if changed else None,
        "changed_texts_encoded": changed.counts["texts_encoded"] if changed else None,
        "dated_seconds": dated.wall if dated else None,
        "dated_over_allowed": dated.wall / allowed if dated else None,
        "dated_texts_encoded": dated.counts["texts_encoded"] if dated else None,
        "files_that_differ": len(difference.files),
        "kept_vectors": difference.kept,
        "kept_vectors_changed": difference.kept_changed,
        "new_vectors": difference.new,
        "least_cosine": difference.least_cosine,
        "queries": difference.queries,
        "queries_with_other_first_ten": difference.other_first,
    }


def _after(change: Callable[[Path], Any], corpus: Path, build: Callable[[], Built]) -> Built | None:
    """The build after a change; None where the corpus has nothing of that kind to change."""
    try:
        change(corpus)
    except indexing.NothingToChange:
        return None
    return build()
