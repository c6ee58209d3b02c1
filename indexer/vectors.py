"""The semantic half: FAISS inner product over the unit vectors of the sections' windows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from indexer.encoder import Vectors
from indexer.errors import ArtifactError

# Up to here exact search is fast enough (1.4 ms; 16 ms at 100,000), see docs/design.md.
FLAT_UP_TO = 10_000

_NEIGHBOURS, _BUILD_EFFORT, _SEARCH_EFFORT = 32, 200, 256  # HNSW: M, efConstruction, efSearch (Malkov, Yashunin, 2018)


class VectorIndex:
    """Cosine similarity of sections to a query vector; a section counts by its best window."""

    def __init__(self, index: "faiss.Index", rows: npt.NDArray[np.int32], hashes: Sequence[str]) -> None:
        self._index = index
        self._rows = rows  # window -> row of its section, not decreasing
        self._hashes = list(hashes)  # window -> SHA-256 of the text it was made from
        self._sections = int(rows[-1]) + 1 if len(rows) else 0
        # Extra windows beyond one a section: how many more neighbours to ask for to be sure of enough sections.
        self._most_windows = int(np.bincount(rows).max()) if len(rows) else 1

    @classmethod
    def build(cls, vectors: Vectors, rows: Sequence[int], hashes: Sequence[str]) -> "VectorIndex":
        """The index of unit vectors, shape (windows, dimension); `rows[i]` is the section of window i."""
        dimension = vectors.shape[1]
        if len(vectors) <= FLAT_UP_TO:
            index: Any = faiss.IndexFlatIP(dimension)
        else:
            index = faiss.IndexHNSWFlat(dimension, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction, index.hnsw.efSearch = _BUILD_EFFORT, _SEARCH_EFFORT
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index, np.asarray(rows, dtype=np.int32), hashes)

    @property
    def kind(self) -> str:
        """ "flat" (exact) or "hnsw" (approximate)."""
        return "hnsw" if isinstance(faiss.downcast_index(self._index), faiss.IndexHNSW) else "flat"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    def __len__(self) -> int:
        """How many sections are indexed."""
        return self._sections

    @property
    def windows(self) -> int:
        """How many windows are indexed."""
        return len(self._rows)

    def search(
        self, query_vector: Vectors, count: int, allowed: npt.NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """The best `count` sections as (row, cosine), best first; ties in the order of rows.

        `allowed` is a mask over sections, shape (sections,): only those are looked at.
        """
        if not len(self._rows) or count < 1 or (allowed is not None and not allowed.any()):
            return []
        wanted = min(count * self._most_windows, len(self._rows))
        parameters = None
        if allowed is not None:
            windows = np.flatnonzero(allowed[self._rows]).astype(np.int64)
            wanted = min(wanted, len(windows))
            selector = faiss.IDSelectorBatch(windows)
            if self.kind == "hnsw":
                effort = max(_SEARCH_EFFORT, wanted)
                parameters = faiss.SearchParametersHNSW(sel=selector, efSearch=effort)  # type: ignore[attr-defined]
            else:
                parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, found = self._index.search(query_vector[None, :], wanted, params=parameters)
        best: dict[int, float] = {}
        for window, score in zip(found[0].tolist(), scores[0].tolist(), strict=True):
            if window >= 0:
                row = int(self._rows[window])
                best[row] = max(best.get(row, -1.0), score)
        return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))[:count]

    def neighbours(self, row: int, count: int) -> list[tuple[int, float]]:
        """The `count` sections nearest to one by its first window, as (row, cosine), best first, without itself."""
        window = int(np.searchsorted(self._rows, row))
        vector = np.asarray(self._index.reconstruct(window), dtype=np.float32)
        return [pair for pair in self.search(vector, count + 1) if pair[0] != row][:count]

    def known_vectors(self) -> dict[str, Vectors]:
        """The vectors by the hash of their text, for a build that need not encode them again."""
        if not len(self._rows):
            return {}
        vectors = self._index.reconstruct_n(0, len(self._rows))
        return dict(zip(self._hashes, vectors, strict=True))

    def save(self, path: Path) -> None:
        """Writes the FAISS index to `path` and the windows (section row, hash of text) beside it."""
        faiss.write_index(self._index, str(path))
        lines = (f"{row}\t{digest}\n" for row, digest in zip(self._rows.tolist(), self._hashes, strict=True))
        path.with_suffix(".windows.tsv").write_text("".join(lines))

    @classmethod
    def load(cls, path: Path) -> "VectorIndex":
        """Reads what `save` wrote. Raises ArtifactError where the files are damaged or do not belong together."""
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
            pairs = [line.split("\t") for line in path.with_suffix(".windows.tsv").read_text().splitlines()]
            rows = np.array([int(row) for row, _ in pairs], dtype=np.int32)
        except (RuntimeError, OSError, ValueError) as error:
            raise ArtifactError(f"{path}: unreadable vector index ({error}); rebuild the index") from error
        if index.ntotal != len(rows):
            raise ArtifactError(f"{path}: {index.ntotal} vectors, but {len(rows)} windows; rebuild the index")
        return cls(index, rows, [digest for _, digest in pairs])
