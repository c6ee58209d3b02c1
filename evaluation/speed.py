"""How fast texts are encoded: the indexer beside the plain use of the same model, and one text."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from indexer.encoder import Encoder
from indexer.models import Model


@dataclass(frozen=True, slots=True)
class Encoding:
    """Passages per second of both, round by round, each round one after the other."""

    passages: int
    ours: tuple[float, ...]
    plain: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median over the rounds of ours to plain: the machine may be slow in one round, but then for both."""
        return statistics.median(ours / plain for ours, plain in zip(self.ours, self.plain, strict=True))


def milliseconds_of(work: Callable[[str], object], text: str) -> float:
    """How long the work took."""
    started = time.perf_counter()
    work(text)
    return (time.perf_counter() - started) * 1000


def plain_encode(model: Model) -> Callable[[Sequence[str]], object]:
    """Sentence Transformers as its documentation shows it: `SentenceTransformer(folder).encode(texts)`, float32."""
    from sentence_transformers import SentenceTransformer

    encoder: Any = SentenceTransformer(str(model.folder), local_files_only=True)
    prompts = encoder.prompts or {}
    prompt = prompts.get("passage") or prompts.get("document") or ""
    return lambda texts: encoder.encode(list(texts), prompt=prompt)


def measure_encoding(
    passages: Sequence[str],
    encoder: Encoder,
    plain: Callable[[Sequence[str]], object],
    rounds: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Encoding:
    """Both ways to encode the same passages, `rounds` times in turn, after a first few to warm up."""
    ways: list[tuple[Callable[[Sequence[str]], object], list[float]]] = [(encoder.encode_passages, []), (plain, [])]
    for encode, _ in ways:
        encode(passages[:8])
    for done in range(rounds):
        progress(done, rounds)
        # The second of a round meets warmer caches and a hotter processor: take turns.
        for encode, rates in ways if done % 2 else reversed(ways):
            started = time.perf_counter()
            encode(passages)
            rates.append(len(passages) / (time.perf_counter() - started))
    progress(rounds, rounds)
    (_, ours), (_, by_plain) = ways
    return Encoding(len(passages), tuple(ours), tuple(by_plain))
