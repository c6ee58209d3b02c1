"""The lexical half: BM25 over lemmas, a field at a time, so that fields can be weighted at query time."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from indexer.errors import ArtifactError
from indexer.sections import Section

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Document = dict[str, list[str]]  # field of a section -> its lemmas

# Lemmas of a query, and how much they count: what was typed at 1.0, what finds the same at less.
WeightedLemmas = Sequence[tuple[Sequence[str], float]]

# What is searched of a section, each field on its own. The weights stand in server/ranking.toml.
FIELDS = ("path", "heading", "keywords", "errors", "body")

# Lucene's form of BM25 (never negative) with the usual constants; Robertson and Zaragoza, 2009.
_METHOD, _K1, _B = "lucene", 1.5, 0.75

_KEPT = 1024  # sections whose lemmas are kept: those found often are found again

# Sections scored at a time, so that their scores (256 kB) and postings stay in a core's own cache (1 MB here). With a
# million sections, blocks of 16,384 take 1.4 times as long, all of them at once twice as long.
_BLOCK = 65_536

# Lists of postings added in one call: most queries have fewer in a field. Those of a pasted page, all at once, would be
# copied to hundreds of megabytes.
_TOGETHER = 16

_AND_NEXT = np.array([0, 1])  # added to a place in the vocabulary: where postings begin, and where those after them do

SETTINGS: dict[str, object] = {"fields": list(FIELDS), "method": _METHOD, "k1": _K1, "b": _B}


def field_texts(section: Section, known_errors: Sequence[str] = ()) -> dict[str, str]:
    """The text of each field of a section; `known_errors` are the error texts that this section explains."""
    *above, own = section.headings or ("",)
    return {
        "path": "\n".join(above),  # else a part, which stands under the same words, would outrank the section above it
        "heading": own,
        "keywords": "\n".join(section.keywords),
        "errors": "\n".join(known_errors),
        "body": section.text,
    }


def least_of_best(scores: Scores, count: int) -> np.float32:
    """The lowest of the `count` highest of more scores, without sorting them all."""
    least: np.float32 = np.partition(scores, len(scores) - count)[len(scores) - count]
    return least


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a query reads of a field."""

    field: "bm25s.BM25"
    weight: float
    blocks: Sequence[Sequence[tuple[int, int]]]  # for each block of sections where its postings lie, [start, stop)

    def scores(self, block: int, size: int) -> Scores:
        """The weighted scores of a block of `size` sections, shape (size,)."""
        own = np.zeros(size, dtype=np.float32)
        scores, rows, lists = self.field.scores["data"], self.field.scores["indices"], self.blocks[block]
        for place in range(0, len(lists), _TOGETHER):
            some = lists[place : place + _TOGETHER]
            added = np.concatenate([rows[start:stop] for start, stop in some], dtype=np.intp)
            if block:
                added -= block * _BLOCK
            np.add.at(own, added, np.concatenate([scores[start:stop] for start, stop in some]))  # one after the other
        if self.weight != 1.0:
            own *= self.weight
        return own


def _cut(rows: npt.NDArray[np.int32], lists: Sequence[tuple[int, int]], sections: int) -> list[list[tuple[int, int]]]:
    """The lists, in each of which rows ascend, cut where blocks of sections begin: for each block its own pieces."""
    edges = np.arange(_BLOCK, sections, _BLOCK, dtype=np.int32)  # as the rows: for others all of these are converted
    cuts = [[start, *(start + np.searchsorted(rows[start:stop], edges)).tolist(), stop] for start, stop in lists]
    blocks = ([(cut[block], cut[block + 1]) for cut in cuts] for block in range(len(edges) + 1))
    return [[(start, stop) for start, stop in pieces if start < stop] for pieces in blocks]


def _plus(total: Scores | None, own: Scores) -> Scores:
    """The sum, in the memory of the first; the second where there is no first."""
    if total is None:
        return own
    total += own
    return total


class LexicalIndex:
    """BM25 scores of every section for the lemmas of a query."""

    def __init__(self, vocabulary: Sequence[str], fields: Mapping[str, "bm25s.BM25"], sections: int) -> None:
        self._ids = {lemma: number for number, lemma in enumerate(vocabulary)}
        self._vocabulary = list(vocabulary)
        self._fields = dict(fields)
        self._sections = sections
        self.lemmas_of = lru_cache(maxsize=_KEPT)(self._lemmas_of)

    @classmethod
    def build(cls, documents: Sequence[Mapping[str, Sequence[str]]]) -> "LexicalIndex":
        """The index of sections given as {field: lemmas}; row i is section i."""
        vocabulary = sorted({lemma for document in documents for lemmas in document.values() for lemma in lemmas})
        ids = {lemma: number for number, lemma in enumerate(vocabulary)}
        fields = {}
        for name in FIELDS:
            rows = [[ids[lemma] for lemma in document.get(name, ())] for document in documents]
            if any(rows):
                index = bm25s.BM25(method=_METHOD, k1=_K1, b=_B, backend="numpy")
                index.index((rows, dict(ids)), create_empty_token=False, show_progress=False)
                fields[name] = index
        return cls(vocabulary, fields, len(documents))

    @property
    def vocabulary(self) -> Sequence[str]:
        """Every lemma of the sections, sorted."""
        return self._vocabulary

    def __len__(self) -> int:
        return self._sections

    def _lemmas_of(self, row: int) -> frozenset[str]:
        """The lemmas of a section, of all its fields together."""
        starts, numbers = self._by_row
        return frozenset(self._vocabulary[number] for number in numbers[starts[row] : starts[row + 1]].tolist())

    def share_with(self, lemmas: Collection[str]) -> float:
        """The share of sections that hold all of the lemmas, in [0, 1]."""
        holding = np.arange(self._sections)
        for lemma in sorted(set(lemmas)):
            rows = [np.empty(0, dtype=np.int64)]
            numbers = self._numbers([lemma])
            for index in self._fields.values():
                rows += [index.scores["indices"][start:stop] for start, stop in self._lists(index, numbers)]
            holding = np.intersect1d(holding, np.concatenate(rows))
        return len(holding) / max(1, self._sections)

    @cached_property
    def _by_row(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """The other way round: the numbers of the lemmas of row i lie between starts[i] and starts[i + 1]."""
        rows, numbers = [np.empty(0, dtype=np.int32)], [np.empty(0, dtype=np.int32)]
        for index in self._fields.values():
            rows.append(np.asarray(index.scores["indices"], dtype=np.int32))
            lengths = np.diff(index.scores["indptr"])
            numbers.append(np.repeat(np.arange(len(lengths), dtype=np.int32), lengths))
        of_rows = np.concatenate(rows)
        starts = np.concatenate([[0], np.cumsum(np.bincount(of_rows, minlength=self._sections))])
        return starts, np.concatenate(numbers)[np.argsort(of_rows, kind="stable")]

    def scores(self, lemmas: Sequence[str], weights: Mapping[str, float]) -> Scores:
        """BM25 of every section, summed over fields with their weights; shape (sections,).

        Zeros where no lemma is known. A lemma that stands twice in the query counts twice.
        """
        total = np.zeros(self._sections, dtype=np.float32)
        for first, own in self._blocks([(lemmas, 1.0)], weights):
            total[first : first + len(own)] = own
        return total

    def best(
        self, asked: WeightedLemmas, weights: Mapping[str, float], count: int, allowed: Mask | None = None
    ) -> tuple[Rows, Scores]:
        """The rows of the `count` highest scores above zero, and all that tie with the last; and the scores.

        In order of rows. A score is the sum of those for what is asked, times their shares. Only rows that are
        `allowed`, shape (sections,), count; None for all.
        """
        rows, scores = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        least = np.float32(0)  # that a row needs to be among the best of the blocks so far; 0 while they are too few
        for first, own in self._blocks(asked, weights):
            if allowed is not None:
                own *= allowed[first : first + len(own)]
            near = np.flatnonzero(own >= least if least else own > 0)
            rows, scores = np.concatenate([rows, near + first]), np.concatenate([scores, own[near]])
            if count < len(rows):
                least = least_of_best(scores, count)
                kept = scores >= least
                rows, scores = rows[kept], scores[kept]
        return rows, scores

    def _blocks(self, asked: WeightedLemmas, weights: Mapping[str, float]) -> Iterator[tuple[int, Scores]]:
        """The scores of the sections, block by block, and the row that a block begins with; none of zeros alone."""
        read = [(self._readings(lemmas, weights), share) for lemmas, share in asked]
        for block, first in enumerate(range(0, self._sections, _BLOCK)):
            size = min(_BLOCK, self._sections - first)
            total: Scores | None = None
            for readings, share in read:
                own: Scores | None = None
                for reading in readings:
                    if reading.blocks[block]:
                        own = _plus(own, reading.scores(block, size))
                if own is not None:
                    if share != 1.0:
                        own *= share
                    total = _plus(total, own)
            if total is not None:
                yield first, total

    def _readings(self, lemmas: Sequence[str], weights: Mapping[str, float]) -> list[_Reading]:
        """What these lemmas read of the fields that have a weight and hold any of them."""
        numbers, whole = self._numbers(lemmas), self._sections <= _BLOCK
        readings = []
        for name, index in self._fields.items():
            weight = weights.get(name, 0.0)
            lists = self._lists(index, numbers) if weight else []
            if lists:
                blocks = [lists] if whole else _cut(index.scores["indices"], lists, self._sections)
                readings.append(_Reading(index, weight, blocks))
        return readings

    def of_rows(self, rows: Sequence[int]) -> "LexicalIndex":
        """The index of some of the sections alone; row i of it is `rows[i]` here. Each keeps its scores.

        The rows ascend. It knows no lemma that stands in none of them. Raises ValueError for rows in another order.
        """
        if np.any(np.diff(rows) <= 0):  # in which postings would not ascend: blocks of sections are found by that
            raise ValueError("rows of a part: not each above the one before, as expected; sort them")
        place = np.full(self._sections, -1, dtype=np.int64)
        place[np.asarray(rows, dtype=np.int64)] = np.arange(len(rows))
        held = np.zeros(len(self._vocabulary), dtype=np.int64)
        parts = {}
        for name, index in self._fields.items():
            rows_of, data = np.asarray(index.scores["indices"]), np.asarray(index.scores["data"])
            numbers = np.repeat(np.arange(len(self._vocabulary)), np.diff(index.scores["indptr"]))
            kept = place[rows_of] >= 0
            postings = np.bincount(numbers[kept], minlength=len(self._vocabulary))
            held += postings
            parts[name] = (data[kept], place[rows_of[kept]].astype(rows_of.dtype), postings)
        known = np.flatnonzero(held)
        fields = {}
        for name, (data, rows_of, postings) in parts.items():
            index = bm25s.BM25(method=_METHOD, k1=_K1, b=_B, backend="numpy")
            starts = np.concatenate([[0], np.cumsum(postings[known])])
            index.scores = {"data": data, "indices": rows_of, "indptr": starts, "num_docs": len(rows)}
            fields[name] = index
        return LexicalIndex([self._vocabulary[number] for number in known.tolist()], fields, len(rows))

    def postings(self, lemmas: Sequence[str], weights: Mapping[str, float]) -> int:
        """How many postings (a lemma and a section that holds it in a field) the scores of a query are made of."""
        numbers = self._numbers(lemmas)
        read = (self._lists(index, numbers) for name, index in self._fields.items() if weights.get(name, 0.0))
        return sum(stop - start for lists in read for start, stop in lists)

    def columns(self, field: str) -> tuple[Scores, npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """The postings of a field, by lemma: scores, rows of sections, and where those of lemma i start, and the end.

        Those of lemma i lie between starts[i] and starts[i + 1]. Empty where no section has the field.
        """
        if field not in self._fields:
            empty = np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int32)
            return *empty, np.zeros(len(self._vocabulary) + 1, dtype=np.int64)
        index = self._fields[field].scores
        return index["data"], index["indices"], index["indptr"]

    def number_of(self, lemma: str) -> int | None:
        """The place of a lemma in the vocabulary."""
        return self._ids.get(lemma)

    def _numbers(self, lemmas: Sequence[str]) -> npt.NDArray[np.int64]:
        """The places in the vocabulary of those lemmas that stand there, each with the next; shape (lemmas, 2)."""
        numbers = np.array([self._ids[lemma] for lemma in lemmas if lemma in self._ids], dtype=np.int64)
        pairs: npt.NDArray[np.int64] = numbers[:, None] + _AND_NEXT
        return pairs

    def _lists(self, index: "bm25s.BM25", numbers: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        """Where the postings of these lemmas lie in a field, [start, stop), without those that it does not hold."""
        # bm25s keeps a sparse matrix by columns: those of lemma i lie between indptr[i] and indptr[i + 1].
        bounds = index.scores["indptr"][numbers].tolist()
        return [(start, stop) for start, stop in bounds if start < stop]

    def save(self, folder: Path) -> None:
        """Writes the vocabulary (`vocabulary`, beside the folder) and a sub-folder for each field."""
        (folder.parent / "vocabulary").write_text("".join(f"{lemma}\n" for lemma in self._vocabulary), encoding="utf-8")
        folder.mkdir()
        (folder / "fields.json").write_text(
            json.dumps({"sections": self._sections, "fields": list(self._fields)}) + "\n"
        )
        for name, index in self._fields.items():
            index.save(folder / name, show_progress=False)
            (folder / name / "vocab.index.json").unlink()  # one vocabulary serves all fields

    @classmethod
    def load(cls, folder: Path) -> "LexicalIndex":
        """Reads what `save` wrote, memory-mapped. Raises ArtifactError where the files do not belong together."""
        try:
            head = json.loads((folder / "fields.json").read_text())
            vocabulary = (folder.parent / "vocabulary").read_text(encoding="utf-8").split("\n")[:-1]
            fields = {
                name: bm25s.BM25.load(folder / name, load_vocab=False, mmap=True, allow_pickle=False)
                for name in head["fields"]
            }
            wrong = [
                name
                for name, index in fields.items()
                if len(index.scores["indptr"]) != len(vocabulary) + 1 or index.scores["num_docs"] != head["sections"]
            ]
            for index in fields.values():  # as plain arrays over the same memory: slices of a memmap are slow to make
                for name in ("data", "indices", "indptr"):
                    index.scores[name] = np.asarray(index.scores[name])
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise ArtifactError(f"{folder}: unreadable lexical index ({error}); rebuild the index") from error
        if wrong:
            raise ArtifactError(f"{folder}: field {wrong[0]} does not fit the vocabulary; rebuild the index")
        return cls(vocabulary, fields, int(head["sections"]))
