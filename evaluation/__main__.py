"""The commands: run, compare, judge, tune, bench-encoding, convert-xquad. Results on stdout, progress on stderr."""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from evaluation import comparison, experiment, final, perturb, report, runs, speed, systems, tune, xquad
from evaluation.judgments import JudgedSet, JudgmentError, digest, read_judged
from evaluation.results import Results, ResultsError, SetResult
from evaluation.significance import ComparisonError
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


_ERRORS = (
    *(JudgmentError, ResultsError, ComparisonError, systems.SystemFailure),
    *(ArticleError, ArtifactError, ModelError, OSError),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 is fine, 1 says that something is to be mended, 2 is wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except _ERRORS as error:
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
    sub.add_argument(
        "--perturb", choices=perturb.KINDS, action="append", help="measure such copies too; may be repeated"
    )
    sub.add_argument("--by", choices=["kind", "topic"], help="print the hybrid's figures by kind or topic of the query")
    sub.add_argument("--report", type=Path, metavar="FOLDER", help="write an HTML report and its JSON there")
    sub.add_argument("--final", action="store_true", help="allow the test split, and log what comes out")
    sub.add_argument("--json", action="store_true")

    sub = command("compare", _compare, "two systems on the same queries: paired test, wins and losses, the worst flips")
    sub.add_argument("a", help="name of a system as `run` prints it, such as lexical")
    sub.add_argument("b", help="name of another, such as hybrid")
    sub.add_argument("--data", type=Path, default=JUDGED, help="BEIR folder")
    sub.add_argument("--split", default=None, help="which qrels (for our own queries: tuning)")
    sub.add_argument("--corpus", type=Path, help="folder of articles")
    sub.add_argument("--measure", choices=list(runs.NAMES.values()), default="nDCG@10")
    sub.add_argument("--json", action="store_true")

    sub = command("judge", _judge, "judge pooled sections in a browser; resumes where you stopped")
    sub.add_argument("--split", default="tuning")
    sub.add_argument("--corpus", type=Path, default=Path("corpus"))
    sub.add_argument("--store", type=Path, default=Path("build/judgments.sqlite"), help="SQLite file of your judgments")
    sub.add_argument("--port", type=int, default=8100)
    sub.add_argument("--export", type=Path, metavar="FOLDER", help="write qrels, reasons and nuggets there, and stop")

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


def _judged(options: argparse.Namespace, is_final: bool = False) -> JudgedSet:
    """The set that a command names; our own test split only where what comes out is logged."""
    judged = read_judged(options.data, options.split)
    own = options.data.resolve() == JUDGED.resolve()
    if own and judged.name.endswith(", test") and not is_final:
        raise JudgmentError(
            f"{judged.name}: is not for development; expected --split tuning; `run --final` measures and logs it"
        )
    return judged


def _run(options: argparse.Namespace) -> int:
    if options.url and (options.report or options.final):
        raise JudgmentError(
            "--url: a server does not tell what its index was made from; expected no --report or --final with it; "
            "leave them out, or measure an index built here"
        )
    judged = _judged(options, options.final)
    searcher = None if options.url else _open(_corpus(options), judged)
    sets = [judged, *(_perturbed(judged, kind) for kind in options.perturb or ())]
    found = []
    for each in sets:
        compared = systems.served_systems(options.url, each) if searcher is None else _local(searcher, each)
        found.append(experiment.measure_set(compared, each, lambda name: Terminal().progress(name, "query")))
    if searcher and (options.report or options.final):
        _keep(options, searcher, found)
    if options.json:
        print(json.dumps(_as_json(found)))
        return 0
    for result in found:
        print(f"{result.name}: {result.queries} queries")
        print(report.table(_rows(result)))
        if options.by:
            groups = getattr(result.systems[_HYBRID], f"by_{options.by}")
            print(f"{result.systems[_HYBRID].system} by {options.by}")
            print(report.table(groups))
        print(f"hybrid over the better half, nDCG@10: {_ahead(result):+.4f}")
    return 0


_HYBRID = 2  # its place among the systems, after the two halves


def _local(searcher: Searcher, judged: JudgedSet) -> list[systems.System]:
    return systems.local_systems(searcher, judged) + systems.ablations(searcher, judged)


def _corpus(options: argparse.Namespace) -> Path:
    beside = (options.data / "corpus.jsonl").is_file()
    return Path(options.corpus or (options.data if beside else "corpus"))


def _perturbed(judged: JudgedSet, kind: str) -> JudgedSet:
    return replace(judged, name=f"{judged.name}, {kind}", queries=perturb.perturb(judged.answerable, kind))


def _hybrid_last(result: SetResult) -> SetResult:
    """The result with the system in question where reports look for it."""
    before, hybrid, after = result.systems[:_HYBRID], result.systems[_HYBRID], result.systems[_HYBRID + 1 :]
    return replace(result, systems=(*before, *after, hybrid))


def _rows(result: SetResult) -> dict[str, dict[str, float]]:
    return {
        system.system: system.measures | {"p50, ms": statistics.median(system.milliseconds.values())}
        for system in result.systems
        if system.milliseconds
    }


def _ahead(result: SetResult) -> float:
    lexical, semantic, hybrid = (system.measures["nDCG@10"] for system in result.systems[:3])
    return hybrid - max(lexical, semantic)


def _as_json(found: list[SetResult]) -> dict[str, object]:
    def described(result: SetResult) -> dict[str, object]:
        return {
            "set": result.name,
            "queries": result.queries,
            "systems": _rows(result),
            "hybrid_ahead": _ahead(result),
        }

    first, *others = found
    return described(first) | ({"perturbed": [described(result) for result in others]} if others else {})


def _keep(options: argparse.Namespace, searcher: Searcher, found: list[SetResult]) -> None:
    """The report and, for the test split, the line in the log."""
    from evaluation import html_report

    inputs = searcher.artifact.manifest.inputs
    split = found[0].name.rpartition(", ")[2]
    provenance = experiment.provenance_of(
        settings={"ranking": asdict(searcher.ranking), "split": split},
        digests={result.name: digest(options.data, split) for result in found},
        corpus_digest=inputs.corpus_digest,
        model=inputs.model,
        fingerprint=inputs.model_fingerprint,
    )
    if options.final:
        final.append(options.data / "final.jsonl", provenance, found[0])
    if options.report:
        print(
            html_report.write_report(Results(provenance, tuple(map(_hybrid_last, found))), options.report),
            file=sys.stderr,
        )


def _compare(options: argparse.Namespace) -> int:
    judged = _judged(options)
    by_name = {system.name: system for system in _local(_open(_corpus(options), judged), judged)}
    if unknown := [name for name in (options.a, options.b) if name not in by_name]:
        raise JudgmentError(f"system {unknown[0]!r} is unknown; expected one of {', '.join(by_name)}; correct the name")
    taken = [runs.run(by_name[name], judged, Terminal().progress(name, "query")) for name in (options.a, options.b)]
    per_query = [experiment.measure_system(found, judged).per_query for found in taken]
    a, b = ({query_id: values[options.measure] for query_id, values in found.items()} for found in per_query)
    found = comparison.compare(a, b)
    changed = comparison.flips((taken[0], a), (taken[1], b), judged)
    if options.json:
        print(
            json.dumps({"comparison": asdict(found), "flips": [asdict(flip) for flip in changed]}, ensure_ascii=False)
        )
    else:
        print(comparison.as_text(found, changed, (options.a, options.b), options.measure))
    return 0


def _judge(options: argparse.Namespace) -> int:
    from evaluation.judging import app, files, pools, store

    judged = read_judged(JUDGED, options.split)
    searcher = _open(options.corpus, judged)
    ids = {query.query_id for query in judged.answerable}
    reasons = JUDGED / "reasons.tsv"
    options.store.parent.mkdir(parents=True, exist_ok=True)
    kept = store.Store(options.store)
    kept.import_judged(judged, files.read_reasons(reasons))
    if options.export:
        folder = options.export
        folder.mkdir(parents=True, exist_ok=True)
        number = files.export(
            kept.contents(), folder / f"{options.split}.tsv", folder / "reasons.tsv", folder / "nuggets.tsv", ids
        )
        print(f"{folder}: {number} judgments")
        return 0
    rankings = {
        system.name: runs.run(system, judged, Terminal().progress(system.name, "query")).rankings
        for system in _local(searcher, judged)
    }
    app.serve(
        app.create_judge_app(judged.answerable, pools.pool(rankings), searcher.sections, kept),
        options.port,
    )
    return 0


def _tune(options: argparse.Namespace) -> int:
    judged = read_judged(JUDGED, "tuning")
    searcher = _open(options.corpus, judged)
    found = tune.trials(searcher, judged, Terminal().progress("Tuning", "setting"))
    print(f"{judged.name}: {len(judged.answerable)} queries, {len(found)} settings; nDCG@10, then with its neighbours")
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
