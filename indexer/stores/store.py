"""What a search asks of the sections, whatever holds them: the best of each half, by their rows in the artifact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from indexer.artifact import Artifact
from indexer.encoder import Vectors
from indexer.lexical import WeightedLemmas
from indexer.sections import Section


@dataclass(frozen=True, slots=True)
class Filters:
    """What a section must suit, each list ORed, empty for anything. Sections for all platforms suit every platform."""

    platform: tuple[str, ...] = ()
    audience: tuple[str, ...] = ()
    topic: tuple[str, ...] = ()
    rows: frozenset[int] | None = None  # what passes other filters, by row; None for all


def suits(row: int, section: Section, topic: str, filters: Filters) -> bool:
    """Whether a section of an article with this topic is one that the filters let through."""
    return (
        (filters.rows is None or row in filters.rows)
        and _overlaps(section.platforms, filters.platform)
        and _overlaps(section.audiences, filters.audience)
        and (not filters.topic or topic in filters.topic)
    )


def _overlaps(values: Sequence[str], wanted: Sequence[str]) -> bool:
    return not values or not wanted or any(value in wanted for value in values)


class Store(Protocol):
    """The sections of one generation as they are searched; threads may share it.

    One that is remote raises StoreError where it does not answer.
    """

    @property
    def is_remote(self) -> bool:
        """Whether it may fail or hang while this process is well."""

    def lexical(
        self, lemmas: WeightedLemmas, weights: Mapping[str, float], count: int, filters: Filters
    ) -> dict[int, float]:
        """The `count` rows with the highest BM25 above zero, and all that tie with the last, as {row: score}.

        Scores are summed over fields with their weights, as LexicalIndex does.
        """

    def semantic(self, vector: Vectors, count: int, filters: Filters) -> list[tuple[int, float]]:
        """The `count` sections nearest to a unit vector as (row, cosine), best first; ties in the order of rows."""

    def neighbours(self, row: int, count: int) -> list[tuple[int, float]]:
        """The `count` sections nearest to one by its first window, as (row, cosine), best first, without itself."""

    def of_rows(self, rows: Sequence[int]) -> "Store":
        """Some of the sections alone; row i of it is `rows[i]` here. Each keeps its scores."""


class Stores(Protocol):
    """The stores of all generations of an index."""

    @property
    def is_remote(self) -> bool:
        """Whether they may fail or hang while this process is well."""

    def open(self, artifact: Artifact) -> Store:
        """The store of a generation. Raises ArtifactError where it cannot be used."""

    def write(self, index: Path, generation: str) -> None:
        """Puts a generation into its store, where it is not there as a whole. Raises ArtifactError where that fails."""

    def switch(self, generation: str) -> None:
        """Notes that this generation is live from now on. Raises ArtifactError where that fails."""

    def keep(self, generations: Sequence[str]) -> list[str]:
        """Drops all others but the live one and gives their ids. Raises ArtifactError where that fails."""
