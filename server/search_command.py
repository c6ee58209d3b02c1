"""`python -m server search`: searches an index from a shell."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from indexer import artifact
from indexer.opening import open_encoder
from server.search import Searcher


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = argparse.ArgumentParser(prog="python -m server search", description="Search an index from a shell.")
    parser.add_argument("query")
    parser.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
    parser.add_argument("--limit", type=int, default=5)
    parser.add_argument("--mode", choices=("hybrid", "lexical", "semantic"), default="hybrid")
    parser.add_argument("--json", action="store_true")
    return parser


def run(options: argparse.Namespace) -> int:
    """Prints the sections found, the best first; 0 where there are none, too."""
    loaded = artifact.load(options.index)
    result = Searcher(loaded, open_encoder(loaded)).search(
        options.query, limit=options.limit, mode=cast(Any, options.mode)
    )
    if options.json:
        print(json.dumps([asdict(hit) for hit in result.hits], ensure_ascii=False, indent=2))
        return 0
    for hit in result.hits:
        print(f"{hit.rank}. {' › '.join(hit.headings) or hit.article_id}   {hit.score:.3f}")
        print(f"   {hit.url}\n   {hit.snippet}\n")
    if not result.hits:
        print("В справке нет ответа на этот вопрос.")
    return 0
