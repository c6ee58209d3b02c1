"""From a corpus to its adapter, stage by stage: pairs, negatives, training, scale, folder."""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from random import Random

import platformdirs

from indexer import knowledge, models
from indexer.adaptation import pairs as pairing
from indexer.adaptation import scale as scaling
from indexer.adaptation.adapter import Adapter, Card, write_adapter
from indexer.adaptation.augmentation import Augmentation
from indexer.adaptation.batches import Group, plan
from indexer.adaptation.curve import curve_of, measured
from indexer.adaptation.negatives import Neighbours, hard_negatives, neighbours_of
from indexer.adaptation.pairs import Pair
from indexer.adaptation.scale import Encode, Point, Tuning
from indexer.adaptation.training import Batch, Settings, require_device, require_peft, train
from indexer.articles import read_articles
from indexer.build import lexical_index
from indexer.errors import ArticleError
from indexer.lemmas import Lemmatizer
from indexer.models import Model
from indexer.sections import Section, split_article
from indexer.source import Reporter

FEWEST_SECTIONS = 20  # fewer give too few wrong answers to tell the right one from

_HELD_OUT = 0.1  # of the pairs, where there are no judged queries
_MOST_HELD_OUT = 200

_PACKAGES = ("peft", "sentence-transformers", "torch", "transformers")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an adaptation did."""

    adapter: Adapter | None  # None: no scale was better than the published model, and nothing was written
    curve: tuple[Point, ...]
    source: str  # what the curve was measured on
    sections: int
    pairs: int
    steps: int


def adapt(
    folder: Path,
    out: Path,
    *,
    reporter: Reporter,
    settings: Settings,
    model_name: str = models.DEFAULT_MODEL,
    device: str = "cpu",
    tuning: Path | None = None,
    fresh: bool = False,
) -> Outcome:
    """Trains the adapter of a corpus and writes it to `out`; a training that was stopped goes on where it was.

    Raises ArticleError for a corpus or judgments that will not do, ModelError for the model, PEFT or the device.
    """
    require_peft()
    require_device(device)
    judged = scaling.read_tuning(tuning) if tuning else None
    corpus = read_articles(folder)
    sections = [section for article in corpus.articles for section in split_article(article)]
    if len(sections) < FEWEST_SECTIONS:
        raise ArticleError(
            f"{folder}: {len(sections)} sections; expected {FEWEST_SECTIONS} or more, since each is learnt against the "
            "others; use the model as published until the help has grown"
        )
    model = models.resolve(model_name, reporter.say)
    lessons = _lessons(folder, sections, settings, reporter, holds_out=not judged)
    pairs, steps = len(lessons.pairs), len(lessons.batches)
    reporter.say(f"{len(sections)} sections, {pairs} pairs, {steps} steps on {device}")
    work = _work_folder(model, settings, lessons.batches)
    if fresh:
        shutil.rmtree(work, ignore_errors=True)
    weights = train(model, lessons.batches, settings, work, device, _losses(reporter, steps))
    card = _card(model_name, model, settings, corpus.digest, lessons)
    source = f"{tuning.name}, tuning" if tuning else "pairs kept out of training"
    figures = _figures(judged, lessons, sections)
    curve = curve_of(model, Adapter(card, weights, str(out)), device, figures, reporter)
    best = scaling.chosen(curve) if judged else next(point for point in curve if point.scale == scaling.WITHOUT_TUNING)
    written = write_adapter(out, _told(card, curve, best, source), weights) if best else None
    shutil.rmtree(work, ignore_errors=True)
    return Outcome(written, tuple(curve), source, len(sections), pairs, steps)


@dataclass(frozen=True, slots=True)
class _Lessons:
    """What is learnt from a help, and what is kept out to measure by."""

    pairs: list[Pair]
    batches: list[Batch]  # of these pairs, a step each
    held_out: list[Pair]
    neighbours: Neighbours


def _lessons(
    folder: Path, sections: Sequence[Section], settings: Settings, reporter: Reporter, *, holds_out: bool
) -> _Lessons:
    """The lessons of the sections of a folder. Raises ArticleError where they are too much alike to learn from."""
    random = Random(settings.seed)  # noqa: S311 -- no secret
    errors = knowledge.read(folder, "errors.toml", knowledge.KnownErrors) or knowledge.KnownErrors()
    found = pairing.limited(pairing.pairs_of(sections, errors), settings.max_pairs, random, settings.anchors)
    pairs, held_out = _split(found, random) if holds_out else (list(found), [])
    lemmatizer = Lemmatizer()
    neighbours = neighbours_of(sections, lemmatizer)
    lexical = lexical_index(sections, errors, lemmatizer.lemmas, reporter.progress("Lemmas", "section"))
    hard = hard_negatives(pairs, sections, lexical, lemmatizer, neighbours)
    synonyms = knowledge.read(folder, "synonyms.toml", knowledge.Synonyms) or knowledge.Synonyms()
    batches = _batches(pairs, sections, settings, random, neighbours, hard, Augmentation(synonyms, lemmatizer))
    if not batches:
        raise ArticleError(
            f"{folder}: {len(sections)} sections, too many of them alike; expected sections that differ, since each is "
            "learnt against the others; leave out copies of the same text"
        )
    return _Lessons(pairs, batches, held_out, neighbours)


def _figures(
    judged: Tuning | None, lessons: _Lessons, sections: Sequence[Section]
) -> Callable[[Encode], tuple[float, float | None]]:
    """What measures a model: on the judged queries where there are any, else on the pairs kept out of training."""

    def figures(encode: Encode) -> tuple[float, float | None]:
        if judged:
            return scaling.judged_figures(encode, judged, measured(sections, judged.judged))
        some = {pair.section_id for pair in lessons.held_out}
        return scaling.held_out_figures(encode, lessons.held_out, measured(sections, some), lessons.neighbours.kin)

    return figures


def _card(model_name: str, model: Model, settings: Settings, corpus_digest: str, lessons: _Lessons) -> Card:
    """The card of what was trained, before its scale is chosen."""
    return Card(
        base_model=model_name,
        base_fingerprint=model.fingerprint,
        scale=scaling.WITHOUT_TUNING,
        rank=settings.rank,
        corpus_digest=corpus_digest,
        data_digest=pairing.digest(lessons.pairs),
        seed=settings.seed,
        settings=asdict(settings) | {"pairs": len(lessons.pairs), "steps": len(lessons.batches)},
        figures={},
        curve=[],
        versions={name: version(name) for name in _PACKAGES},
    )


def _split(pairs: Sequence[Pair], random: Random) -> tuple[list[Pair], list[Pair]]:
    """The pairs to train on, and those kept out; headings all stay, being few."""
    able = [place for place, pair in enumerate(pairs) if pair.kind not in {"title", "heading"}]
    out = set(pairing.shuffled(able, random)[: max(1, min(_MOST_HELD_OUT, int(_HELD_OUT * len(pairs))))])
    return [pair for place, pair in enumerate(pairs) if place not in out], [pairs[place] for place in sorted(out)]


def _batches(
    pairs: Sequence[Pair],
    sections: Sequence[Section],
    settings: Settings,
    random: Random,
    neighbours: Neighbours,
    hard: Sequence[Sequence[str]],
    augmented: Augmentation,
) -> list[Batch]:
    """The texts of every step. A batch has at most a third of the sections, so that it can be filled without kin."""
    by_id = {section.section_id: section for section in sections}
    size = max(2, min(settings.batch_size, len({pair.section_id for pair in pairs}) // 3))
    planned = plan(
        pairs,
        size=size,
        anchors=settings.anchors,
        epochs=settings.epochs,
        random=random,
        kin=neighbours.kin,
        hard=hard,
        hard_share=settings.hard_share,
    )

    def texts(group: Group) -> tuple[str, list[str]]:
        own = [pairs[place] for place in group.places]
        anchors = [augmented(pair.anchor, random, exact=pair.kind == "error") for pair in own]
        return pairing.passage(by_id[group.section_id], own), anchors

    return [[texts(group) for group in batch] for batch in planned]


def _work_folder(model: Model, settings: Settings, batches: Sequence[Batch]) -> Path:
    """Where the checkpoints of this very training lie, in the user's cache."""
    digest = hashlib.sha256(repr((model.fingerprint, settings, batches)).encode()).hexdigest()
    return Path(platformdirs.user_cache_dir("spravka")) / "adapt" / digest[:16]


def _losses(reporter: Reporter, steps: int) -> Callable[[int, int, float], None]:
    move = reporter.progress("Training", "step")
    told = 0

    def progress(done: int, total: int, loss: float) -> None:
        nonlocal told
        move(done, total)
        if done * 10 // total > told:
            told = done * 10 // total
            reporter.say(f"step {done} of {total}: loss {loss:.3f}")

    return progress


def _told(card: Card, curve: Sequence[Point], best: Point, source: str) -> Card:
    """The card with the scale and the figures it was chosen by."""

    def figures(point: Point) -> dict[str, object]:
        return {"nDCG@10": round(point.ndcg, 4), "AUROC": None if point.auroc is None else round(point.auroc, 4)}

    return replace(
        card,
        scale=best.scale,
        figures={"before": {"on": source} | figures(curve[0]), "after": {"on": source} | figures(best)},
        curve=[{"scale": point.scale} | figures(point) for point in curve],
    )
