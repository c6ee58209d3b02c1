"""From a folder of articles to an artifact, stage by stage."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from indexer import artifact, cores, generations, knowledge, late, memory, models, opening, probes, query_side, reuse
from indexer import calibration as calibrating
from indexer import source as sources
from indexer.articles import LeftOut, corpus_digest, corpus_form
from indexer.beside import made_beside
from indexer.clock import Clock
from indexer.encoder import Encoder, open_encoder, windows
from indexer.errors import ArtifactError
from indexer.lemmas import Lemmatizer
from indexer.lexical import Document, LexicalIndex, field_texts
from indexer.questions import QuestionIndex
from indexer.sections import Section
from indexer.sentences import SentenceIndex
from indexer.source import Reporter, Source
from indexer.stores.local import LocalStores
from indexer.stores.store import Stores
from indexer.vectors import VectorIndex
from indexer.wordlist import WordList, word_list


@dataclass(frozen=True, slots=True)
class Summary:
    """What a build did."""

    generation: str
    built: bool  # False: the index was up to date and nothing was done
    counts: dict[str, int]
    live: bool = True  # False: built, but not to be promoted
    seconds: dict[str, float] = field(default_factory=dict)  # stage -> seconds
    skipped: tuple[str, ...] = ()  # with --keep-going: findings of the files that were left out
    read: dict[str, int] = field(default_factory=dict)  # form of a file -> how many were read as it
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()  # of other people's files


def build(
    folder: Path,
    index: Path,
    *,
    reporter: Reporter,
    model_name: str = models.DEFAULT_MODEL,
    adapter: bool = True,
    keep_going: bool = False,
    force: bool = False,
    promote: bool = True,
    beside: bool = False,
    open_encoder: Callable[[models.Model], Encoder] = open_encoder,
    stores: Stores | None = None,
) -> Summary:
    """Builds the index of a folder of articles and makes it current; does nothing where it is up to date.

    The folder's adapter is added to the model where it has one that fits, unless `adapter` is False. Without `promote`
    the new generation waits beside the current one. Of `stores`, it is written to that of its own; so is one that is
    up to date and is not there. With `beside`, a large folder may be read in a process of its own, which imports the
    main module of this one (see multiprocessing's "spawn"); the reporter is sent there by pickling.

    Raises ArticleError, ModelError or ArtifactError; the index that was there stays then.
    """
    clock, stores = Clock(), stores or LocalStores()
    with memory.rarely_collected():
        with clock.stage("model"):
            model = models.resolve(model_name, reporter.say)
            if adapter:
                model = models.adapted(model, folder, reporter.say)
        calibration = calibrating.fitting(folder, model.fingerprint, reporter.say)
        if not force and (summary := _up_to_date(folder, index, model, calibration)):
            stores.write(index, summary.generation)
            stores.switch(summary.generation)
            return summary
        if model.adapter:
            reporter.say(f"{model.adapter.source} is added to the model at scale {model.adapter.card.scale}")
        opened = cache(clock.timed("model", open_encoder))
        lemmatizer = Lemmatizer()
        with clock.stage("reading"):
            # Where something is sure to be encoded, the model may be loaded before it is known what. One core alone
            # would have both to do, and another process to start.
            if beside and cores.usable() > 1 and sources.is_large(folder) and _has_new_text(folder, index, model):
                read = made_beside(partial(_read_alone, folder, keep_going, reporter), lambda: opened(model))
            else:
                read = _read(folder, keep_going, reporter, lemmatizer, clock)
        _tell_of_stale(calibration, read.source, reporter)
        with generations.locked(index), artifact.aside(index) as aside:
            made = _made(index, aside, model, opened, read, lemmatizer, reporter, clock)
            counts = _counts(read.source, made)
            with clock.stage("writing"):
                generation = _written(index, model, calibration, read, made, counts)
                _put_in_place(index, generation, promote, stores)
    return _summary(generation, read.source, counts, promote, clock.seconds)


def _up_to_date(folder: Path, index: Path, model: models.Model, calibration: str | None) -> Summary | None:
    try:
        current = artifact.current(index)
        manifest = artifact.verify(current)
    except ArtifactError:
        return None  # a missing or damaged index is what a build mends
    if not folder.is_dir():
        return None
    inputs = artifact.inputs_of(corpus_form(folder), corpus_digest(folder), model, calibration)
    return Summary(current.name, False, manifest.counts) if inputs == manifest.inputs else None


def _tell_of_stale(calibration: str | None, source: Source, reporter: Reporter) -> None:
    """Says so where the calibration was fitted to other texts."""
    folder = source.corpus.folder
    if calibration and calibrating.is_stale(folder, source.corpus.digest):
        reporter.say(
            f"{folder / calibrating.FILE} is stale, fitted to earlier texts; it is used; to renew it: "
            "python -m evaluation calibrate"
        )


@dataclass(frozen=True, slots=True)
class _Read:
    """What a folder holds, and its words."""

    source: Source
    documents: list[Document]
    words: WordList


def _read(folder: Path, keep_going: bool, reporter: Reporter, lemmatizer: Lemmatizer, clock: Clock) -> _Read:
    """Reads a folder and lemmatizes it. Raises ArticleError for mistakes."""
    source = sources.read(folder, keep_going, reporter)
    with clock.stage("lemmas"):
        progress = reporter.progress("Lemmas", "section")
        documents = _documents(source.sections, source.errors, lemmatizer.lemmas, progress)
        return _Read(source, documents, word_list(texts_of_words(source.sections, source.errors)))


def _read_alone(folder: Path, keep_going: bool, reporter: Reporter) -> _Read:
    """The same for a process of its own."""
    return _read(folder, keep_going, reporter, Lemmatizer(), Clock())


def _has_new_text(folder: Path, index: Path, model: models.Model) -> bool:
    """Whether something has to be encoded; no where that does not show before all is read."""
    known = late.texts_read(index, model)
    return known is None or any(
        reuse.digest_of(_whole(section)) not in known for section in sources.changed_last(folder)
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """What an index will hold of what was read. Row i of lexical index and vectors is section i."""

    lexical: LexicalIndex
    vectors: VectorIndex
    cuts: dict[str, list[str]]  # the windows of texts that are not read whole, by the hash of the text
    questions: QuestionIndex
    sentences: SentenceIndex
    side: query_side.QuerySide
    encoder: late.LateEncoder
    in_several_windows: int  # sections
    windows_encoded: int


def _made(
    index: Path,
    aside: Path,
    model: models.Model,
    opened: Callable[[models.Model], Encoder],
    read: _Read,
    lemmatizer: Lemmatizer,
    reporter: Reporter,
    clock: Clock,
) -> _Made:
    """Makes both halves of an index; what its current generation has is not encoded again.

    The query side is written below `aside`, and is there as long as that is.
    """
    sections = read.source.sections
    with clock.stage("lemmas"):
        lexical = LexicalIndex.build(read.documents)
    with clock.stage("known"):
        known = late.Known.of(index, model)
    encoder = late.LateEncoder(model, known.encoder, opened)
    with clock.stage("windows"):
        texts, rows, cuts = _passages(sections, encoder, known)
    with clock.stage("query side"), artifact.writing(index):
        side = _query_side(read, known, model, encoder, aside, reporter.say)
    with clock.stage("vectors"):
        move = reporter.progress("Encoding", "window")
        vectors, encoded = reuse.encoded(texts, known.windows, lambda new: encoder.encode_passages(new, move))
        asking = reporter.progress("Questions", "question")
        questions = QuestionIndex.build(
            read.source.questions, encoder, lemmatizer.lemmas, known.questions, asking, sections
        )
        sentences = SentenceIndex.build(sections, encoder, known.sentences, reporter.progress("Sentences", "sentence"))
    with clock.stage("query side"):
        side.compare(vectors)
        if side.folder is None:
            reporter.say(f"Queries are encoded by the model itself: {side.about['reason']}")
    with clock.stage("indexing"):
        vector_index = VectorIndex.build(vectors, rows, [reuse.digest_of(text) for text in texts])
    several = int((np.bincount(rows, minlength=1) > 1).sum())
    return _Made(lexical, vector_index, cuts, questions, sentences, side, encoder, several, encoded)


def _query_side(
    read: _Read,
    known: late.Known,
    model: models.Model,
    encoder: late.LateEncoder,
    aside: Path,
    say: Callable[[str], None],
) -> query_side.QuerySide:
    """What answers queries, for the words of the help; what people may ask is what they asked, else the headings."""
    sections = read.source.sections
    queries = [question.line for question in read.source.questions] or [
        heading_path(section) or section.text for section in sections
    ]
    words_of = (text for section in sections for text in (section.text, *section.headings))
    return query_side.prepare(
        known,
        model,
        encoder,
        aside,
        english=read.words.english,
        texts=(*words_of, *queries),
        queries=queries,
        say=say,
    )


def _counts(source: Source, made: _Made) -> dict[str, int]:
    """How much an index holds, in the order in which it is told, and how much of it was encoded so far."""
    return {
        "articles": len(source.articles),
        "sections": len(source.sections),
        "steps": sum(len(section.steps) for section in source.sections),
        "windows": made.vectors.windows,
        "sections_in_several_windows": made.in_several_windows,
        "windows_encoded": made.windows_encoded,
        "texts_encoded": made.encoder.texts_encoded,
        "tokens_encoded": made.encoder.tokens_encoded,
        "lemmas": len(made.lexical.vocabulary),
        "questions": len(source.questions),
        "sentences": len(made.sentences.sentences),
    }


def _written(
    index: Path, model: models.Model, calibration: str | None, read: _Read, made: _Made, counts: Mapping[str, int]
) -> str:
    """Writes what was made as a new generation and gives its id. Raises ArtifactError where it cannot be used."""
    source, encoder = read.source, made.encoder
    return artifact.write(
        index,
        inputs=artifact.inputs_of(source.corpus.form, source.corpus.digest, model, calibration),
        encoder={
            "dimension": encoder.dimension,
            "maximum_tokens": encoder.maximum_tokens,
            **encoder.settings(),
        },
        # How many were encoded depends on what was there before.
        counts={name: number for name, number in counts.items() if not name.endswith("_encoded")},
        articles=source.articles,
        sections=source.sections,
        lexical=made.lexical,
        vectors=made.vectors,
        cuts=made.cuts,
        words=read.words,
        questions=made.questions,
        sentences=made.sentences,
        corpus=source.corpus.folder,
        query_side=made.side.about,
        query_folder=made.side.folder,
        adapter=model.adapter,
        check=lambda loaded: _probe(loaded, encoder),
    )


def _summary(generation: str, source: Source, counts: dict[str, int], live: bool, seconds: dict[str, float]) -> Summary:
    corpus = source.corpus
    warnings = [finding for finding in corpus.findings if not finding.is_error] if corpus.form == "folder" else []
    return Summary(
        generation=generation,
        built=True,
        counts=counts,
        live=live,
        seconds=seconds,
        skipped=tuple(map(str, source.skipped)),
        read=corpus.read,
        left_out=corpus.left_out,
        warnings=tuple(map(str, warnings)),
    )


def _put_in_place(index: Path, generation: str, promote: bool, stores: Stores) -> None:
    """Writes a generation into its store, makes it current if that is wanted, and removes what is too old."""
    with _or_removed(index, generation):
        stores.write(index, generation)
        if promote:
            generations.go_live(index, generation, "none", stores.switch, "build again")
    # What could not be removed is tried again by the next build or gc.
    with contextlib.suppress(OSError, ArtifactError):
        generations.remove_old(index)
        stores.keep(artifact.list_generations(index))


def _probe(loaded: artifact.Artifact, encoder: late.LateEncoder) -> None:
    """Asks the new generation what a server would; a model that nothing else needed is not opened for it."""
    if loaded.query_side:
        probes.probe(loaded, opening.open_encoder(loaded))
    else:
        probes.probe(loaded, encoder if encoder.is_open else None)


@contextmanager
def _or_removed(index: Path, generation: str) -> Iterator[None]:
    """Removes a generation that cannot be used: else it would take the place of one to go back to."""
    try:
        yield
    except ArtifactError:
        shutil.rmtree(index / "generations" / generation, ignore_errors=True)
        raise


def texts_of_words(sections: Sequence[Section], errors: knowledge.KnownErrors) -> Iterator[str]:
    """Every text that a query may use words of."""
    for section in sections:
        yield from section.headings[-1:]
        yield from section.keywords
        yield section.text
    yield from (error.text for error in errors.error)


def lexical_index(
    sections: Sequence[Section],
    errors: knowledge.KnownErrors,
    terms: Callable[[str], list[str]],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LexicalIndex:
    """The lexical half over the terms (lemmas, or what an evaluation puts in their place) of each field."""
    return LexicalIndex.build(_documents(sections, errors, terms, progress))


def _documents(
    sections: Sequence[Section],
    errors: knowledge.KnownErrors,
    terms: Callable[[str], list[str]],
    progress: Callable[[int, int], None],
) -> list[Document]:
    texts_of: dict[str, list[str]] = {}
    for error in errors.error:
        texts_of.setdefault(error.section, []).append(error.text)
    documents = []
    for done, section in enumerate(sections, start=1):
        texts = field_texts(section, texts_of.get(section.section_id, ()))
        documents.append({name: terms(text) for name, text in texts.items()})
        progress(done, len(sections))
    return documents


def heading_path(section: Section) -> str:
    """The headings from the article's title down, as the model reads them before the section's text."""
    return " › ".join(section.headings)


def _whole(section: Section) -> str:
    """What the model reads of a section where it can read all of it."""
    return "\n".join(part for part in (heading_path(section), section.text) if part)


def passages(sections: Sequence[Section], encoder: Encoder) -> tuple[list[str], list[int]]:
    """The texts to encode, one a section or one a window of a long one, and for each the row of its section."""
    texts, rows, _ = _passages(sections, encoder, late.Known())
    return texts, rows


def _passages(
    sections: Sequence[Section], encoder: Encoder, known: late.Known
) -> tuple[list[str], list[int], dict[str, list[str]]]:
    """The same, and the windows of each section that is not read whole, by the hash of its text."""
    wholes = [_whole(section) for section in sections]
    digests = [reuse.digest_of(whole) for whole in wholes]
    new = [row for row, digest in enumerate(digests) if digest not in known.fits and digest not in known.cuts]
    tokens = dict(zip(new, encoder.count_tokens([wholes[row] for row in new]), strict=True))
    texts: list[str] = []
    rows: list[int] = []
    cuts: dict[str, list[str]] = {}
    for row, (section, whole, digest) in enumerate(zip(sections, wholes, digests, strict=True)):
        cut = [whole]
        if digest in known.cuts:
            cuts[digest] = cut = list(known.cuts[digest])
        elif tokens.get(row, 0) > encoder.maximum_tokens:
            cuts[digest] = cut = windows(section.text, heading_path(section), encoder)
        texts += cut
        rows += [row] * len(cut)
    return texts, rows, cuts
