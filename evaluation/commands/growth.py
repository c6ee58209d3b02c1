"""`growth`: how both halves fare as the help grows to many times its size."""

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from evaluation import growth, plots, report
from evaluation.commands.opening import command
from evaluation.drawing import alone
from evaluation.growth import LexicalGrowth, VectorGrowth
from evaluation.provenance import git_commit, machine
from evaluation.writing import write_files
from indexer import artifact
from indexer.terminal import Terminal
from server.ranking import read_ranking

_SIZES = (10_000, 100_000, 1_000_000)
_MEGABYTE, _KILOBYTE = 2**20, 2**10


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command with its options."""
    sub = command(
        commands, "growth", _growth, "measure both halves over synthetic neighbours of an index, size by size"
    )
    sub.add_argument("--index", type=Path, default=Path("index"), help="what to grow (default: index)")
    sub.add_argument("--sizes", type=int, nargs="+", default=list(_SIZES), metavar="N", help="sections of each corpus")
    sub.add_argument("--queries", type=int, default=200, help="how many (default: 200)")
    sub.add_argument("--half", choices=("vectors", "lexical"), help="measure this one alone (default: both)")
    sub.add_argument("--out", type=Path, help="folder for growth.json and the curve, growth.svg")
    sub.add_argument("--json", action="store_true")


def _growth(options: argparse.Namespace) -> int:
    terminal = Terminal()
    seed = growth.seed_of(artifact.load(options.index), options.queries)
    weights = read_ranking().fields
    vectors: dict[int, VectorGrowth] = {}
    lexical: dict[int, LexicalGrowth] = {}
    for size in sorted(options.sizes):
        with tempfile.TemporaryDirectory(prefix="growth-") as folder:
            if options.half != "lexical":
                terminal.say(f"{size:,} sections: vectors")
                vectors[size] = growth.measure_vectors(seed, size, Path(folder), growth.in_own_process)
            if options.half != "vectors":
                terminal.say(f"{size:,} sections: words")
                lexical[size] = growth.measure_lexical(seed, size, weights, Path(folder), growth.in_own_process)
    halves: dict[str, Mapping[int, VectorGrowth | LexicalGrowth]] = {"vectors": vectors, "lexical": lexical}
    measured = {name: half for name, half in halves.items() if half}
    found = {
        "commit": git_commit(),
        "machine": machine(),
        "queries": f"{len(seed.query_vectors)} {seed.source}",
        "real": {"vectors": len(seed.vectors), "sections": len(seed.sections)},
        "sizes": {
            str(size): {name: asdict(half[size]) for name, half in measured.items()} for size in sorted(options.sizes)
        },
    }
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    if options.out:
        plot = plots.growth("growth", curves(vectors, lexical))
        write_files({options.out / "growth.json": text, options.out / "growth.svg": alone(plot.svg)})
    if options.json:
        print(text, end="")
        return 0
    print(f"{options.index}: {found['queries']}; {found['machine']}; {found['commit']}\n")
    tables = [rows for rows in (vector_rows(vectors), lexical_rows(lexical)) if rows]
    print("\n\n".join(map(report.table, tables)))
    return 0


def vector_rows(found: Mapping[int, VectorGrowth]) -> dict[str, dict[str, float]]:
    """The table of the semantic half."""
    return {
        f"{size:,} ({each.kind})": {
            "flat p50, ms": each.flat_p50,
            "flat p95": each.flat_p95,
            "p50": each.p50,
            "p95": each.p95,
            "p50 cold": each.cold_p50,
            "ratio": each.ratio,
            "recall@10": each.recall,
            "recall@100": each.recall_of_candidates,
            **_costs(size, each),
        }
        for size, each in found.items()
    }


def lexical_rows(found: Mapping[int, LexicalGrowth]) -> dict[str, dict[str, float]]:
    """The table of the lexical half."""
    return {
        f"{size:,} sections": {
            "p50, ms": each.p50,
            "p95": each.p95,
            "postings": each.postings,
            "ms/million": each.per_million,
            "lemmas": each.lemmas,
            **_costs(size, each),
        }
        for size, each in found.items()
    }


def _costs(size: int, found: VectorGrowth | LexicalGrowth) -> dict[str, float]:
    return {
        "file, KB": found.file / size / _KILOBYTE,
        "resident, KB": found.resident / size / _KILOBYTE,
        "build, ms": 1000 * found.build_seconds / size,
        "peak, MB": found.build_peak / _MEGABYTE,
    }


def curves(
    vectors: Mapping[int, VectorGrowth], lexical: Mapping[int, LexicalGrowth]
) -> dict[str, Sequence[tuple[float, float]]]:
    """Sections and milliseconds of the median query, for each line of the picture; none of a half not measured."""
    lines = {
        "vectors, flat": [(size, each.flat_p50) for size, each in vectors.items()],
        "vectors, as indexed": [(size, each.p50) for size, each in vectors.items()],
        "words": [(size, each.p50) for size, each in lexical.items()],
    }
    return {name: points for name, points in lines.items() if points}
