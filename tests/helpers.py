"""What several tests need: a small encoder, a quiet reporter, a build without a model, tables of language cases."""

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import numpy as np
import pytest

from evaluation.experiment import measure_system
from evaluation.judgments import JudgedSet
from evaluation.runs import NAMES, Run
from indexer import models
from indexer.build import Summary, build
from indexer.calibration import FEATURES_VERSION, Calibration, Term
from indexer.encoder import Progress, Vectors
from indexer.lemmas import Lemmatizer
from indexer.words import words
from server.relevance import Gauge

TESTS = Path(__file__).parent
CORPUS = TESTS / "corpus"
DATA = TESTS / "data"

Input = TypeVar("Input")

FRONT_MATTER = "---\ntitle: Проба\ntopic: start\nupdated: 2026-11-22\n---\n"  # five lines: a body begins in line 6


@cache
def lemmatizer() -> Lemmatizer:
    """One for all tests: the dictionary takes a tenth of a second to open."""
    return Lemmatizer()


class HashEncoder:
    """Signed feature hashing of lemmas: texts that share words are near, and nothing has to be learnt or unpacked.

    A text without words, or whose lemmas cancel out, gives zeros, as SentenceEncoder's does.
    """

    name = "hash"
    fingerprint = hashlib.sha256(b"hash of lemmas, 64").hexdigest()
    dimension = 64
    maximum_tokens = 128

    def __init__(self) -> None:
        self.encoded: list[str] = []  # every passage, in the order in which they were asked for
        self.tokens_encoded = 0

    def encode_passages(self, passages: Sequence[str], progress: Progress | None = None) -> Vectors:
        self.encoded += passages
        self.tokens_encoded += sum(self.count_tokens(passages))
        vectors = np.zeros((len(passages), self.dimension), dtype=np.float32)
        for row, passage in enumerate(passages):
            vectors[row] = self._encode(passage)
            if progress:
                progress(row + 1, len(passages))
        return vectors

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        return np.array([self._encode(query) for query in queries], dtype=np.float32).reshape(-1, self.dimension)

    def encode_query(self, query: str) -> Vectors:
        return self._encode(query)

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """Words, and two as for the marks at both ends."""
        return [sum(1 for _ in words(passage)) + 2 for passage in passages]

    def settings(self) -> dict[str, object]:
        return {"query_prompt": "", "passage_prompt": "", "dtype": "float32"}

    def _encode(self, text: str) -> Vectors:
        vector = np.zeros(self.dimension, dtype=np.float64)
        for lemma in lemmatizer().lemmas(text):
            digest = hashlib.sha256(lemma.encode()).digest()
            vector[digest[0] % self.dimension] += 1 if digest[1] % 2 else -1
        norm = np.linalg.norm(vector)
        unit: Vectors = (vector / norm if norm else vector).astype(np.float32)
        return unit


class QuietReporter:
    """Keeps what a build says instead of printing it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.moves: list[tuple[str, int, int]] = []  # stage, done, total

    def say(self, message: str) -> None:
        self.said.append(message)

    def progress(self, stage: str, unit: str) -> Callable[[int, int], None]:
        return lambda done, total: self.moves.append((stage, done, total))


def build_index(
    corpus: Path,
    out: Path,
    *,
    encoder: HashEncoder | None = None,
    reporter: QuietReporter | None = None,
    keep_going: bool = False,
    force: bool = False,
    beside: bool = False,
) -> Summary:
    """Builds an index as `python -m indexer build` does, with HashEncoder in place of the model."""
    used = encoder or HashEncoder()
    model = models.Model(used.name, Path("/nowhere"), used.fingerprint)
    with mock.patch("indexer.models.resolve", lambda name, say: model):
        return build(
            corpus,
            out,
            reporter=reporter or QuietReporter(),
            model_name=used.name,
            keep_going=keep_going,
            force=force,
            beside=beside,
            open_encoder=lambda model: used,
        )


def write_corpus(folder: Path, articles: dict[str, str], **tables: str) -> Path:
    """A corpus of these articles (id -> text) and tables (topics="…" is topics.toml); gives the folder."""
    (folder / "articles").mkdir(parents=True)
    for article_id, text in articles.items():
        path = folder / "articles" / f"{article_id}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    tables = {"topics": '[[topic]]\nid = "start"\ntitle = "Начало"\n'} | tables
    for name, text in tables.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def measured(found: Run, judged: JudgedSet) -> dict[str, float]:
    """The means of a run without the share judged, which is no measure of the run alone."""
    measures = measure_system(found, judged).measures
    return {name: value for name, value in measures.items() if name in NAMES.values()}


def assert_linear(run: Callable[[Input], object], small: Input, large: Input) -> None:
    """`large` is four times `small`: it takes less than ten times as long, by the best of several runs.

    The time is this process's own: others may be busy.
    """

    def seconds(given: Input) -> float:
        start = time.process_time()
        run(given)
        return time.process_time() - start

    seconds(small)  # opens dictionaries and the like
    few = many = float("inf")
    for _ in range(6):
        few, many = min(few, seconds(small)), min(many, seconds(large))
        if many < 10 * few:
            return
    pytest.fail(f"{few:.3f} s, four times as much: {many:.3f} s")


def language_cases(path: Path) -> list[object]:
    """The cases of a table (input, expected, reason; see the head of tests/data/words.tsv) for `parametrize`."""
    cases: list[object] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        given, expected, reason = line.removeprefix("XFAIL ").split("\t")
        cases.append(
            pytest.param(
                _unescaped(given),
                [] if expected == "∅" else [_unescaped(part) for part in expected.split()],
                id=f"line {number}: {reason}",
                marks=[pytest.mark.xfail(strict=True, reason=reason)] if line.startswith("XFAIL ") else [],
            )
        )
    return cases


def _unescaped(text: str) -> str:
    """The text with what nobody sees (\\u00ad) put in."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


def in_a_thread_of_its_own(run: Callable[[], Any]) -> Any:
    """What a function gives that runs an event loop: Playwright leaves one running in the thread of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


def calibration_of(encoder: HashEncoder, **weights: float) -> Calibration:
    """A relevance that weighs these features alone, each as it is; half is likely where they are nothing."""
    return Calibration(
        features_version=FEATURES_VERSION,
        model_fingerprint=encoder.fingerprint,
        corpus_digest="",
        terms={name: Term(mean=0.0, scale=1.0, weight=weights.get(name, 0.0)) for name in Gauge.FEATURES},
        direction=(0.0,) * encoder.dimension,
        intercept=0.0,
        threshold=0.5,
        fitted_on={},
        figures={},
    )
