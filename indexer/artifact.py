"""The index on disk: written aside, verified, then switched to; loaded whole or refused with what to do.

index/current -> generations/<id>      see generations.py
index/generations/<id>/manifest.json    written last: what it was made from and with, checksums
                       articles.jsonl, sections.jsonl
                       vocabulary, lexical/, words.tsv
                       vectors.faiss, vectors.windows.tsv
                       cuts.json                        windows of long texts by their hash, for the next build
                       topics.toml, errors.toml, ...    what the content editor owns, as it was
                       questions/                       what people asked, what it is found by, which steps answer it
                       sentences/                       what may be quoted as an answer, with vectors of its own
                       relevance.json                   how sure an answer is, where that was fitted to the corpus
                       encoder/                         what encodes queries without PyTorch, where the model allows it
                       adapter/                         what was added to the model's weights, where there was one
"""

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from indexer import knowledge, lemmas
from indexer.adaptation.adapter import FOLDER as ADAPTER
from indexer.adaptation.adapter import Adapter, read_adapter
from indexer.articles import Article
from indexer.calibration import FILE as CALIBRATION
from indexer.calibration import Calibration, read_calibration
from indexer.errors import ArtifactError, ModelError
from indexer.lexical import SETTINGS, LexicalIndex
from indexer.models import Model
from indexer.query_encoder import FOLDER as QUERY_SIDE
from indexer.questions import FOLDER as ASKED
from indexer.questions import QuestionIndex
from indexer.sections import Section
from indexer.sentences import FOLDER as SENTENCES
from indexer.sentences import SentenceIndex
from indexer.vectors import VectorIndex
from indexer.wordlist import WordList

CUTS = "cuts.json"
STAMP = "%Y-%m-%dT%H-%M-%S-%f"  # the id of a generation begins with when it was made, UTC
FORMAT = 13  # of the artifact; a server reads exactly its own. Raised with calibration.FEATURES_VERSION, too

_REBUILD = "rebuild it: python -m indexer build corpus --out index"
_GENERATION = re.compile(r"[0-9T-]+-([0-9a-f]{8})")  # the end is of the manifest's SHA-256

Noun = TypeVar("Noun")


@dataclass(frozen=True, slots=True)
class ArticleHead:
    """What is known of an article beside its sections."""

    article_id: str
    title: str
    topic: str
    order: int
    platforms: tuple[str, ...]
    audiences: tuple[str, ...]
    updated: str
    related: tuple[str, ...]
    featured: tuple[str, ...]
    aliases: tuple[str, ...]
    internal: bool = False

    @classmethod
    def of(cls, article: Article) -> "ArticleHead":
        """The head of an article."""
        return cls(**{name: getattr(article, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class AdapterUsed:
    """The adapter that an artifact was made with."""

    base_model: str
    base_fingerprint: str
    digest: str  # of the weights
    scale: float


@dataclass(frozen=True, slots=True)
class Inputs:
    """What decides an artifact: the same inputs give the same artifact."""

    format: int
    code: str  # digest of the indexer's own modules: another reader may make other sections of the same text
    corpus_form: str
    corpus_digest: str
    model: str  # "+adapter" after its name where it has one
    model_fingerprint: str  # covers the adapter
    adapter: AdapterUsed | None
    calibration: str | None  # digest of the corpus's relevance.json, where it fits
    lemmatizer: dict[str, str]  # package -> version
    lexical: dict[str, object]  # fields and constants of BM25


@dataclass(frozen=True, slots=True)
class Manifest:
    """The artifact's description of itself."""

    inputs: Inputs
    encoder: dict[str, object]  # dimension, maximum_tokens, prompts, dtype
    counts: dict[str, int]
    query_side: dict[str, object]  # what encodes queries: the card of the exported encoder, or why there is none
    vectors: str  # "flat" or "ivfpq"
    checksums: dict[str, str]  # file -> SHA-256


@dataclass(frozen=True, slots=True)
class Artifact:
    """An index in memory. Row i of sections, lexical index and vectors is the same section."""

    generation: str
    manifest: Manifest
    articles: tuple[ArticleHead, ...]
    sections: tuple[Section, ...]
    lexical: LexicalIndex
    vectors: VectorIndex
    topics: knowledge.Topics
    words: WordList
    errors: knowledge.KnownErrors
    synonyms: knowledge.Synonyms
    support: knowledge.Support | None
    questions: QuestionIndex
    sentences: SentenceIndex
    query_side: Path | None = None  # the folder of the exported query encoder, where there is one
    adapter: Adapter | None = None  # of the model
    calibration: Calibration | None = None


def inputs_of(corpus_form: str, corpus_digest: str, model: Model, calibration: str | None = None) -> Inputs:
    """The inputs of a build that would run now."""
    return Inputs(
        format=FORMAT,
        code=code_digest(),
        corpus_form=corpus_form,
        corpus_digest=corpus_digest,
        model=model.name,
        model_fingerprint=model.fingerprint,
        adapter=_used(model),
        calibration=calibration,
        lemmatizer=lemmas.versions(),
        lexical=SETTINGS,
    )


def _used(model: Model) -> AdapterUsed | None:
    if not (model.base and model.adapter):
        return None
    card = model.adapter.card
    return AdapterUsed(model.base.name, model.base.fingerprint, card.weights_digest, card.scale)


@cache
def code_digest() -> str:
    """SHA-256 of the indexer's own modules, hexadecimal."""
    folder = Path(__file__).parent
    modules = sorted(folder.rglob("*.py"))
    return hashlib.sha256(b"\0".join(module.read_bytes() for module in modules)).hexdigest()


@contextlib.contextmanager
def writing(place: Path, then: str = "build again") -> Iterator[None]:
    """Raises ArtifactError where something in it cannot be written; `then` ends what to do."""
    try:
        yield
    # faiss reports a failed write as RuntimeError.
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[-1]
        raise ArtifactError(
            f"{place}: cannot be written ({why}); the index that was there is unchanged; "
            f"free space or mend the rights, then {then}"
        ) from error


@contextlib.contextmanager
def aside(index: Path) -> Iterator[Path]:
    """A folder beside the generations of an index, gone afterwards. Raises ArtifactError where there can be none."""
    with writing(index):
        generations = index / "generations"
        generations.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".building-", dir=generations))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(
    index: Path,
    *,
    inputs: Inputs,
    encoder: Mapping[str, object],
    counts: Mapping[str, int],
    articles: Sequence[Article],
    sections: Sequence[Section],
    lexical: LexicalIndex,
    vectors: VectorIndex,
    cuts: Mapping[str, Sequence[str]],
    words: WordList,
    questions: QuestionIndex,
    sentences: SentenceIndex,
    corpus: Path,
    query_side: Mapping[str, object],
    query_folder: Path | None = None,
    adapter: Adapter | None = None,
    check: Callable[["Artifact"], object],
) -> str:
    """Writes a new generation, whole or not at all, and gives its id; it is not yet the current one.

    It gets its name after every checksum was compared and it was loaded and given to `check`.

    Raises ArtifactError where one of that fails.
    """
    generations = index / "generations"
    with aside(index) as folder:
        with writing(folder):
            folder.chmod(0o755)
            _write_lines(folder / "articles.jsonl", map(ArticleHead.of, articles))
            _write_lines(folder / "sections.jsonl", sections)
            lexical.save(folder / "lexical")
            vectors.save(folder / "vectors.faiss")
            (folder / CUTS).write_text(json.dumps(cuts, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
            words.save(folder)
            questions.save(folder / ASKED)
            sentences.save(folder / SENTENCES)
            for name in knowledge.FILES:
                if (corpus / name).is_file():
                    shutil.copyfile(corpus / name, folder / name)
            if inputs.calibration:
                shutil.copyfile(corpus / CALIBRATION, folder / CALIBRATION)
            if adapter:
                (folder / ADAPTER).mkdir()
                for name, content in adapter.files().items():
                    (folder / ADAPTER / name).write_bytes(content)
            if query_folder:
                shutil.copytree(query_folder, folder / QUERY_SIDE)
            sums = _checksums(folder)
            manifest = Manifest(inputs, dict(encoder), dict(counts), dict(query_side), vectors.kind, sums)
            text = json.dumps(asdict(manifest), ensure_ascii=False, indent=2, sort_keys=True)
            (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
        check(load_folder(folder))
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        generation = f"{datetime.now(UTC):{STAMP}}-{digest}"
        with writing(generations / generation):
            folder.replace(generations / generation)
    return generation


def list_generations(index: Path) -> list[str]:
    """The ids of the generations on disk, oldest first."""
    folder = index / "generations"
    return sorted(path.name for path in folder.glob("[0-9]*") if path.is_dir()) if folder.is_dir() else []


def require_index(index: Path) -> None:
    """Raises ArtifactError where there is nothing at all."""
    if not index.exists():
        raise ArtifactError(
            f"{index}: no such index; expected the folder of an index; build it: "
            f"python -m indexer build corpus --out {index}"
        )


def current(index: Path) -> Path:
    """The folder of the current generation. Raises ArtifactError where there is none."""
    require_index(index)
    folder = index / "current"
    if not (folder / "manifest.json").is_file():
        raise ArtifactError(f"{folder}: no manifest.json in it; expected a finished generation; {_REBUILD}")
    return folder.resolve()


def folder_of(index: Path, generation: str | None = None) -> Path:
    """The folder of a generation, of the current one without an id. Raises ArtifactError where there is none."""
    if generation is None:
        return current(index)
    there = list_generations(index)
    if generation not in there:
        raise ArtifactError(
            f"{index / 'generations' / generation}: no such generation; expected one of {', '.join(there) or 'none'}; "
            f"see: python -m indexer list --index {index}"
        )
    return (index / "generations" / generation).resolve()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a generation. Raises ArtifactError where it is damaged or of another format."""
    path = folder / "manifest.json"
    try:
        content = json.loads(path.read_bytes())
        found = content["inputs"]["format"]
        if found != FORMAT:
            raise ArtifactError(f"{path}: format {found}, this version reads {FORMAT}; {_REBUILD}")
        return TypeAdapter(Manifest).validate_python(content)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{path}: unreadable ({type(error).__name__}); expected the manifest of an index; {_REBUILD}"
        ) from error


def verify(folder: Path) -> Manifest:
    """The manifest, after every file's checksum was compared with it. Raises ArtifactError at the first difference."""
    manifest = read_manifest(folder)
    found = _checksums(folder)
    for name, expected in manifest.checksums.items():
        if name not in found:
            raise ArtifactError(f"{folder / name}: missing; the manifest names it; {_REBUILD}")
        if found[name] != expected:
            raise ArtifactError(
                f"{folder / name}: checksum differs from the manifest, the file was changed or damaged; {_REBUILD}"
            )
    for name in found.keys() - manifest.checksums.keys():  # an encoder that is there would be used
        raise ArtifactError(
            f"{folder / name}: the manifest does not name it; expected the files of the build alone; "
            f"remove it, or {_REBUILD}"
        )
    return manifest


def _require_own_manifest(folder: Path) -> None:
    """Raises ArtifactError where a generation's manifest is another than its name says."""
    digest = _GENERATION.fullmatch(folder.name)
    text = (folder / "manifest.json").read_bytes().removesuffix(b"\n")
    if digest and hashlib.sha256(text).hexdigest()[:8] != digest[1]:
        raise ArtifactError(
            f"{folder / 'manifest.json'}: changed since it was written; expected the one whose SHA-256 begins with "
            f"{digest[1]}; {_REBUILD}"
        )


def load(index: Path, generation: str | None = None) -> Artifact:
    """A generation, the current one without an id, verified.

    Raises ArtifactError where it is missing, damaged or does not fit what is installed.
    """
    return load_folder(folder_of(index, generation))


def load_folder(folder: Path) -> Artifact:
    """The generation in a folder, verified. Raises ArtifactError as `load` does."""
    manifest = verify(folder)
    try:
        return _load_verified(folder, manifest)
    except (ArtifactError, ModelError):
        raise
    except Exception as error:  # whatever a library raises at a file of another form, such as numpy a TokenError
        raise ArtifactError(
            f"{folder}: unreadable ({type(error).__name__}: {error}); expected the files of a build; {_REBUILD}"
        ) from error


def _load_verified(folder: Path, manifest: Manifest) -> Artifact:
    installed = lemmas.versions()
    for name, version in manifest.inputs.lemmatizer.items():
        if installed.get(name) != version:
            raise ArtifactError(
                f"{folder}: made with {name} {version}, {installed.get(name)} is installed, and other versions give "
                f"other lemmas; install {name}=={version}, or {_REBUILD}"
            )
    articles = _read_lines(folder / "articles.jsonl", ArticleHead)
    sections = _read_lines(folder / "sections.jsonl", Section)
    lexical = LexicalIndex.load(folder / "lexical")
    vectors = VectorIndex.load(folder / "vectors.faiss")
    if (count := manifest.counts.get("sections", len(sections))) != len(sections):
        raise ArtifactError(f"{folder}: {len(sections)} sections, the manifest counts {count}; {_REBUILD}")
    if not len(sections) == len(lexical) == len(vectors):
        raise ArtifactError(
            f"{folder}: {len(sections)} sections, {len(lexical)} in the lexical index, "
            f"{len(vectors)} with vectors; {_REBUILD}"
        )
    try:
        adapter = read_adapter(folder / ADAPTER) if manifest.inputs.adapter else None
    except ModelError as error:
        raise ArtifactError(
            f"{folder / ADAPTER}: unreadable; expected the adapter that the manifest names; {_REBUILD}"
        ) from error
    _require_own_manifest(folder)  # last: of a faulty build, all above tells more
    calibrated = read_calibration(folder) if manifest.inputs.calibration else None
    return Artifact(
        generation=folder.name,
        manifest=manifest,
        articles=articles,
        sections=sections,
        lexical=lexical,
        vectors=vectors,
        topics=knowledge.read(folder, "topics.toml", knowledge.Topics) or knowledge.Topics(topic=()),
        words=WordList.load(folder),
        errors=knowledge.read(folder, "errors.toml", knowledge.KnownErrors) or knowledge.KnownErrors(),
        synonyms=knowledge.read(folder, "synonyms.toml", knowledge.Synonyms) or knowledge.Synonyms(),
        support=knowledge.read(folder, "support.toml", knowledge.Support),
        questions=QuestionIndex.load(folder / ASKED, vectors.dimension),
        sentences=SentenceIndex.load(folder / SENTENCES),
        query_side=folder / QUERY_SIDE if has_query_side(folder) else None,
        adapter=adapter,
        calibration=calibrated[0] if calibrated else None,
    )


def has_query_side(folder: Path) -> bool:
    """Whether a generation encodes queries without the model itself."""
    return (folder / QUERY_SIDE).is_dir()


def read_sections(folder: Path) -> tuple[Section, ...]:
    """The sections of a generation. Raises ArtifactError where the file is damaged."""
    return _read_lines(folder / "sections.jsonl", Section)


def _write_lines(path: Path, nouns: Iterable[object]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for noun in nouns:
            file.write(json.dumps(asdict(noun), ensure_ascii=False) + "\n")  # type: ignore[call-overload]


def _read_lines(path: Path, kind: type[Noun]) -> tuple[Noun, ...]:
    adapter = TypeAdapter(kind)
    try:
        with path.open("rb") as file:
            return tuple(adapter.validate_json(line) for line in file)
    except (OSError, ValidationError) as error:
        raise ArtifactError(f"{path}: unreadable ({type(error).__name__}); {_REBUILD}") from error


def _checksums(folder: Path) -> dict[str, str]:
    sums = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            try:
                with path.open("rb") as file:
                    sums[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise ArtifactError(
                    f"{path}: cannot be read ({error.strerror}); mend its rights, or {_REBUILD}"
                ) from error
    return sums
