"""What a measurement found, and the bars that it is held to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PARTS = ("latency", "throughput", "repeated", "batch", "ready", "memory")


@dataclass(frozen=True, slots=True)
class Bar:
    """A number that is measured and what is asked of it."""

    name: str  # in JSON
    part: str  # that measures it
    bar: float
    at_most: bool  # else at least
    about: str

    def holds(self, measured: float | None) -> bool | None:
        """Whether the bar is kept; None where nothing was measured."""
        if measured is None:
            return None
        return measured <= self.bar if self.at_most else measured >= self.bar

    def used(self, measured: float) -> float:
        """How much of what is allowed was used: at most 1 where the bar is kept, whichever way it points."""
        return measured / self.bar if self.at_most else self.bar / measured


BARS = (
    Bar(
        *("http_p50_over_onnx_fp32_encode_p50", "latency", 0.9, True),
        "a search over HTTP, p50, over encoding its query with the model in ONNX, fp32",
    ),
    Bar(
        *("http_p50_over_txtai_search_p50", "latency", 0.35, True),
        "the same over txtai's search with the same model, sections and threads",
    ),
    Bar(
        *("unseen_per_second_over_txtai_api", "throughput", 2.5, False),
        "unseen queries a second over those of txtai's own API server",
    ),
    Bar(*("p99_over_p50_8_clients", "throughput", 4.0, True), "a search over HTTP by 8 clients, p99 over p50"),
    Bar(
        *("repeated_per_second_over_empty_flask_route", "repeated", 0.6, False),
        "one query again and again, over an empty Flask route under the same WSGI server",
    ),
    Bar(
        *("batch_over_single_searches", "batch", 0.9, True),
        "a batch of 64 unseen queries over as many single searches on one connection",
    ),
    Bar(
        *("ready_over_load_model", "ready", 1 / 3, True),
        "start until ready, over importing sentence_transformers and loading the model",
    ),
    Bar(*("rss_mb", "memory", 350.0, True), "resident memory of one worker, MB"),
    Bar(*("further_worker_pss_mb", "memory", 80.0, True), "proportional memory of each further worker, MB"),
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What one part or several found."""

    measured: Mapping[str, float | None]  # name of a bar -> number; None where it could not be taken
    milliseconds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)  # what was timed -> of each request
    numbers: Mapping[str, object] = field(default_factory=dict)  # that the measured ones were made from
    notes: tuple[str, ...] = ()  # why something could not be measured


def together(parts: Iterable[Findings]) -> Findings:
    """The findings of several parts as one, in their order."""
    measured: dict[str, float | None] = {}
    milliseconds: dict[str, tuple[float, ...]] = {}
    numbers: dict[str, object] = {}
    notes: list[str] = []
    for part in parts:
        measured |= part.measured
        milliseconds |= part.milliseconds
        numbers |= part.numbers
        notes += part.notes
    return Findings(measured, milliseconds, numbers, tuple(dict.fromkeys(notes)))
