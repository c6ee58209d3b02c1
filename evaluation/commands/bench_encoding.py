"""`bench-encoding`: the indexer's encoding beside the plain one."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from evaluation import report, speed
from evaluation.commands.opening import command
from indexer import models
from indexer.__main__ import Terminal
from indexer.articles import read_articles
from indexer.build import passages
from indexer.encoder import open_encoder
from indexer.sections import split_article


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(commands, "bench-encoding", _bench, "encode passages as the indexer does and plainly, side by side")
    sub.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    sub.add_argument("--model", default=models.DEFAULT_MODEL, help="Sentence Transformers name or folder")
    sub.add_argument("--passages", type=int, default=256, help="how many, evenly spread over the corpus (default: 256)")
    sub.add_argument("--rounds", type=int, default=3, help="how often each way encodes them (default: 3)")
    sub.add_argument("--json", action="store_true")


def _bench(options: argparse.Namespace) -> int:
    terminal = Terminal()
    model = models.resolve(options.model, terminal.say)
    articles = read_articles(options.corpus, terminal.progress("Reading", "file")).articles
    encoder = open_encoder(model)
    texts, _ = passages([section for article in articles for section in split_article(article)], encoder)
    sample = texts[:: max(1, len(texts) // options.passages)][: options.passages]
    plain = speed.plain_encode(model)
    found = speed.measure_encoding(sample, encoder, plain, options.rounds, terminal.progress("Encoding", "round"))
    if options.json:
        print(json.dumps(asdict(found) | {"ratio": found.ratio, "settings": encoder.settings()}))
        return 0
    rows = {
        "indexer": dict(zip(map(str, range(1, options.rounds + 1)), found.ours, strict=True)),
        "plain encode, float32": dict(zip(map(str, range(1, options.rounds + 1)), found.plain, strict=True)),
    }
    print(f"{options.corpus}: {len(sample)} passages, passages per second by round ({encoder.settings()['dtype']})")
    print(report.table(rows))
    print(f"ratio, median of the rounds: {found.ratio:.2f}")
    return 0
