"""What several commands begin with: judged queries, and the index of the corpus that they are about."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from evaluation import experiment, perturb, systems
from evaluation.judgments import JudgedSet, JudgmentError, read_judged
from evaluation.results import Provenance
from indexer.terminal import Terminal
from server.search import Searcher

JUDGED = Path(__file__).parents[1] / "judged"  # our own queries
PERTURBATIONS = ("all", "none", *perturb.KINDS)
XQUAD = Path("build/xquad-ru")  # where convert-xquad puts rus-XQuAD


def command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """The parser of a new command, to which its options are added."""
    sub = commands.add_parser(name, help=text, description=text)
    sub.set_defaults(run=run)
    return sub


def judged_set(data: Path, split: str | None, is_final: bool = False) -> JudgedSet:
    """The set that a command names (of our own, tuning); our own test split only where what comes out is logged."""
    own = data.resolve() == JUDGED.resolve()
    judged = read_judged(data, split or ("tuning" if own else None))
    if own and judged.name.endswith(", test") and not is_final:
        raise JudgmentError(
            f"{judged.name}: is not for development; expected --split tuning; `run --final` measures and logs it"
        )
    return judged


def corpus_of(data: Path, named: Path | None) -> Path:
    """The corpus that is named, else the one beside the queries, else ours."""
    return named or (data if (data / "corpus.jsonl").is_file() else Path("corpus"))


def open_searcher(corpus: Path, judged: JudgedSet) -> Searcher:
    """The searcher over a corpus. Raises JudgmentError where it lacks a judged section or article."""
    searcher = systems.open_searcher(corpus, Terminal())
    require_known(searcher, judged, corpus)
    return searcher


def with_copies(judged: JudgedSet, perturbations: Sequence[str]) -> Iterator[JudgedSet]:
    """The set, then its perturbed copies, each of the queries that its kind can change."""
    yield judged
    kinds = perturb.KINDS if "all" in perturbations else [kind for kind in perturbations if kind != "none"]
    for kind in kinds:
        if queries := perturb.perturb(judged.answerable, kind):
            yield replace(judged, name=f"{judged.name}, {kind}", queries=queries)


def provenance_of(searcher: Searcher, set_name: str, digests: Mapping[str, str]) -> Provenance:
    """Where results over an index come from; `digests` maps the names of the sets to theirs."""
    inputs = searcher.artifact.manifest.inputs
    return experiment.provenance_of(
        settings={"ranking": asdict(searcher.ranking), "split": set_name.rpartition(", ")[2]},
        digests=digests,
        corpus_digest=inputs.corpus_digest,
        model=inputs.model,
        fingerprint=inputs.model_fingerprint,
    )


def published(corpus: Path, searcher: Searcher) -> Searcher | None:
    """The searcher over the same corpus with the model as published; None where the corpus has no adapter."""
    return systems.open_searcher(corpus, Terminal(), adapter=False) if searcher.artifact.adapter else None


def require_known(searcher: Searcher, judged: JudgedSet, place: Path) -> None:
    """Raises JudgmentError where the index of that place lacks a judged section or article."""
    if missing := systems.unknown_ids(searcher, judged):
        raise JudgmentError(
            f"{judged.name}: judged {missing[0]} is not in {place}; expected every judged id there; "
            "correct the judgment or name the right corpus"
        )
