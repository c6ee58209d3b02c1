"""The lexical half: BM25 over lemmas, a field at a time, so that fields can be weighted at query time."""

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from indexer.errors import ArtifactError
from indexer.sections import Section

Scores = npt.NDArray[np.float32]
Document = dict[str, list[str]]  # field of a section -> its lemmas

# What is searched of a section, each field on its own. The weights stand in server/ranking.toml.
FIELDS = ("path", "heading", "keywords", "errors", "body")

# Lucene's form of BM25 (never negative) with the usual constants; Robertson and Zaragoza, 2009.
_METHOD, _K1, _B = "lucene", 1.5, 0.75

_KEPT = 1024  # sections whose lemmas are kept: those found often are found again

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


def best_rows(scores: Scores, count: int) -> npt.NDArray[np.int64]:
    """The rows of the `count` highest scores above zero, and all that tie with the last of them, in order of rows."""
    found = scores[scores > 0]
    return np.flatnonzero(scores >= least_of_best(found, count)) if count < len(found) else np.flatnonzero(scores > 0)


def least_of_best(scores: Scores, count: int) -> np.float32:
    """The lowest of the `count` highest of more scores, without sorting them all."""
    least: np.float32 = np.partition(scores, len(scores) - count)[len(scores) - count]
    return least


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
        # One for all fields: of a million sections it has 4 MB, which the system takes back and clears each time.
        own = np.empty_like(total)
        numbers = self._numbers(lemmas)
        for name, index in self._fields.items():
            weight = weights.get(name, 0.0)
            lists = self._lists(index, numbers) if weight else []
            if lists:
                own.fill(0)
                scores, rows = index.scores["data"], index.scores["indices"]
                for start, stop in lists:  # a section stands once among the postings of a lemma
                    own[rows[start:stop]] += scores[start:stop]
                own *= np.float32(weight)
                total += own
        return total

    def of_rows(self, rows: Sequence[int]) -> "LexicalIndex":
        """The index of some of the sections alone; row i of it is `rows[i]` here. Each keeps its scores.

        It knows no lemma that stands in none of them.
        """
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
        """The places in the vocabulary of those lemmas that stand there."""
        return np.array([self._ids[lemma] for lemma in lemmas if lemma in self._ids], dtype=np.int64)

    def _lists(self, index: "bm25s.BM25", numbers: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        """Where the postings of these lemmas lie in a field, [start, stop), without those that it does not hold."""
        # bm25s keeps a sparse matrix by columns: those of lemma i lie between indptr[i] and indptr[i + 1].
        starts = index.scores["indptr"]
        lists = zip(starts[numbers].tolist(), starts[numbers + 1].tolist(), strict=True)
        return [(start, stop) for start, stop in lists if start < stop]

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
