"""One generation in a Milvus: a collection of its windows, searched by vectors and by lemmas.

An entity is a window: `id` (row of its section and place of the window in it), `row`, `vector`, `lemmas`, and what
filters look at. The lemmas of a section stand at its first window, as a sparse vector whose inner product with that of
a query is the BM25 of LexicalIndex: it holds the score of each lemma in each field, and the query how much that counts.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from indexer.artifact import Artifact
from indexer.encoder import Vectors
from indexer.errors import StoreError
from indexer.lexical import FIELDS, LexicalIndex, WeightedLemmas
from indexer.stores.store import Filters

VECTOR, LEMMAS = "vector", "lemmas"
SECONDS = 1.5  # that a call may take: less than server/guard.py waits, so that nothing is left hanging

_ANY = "*"  # stands for all platforms, or all audiences: what is for all suits every filter
_WINDOW_BITS = 20  # of an id: a section has fewer than a million windows
_NOTHING = 0  # the dimension that no query has: a Milvus wants a sparse vector to have something in it
_MOST = 16_384  # entities that Milvus gives at once
_TIE = 1e-6  # of a score: sums of the same numbers in another order differ by less


def id_of(row: int, window: int = 0) -> int:
    """The id of a window of a section."""
    return (row << _WINDOW_BITS) + window


def entities(artifact: Artifact) -> Iterator[dict[str, object]]:
    """What a collection holds of an artifact, window by window."""
    vectors, rows = artifact.vectors.of_windows()
    topics = {head.article_id: head.topic for head in artifact.articles}
    lemmas = _lemmas_of_rows(artifact.lexical)
    before, window = -1, 0
    for row, vector in zip(rows.tolist(), vectors, strict=True):
        window = window + 1 if row == before else 0
        before = row
        section = artifact.sections[row]
        yield {
            "id": id_of(row, window),
            "row": row,
            "platforms": list(section.platforms) or [_ANY],
            "audiences": list(section.audiences) or [_ANY],
            "topic": topics[section.article_id],
            VECTOR: vector,
            LEMMAS: (next(lemmas) if window == 0 else None) or {_NOTHING: 1.0},
        }


def _lemmas_of_rows(lexical: LexicalIndex) -> Iterator[dict[int, float]]:
    """The sparse vector of each section, in the order of rows."""
    rows, dimensions, scores = [], [], []
    for name in FIELDS:
        data, of_rows, starts = lexical.columns(name)
        numbers = np.repeat(np.arange(len(lexical.vocabulary), dtype=np.int64), np.diff(starts))
        rows.append(np.asarray(of_rows, dtype=np.int64))
        dimensions.append(_dimension(lexical, name, numbers))
        scores.append(np.asarray(data, dtype=np.float32))
    of_row = np.concatenate(rows)
    order = np.argsort(of_row, kind="stable")
    ends = np.cumsum(np.bincount(of_row, minlength=len(lexical)))[:-1]
    by_row = np.split(np.concatenate(dimensions)[order], ends), np.split(np.concatenate(scores)[order], ends)
    for own, score in zip(*by_row, strict=True):
        yield dict(zip(own.tolist(), score.tolist(), strict=True))


def _dimension(lexical: LexicalIndex, field: str, number: Any) -> Any:  # noqa: ANN401 -- a number, or an array of them
    """The dimension of lemmas, by their numbers in the vocabulary, in a field."""
    return _NOTHING + 1 + FIELDS.index(field) * len(lexical.vocabulary) + number


class MilvusStore:
    """Searches the collection of a generation. Raises StoreError where that fails."""

    is_remote = True

    def __init__(self, client: Any, collection: str, artifact: Artifact, search: Mapping[str, int]) -> None:  # noqa: ANN401
        """`client` is a MilvusClient; `search` what its searches by vectors are told, by the kind of index."""
        self._client, self._collection, self._search = client, collection, dict(search)
        self._lexical = artifact.lexical
        self._dimension, self._windows = artifact.vectors.dimension, artifact.vectors.windows
        self._topics = frozenset(head.topic for head in artifact.articles)
        self._values = frozenset(
            value for section in artifact.sections for value in (*section.platforms, *section.audiences)
        )
        self._rows: list[int] | None = None  # of a part: row here -> row in the collection
        self._place: dict[int, int] = {}  # the other way round
        self._hidden = ""  # the filter that leaves the others out

    def lexical(
        self, lemmas: WeightedLemmas, weights: Mapping[str, float], count: int, filters: Filters
    ) -> dict[int, float]:
        """As Store says."""
        asked = self._query(lemmas, weights)
        if not asked or count < 1:
            return {}
        limit = min(count + 1, _MOST)
        while True:
            found = self._found(LEMMAS, asked, limit, filters, {})
            # Whoever ties with the last is wanted, too: the order of section_id decides between them.
            least = found[count - 1][1] * (1 - _TIE) if len(found) >= count else 0.0
            if len(found) < limit or found[-1][1] < least or limit == _MOST:
                return {self._row(entity): score for entity, score in found if score > 0 and score >= least}
            limit = min(4 * limit, _MOST)

    def _query(self, lemmas: WeightedLemmas, weights: Mapping[str, float]) -> dict[int, float]:
        """The sparse vector of a query: a lemma that stands in it twice counts twice."""
        asked: dict[int, float] = {}
        for each, share in lemmas:
            for lemma in each:
                if (number := self._lexical.number_of(lemma)) is None:
                    continue
                for field in FIELDS:
                    if weight := share * weights.get(field, 0.0):
                        dimension = int(_dimension(self._lexical, field, number))
                        asked[dimension] = asked.get(dimension, 0.0) + float(weight)
        return asked

    def semantic(self, vector: Vectors, count: int, filters: Filters) -> list[tuple[int, float]]:
        """As Store says. Raises StoreError for a vector of another dimension, too."""
        if vector.shape != (self._dimension,):
            raise StoreError(
                f"{self._collection}: asked with a vector of {vector.shape}; expected ({self._dimension},), as the "
                "index was made; start the server with the model of the index"
            )
        limit = min(count, self._windows, _MOST)
        while limit > 0:
            found = self._found(VECTOR, vector, limit, filters, self._search)
            best: dict[int, float] = {}
            for entity, cosine in found:
                best.setdefault(self._row(entity), cosine)
            # A section with several windows among the nearest leaves room for fewer others.
            if len(best) >= count or len(found) < limit or limit in (self._windows, _MOST):
                return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:count]
            limit = min(4 * limit, self._windows, _MOST)
        return []

    def neighbours(self, row: int, count: int) -> list[tuple[int, float]]:
        """As Store says."""
        first = id_of(row if self._rows is None else self._rows[row])
        try:
            (entity,) = self._client.get(self._collection, ids=[first], output_fields=[VECTOR], timeout=SECONDS)
        except Exception as error:  # whatever the client raises, or a section that is not there
            raise self._failed("a section", error) from error
        found = self.semantic(np.asarray(entity[VECTOR], dtype=np.float32), count + 1, Filters())
        return [pair for pair in found if pair[0] != row][:count]

    def of_rows(self, rows: Sequence[int]) -> "MilvusStore":
        """As Store says; the others are left out by a filter that names each."""
        part = object.__new__(MilvusStore)
        part.__dict__.update(self.__dict__)
        part._rows = [row if self._rows is None else self._rows[row] for row in rows]
        part._place = {row: place for place, row in enumerate(part._rows)}
        shown = set(part._rows)
        hidden = [row for row in range(len(self._lexical)) if row not in shown]
        part._hidden = f"row not in {hidden}" if hidden else ""
        return part

    def _row(self, entity: int) -> int:
        row = entity >> _WINDOW_BITS
        return row if self._rows is None else self._place[row]

    def _found(
        self, field: str, asked: object, limit: int, filters: Filters, search: Mapping[str, int]
    ) -> list[tuple[int, float]]:
        """The best entities by one field as (id, inner product), best first."""
        expression = self._expression(filters)
        if expression is None:
            return []
        parameters = {key: max(limit, value) if key == "ef" else value for key, value in search.items()}
        try:
            (found,) = self._client.search(
                self._collection,
                [asked],
                anns_field=field,
                limit=limit,
                filter=expression,
                search_params={"metric_type": "IP", "params": parameters},
                timeout=SECONDS,
            )
            return [(int(hit["id"]), float(hit["distance"])) for hit in found]
        except Exception as error:  # whatever the client raises
            raise self._failed(f"a search by {field}", error) from error

    def _expression(self, filters: Filters) -> str | None:
        """The filters as Milvus reads them; None where nothing can pass them.

        Only values that the help itself has are written into it: whatever else a caller names, no section has.
        """
        parts = [self._hidden] if self._hidden else []
        for field, wanted in (("platforms", filters.platform), ("audiences", filters.audience)):
            if wanted:
                values = [_ANY, *sorted(self._values.intersection(wanted))]
                parts.append(f"ARRAY_CONTAINS_ANY({field}, {json.dumps(values, ensure_ascii=False)})")
        if filters.topic:
            topics = sorted(self._topics.intersection(filters.topic))
            if not topics:
                return None
            parts.append(f"topic in {json.dumps(topics, ensure_ascii=False)}")
        if filters.rows is not None:
            rows = sorted(row if self._rows is None else self._rows[row] for row in filters.rows)
            if not rows:
                return None
            parts.append(f"row in {rows}")
        return " and ".join(parts)

    def _failed(self, what: str, error: Exception) -> StoreError:
        return StoreError(
            f"Milvus, collection {self._collection}: {what} failed ({type(error).__name__}: {error}); expected an "
            f"answer within {SECONDS:g} s; see that Milvus runs, can be reached and holds this collection"
        )
