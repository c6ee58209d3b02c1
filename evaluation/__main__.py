"""The evaluation's commands: run, tune, bench-encoding, convert-xquad. Results go to stdout, progress to stderr."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from evaluation import report, runs, speed, systems, tune, xquad
from evaluation.judgments import JudgedSet, JudgmentError, read_judged
from indexer import models
from indexer.__main__ import Terminal
from indexer.articles import read_articles
from indexer.build import passages
from indexer.encoder import open_encoder
from indexer.errors import ArticleError, ArtifactError, ModelError
from indexer.sections import split_article
from server.ranking import RANKING_FILE
from server.search import Searcher

JUDGED = Path(__file__).with_name("judged")


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 is fine, 1 says that something is to be mended, 2 is wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (JudgmentError, systems.SystemFailure, ArticleError, ArtifactError, ModelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    sub = command("run", _run, "measure lexical, semantic and hybrid ranking on judged queries, side by side")
    sub.add_argument(
        "--data", type=Path, default=JUDGED, help="BEIR folder: queries.jsonl, qrels/, and its corpus.jsonl"
    )
    sub.add_argument("--split", help="which qrels, where there are several (for our own queries: tuning)")
    sub.add_argument(
        "--corpus", type=Path, help="folder of articles (default: DATA where it has corpus.jsonl, else corpus)"
    )
    sub.add_argument("--url", help="measure this running server instead of an index built here")
    sub.add_argument("--json", action="store_true")

    sub = command("tune", _tune, "choose field weights and fusion on the tuning queries")
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument("--write", action="store_true", help="write the choice to server/ranking.toml")

    sub = command("bench-encoding", _bench_encoding, "encode passages as the indexer does and plainly, side by side")
    sub.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    sub.add_argument("--model", default=models.DEFAULT_MODEL, help="Sentence Transformers name or folder")
    sub.add_argument("--passages", type=int, default=256, help="how many, evenly spread over the corpus (default: 256)")
    sub.add_argument("--rounds", type=int, default=3, help="how often each way encodes them (default: 3)")
    sub.add_argument("--json", action="store_true")

    sub = command("convert-xquad", _convert, "turn xquad.ru.json (google-deepmind/xquad) into two BEIR folders")
    sub.add_argument("source", type=Path, help="xquad.ru.json")
    sub.add_argument("--out", type=Path, default=Path("build/xquad-ru"), help="default: build/xquad-ru")
    return parser


def _open(corpus: Path, judged: JudgedSet) -> Searcher:
    searcher = systems.open_searcher(corpus, Terminal())
    known = set(searcher.sections) if judged.by_section else set(searcher.articles)
    if missing := judged.missing_from(known):
        raise JudgmentError(
            f"{judged.name}: judged {missing[0]} is not in {corpus}; expected every judged id there; "
            "correct the judgment or name the right --corpus"
        )
    return searcher


def _run(options: argparse.Namespace) -> int:
    judged = read_judged(options.data, options.split)
    if options.url:
        compared = systems.served_systems(options.url, judged)
    else:
        own = (options.data / "corpus.jsonl").is_file()
        searcher = _open(options.corpus or (options.data if own else Path("corpus")), judged)
        compared = systems.local_systems(searcher, judged)
    rows = {}
    for system in compared:
        with tqdm(range(len(judged.queries)), desc=system.name, unit=" query", file=sys.stderr) as bar:
            found = runs.run(system, judged, bar)
        rows[system.name] = runs.measure(found, judged) | {"p50, ms": statistics.median(found.milliseconds.values())}
    gain = [values["nDCG@10"] for values in rows.values()]
    ahead = gain[2] - max(gain[:2])
    if options.json:
        print(json.dumps({"set": judged.name, "queries": len(judged.queries), "systems": rows, "hybrid_ahead": ahead}))
        return 0
    print(f"{judged.name}: {len(judged.queries)} queries")
    print(report.table(rows))
    print(f"hybrid over the better half, nDCG@10: {ahead:+.4f}")
    return 0


def _tune(options: argparse.Namespace) -> int:
    judged = read_judged(JUDGED, "tuning")
    searcher = _open(options.corpus, judged)
    found = tune.trials(searcher, judged, Terminal().progress("Tuning", "setting"))
    print(f"{judged.name}: {len(judged.queries)} queries, {len(found)} settings; nDCG@10, then with its neighbours")
    rrf = next(trial for trial in found if trial.ranking.normalisation == "reciprocal_rank")
    for trial in [*found[:10], rrf]:
        chosen = trial.ranking
        fields = ", ".join(f"{name} {weight}" for name, weight in chosen.fields.items())
        print(
            f"  {trial.ndcg:.4f}  {trial.smoothed:.4f}  {chosen.normalisation}, semantic {chosen.semantic_weight}, "
            f"lead {chosen.lead_factor}, admin {chosen.admin_factor}; {fields}"
        )
    if options.write:
        text = tune.as_toml(found[0], judged, searcher.artifact.manifest.inputs.corpus_digest)
        tune.write(RANKING_FILE, text)
        print(f"wrote {RANKING_FILE}")
    return 0


def _bench_encoding(options: argparse.Namespace) -> int:
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


def _convert(options: argparse.Namespace) -> int:
    counts = xquad.convert(options.source, options.out)
    for name, number in counts.items():
        print(f"{options.out / name}: {number} documents")
    return 0


if __name__ == "__main__":
    sys.exit(main())
