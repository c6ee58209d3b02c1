"""The semantic half: FAISS inner product over the unit vectors of the sections' windows.

Few windows are compared with a query one by one. Many lie in lists of neighbours (an inverted file), as short codes (a
product quantizer): the lists nearest to the query are read, and what looks best by its codes is compared exactly.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from indexer.encoder import Vectors
from indexer.errors import ArtifactError

_faiss: Any = faiss  # its stubs know no keyword arguments

# Up to here every window is compared: 0.5 ms, and above it the lists are not much faster (docs/growth.md).
FLAT_UP_TO = 10_000

# The lists are as many as the root of the windows, in powers of two, so that both grow alike. How many are read and how
# many windows are compared exactly was chosen for a recall@10 of 0.98 with 100,000 and 1,000,000 windows, for queries
# about something else, too, which lie far from all lists (docs/growth.md).
_PROBES = 8.0  # lists read, for each root of their number: 128 of 256, 256 of 1,024
_COMPARED, _AT_LEAST = 6.0, 600  # windows compared exactly: for each that is asked for, in all
_ITERATIONS, _SAMPLE = 10, 64  # of k-means; vectors for each list that it learns from


class VectorIndex:
    """Cosine similarity of sections to a query vector; a section counts by its best window."""

    def __init__(self, index: "faiss.Index", rows: npt.NDArray[np.int32], hashes: Sequence[str]) -> None:
        self._index: Any = index
        self._rows = rows  # window -> row of its section, not decreasing; -1 for one that is not looked at
        self._hashes = list(hashes)  # window -> SHA-256 of the text it was made from
        self._sections = int(rows.max()) + 1 if len(rows) else 0
        self._is_part = bool((rows < 0).any())
        self._exact = (
            _faiss.downcast_index(_faiss.downcast_index(index).refine_index) if self.kind == "ivfpq" else index
        )

    @classmethod
    def build(cls, vectors: Vectors, rows: Sequence[int], hashes: Sequence[str]) -> "VectorIndex":
        """The index of unit vectors, shape (windows, dimension); `rows[i]` is the section of window i."""
        contiguous = np.ascontiguousarray(vectors, dtype=np.float32)
        count, dimension = contiguous.shape
        if count <= FLAT_UP_TO:
            index: Any = faiss.IndexFlatIP(dimension)
        else:
            index = _empty_lists(count, dimension)
            index.train(contiguous)
        index.add(contiguous)
        return cls(index, np.asarray(rows, dtype=np.int32), hashes)

    @property
    def kind(self) -> str:
        """ "flat" (exact) or "ivfpq" (approximate: an inverted file of product-quantized vectors)."""
        return "ivfpq" if isinstance(self._index, faiss.IndexRefine) else "flat"

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
        windows = self._looked_at(allowed)
        most = len(self._rows) if windows is None else len(windows)
        if count < 1 or not most:
            return []
        wanted = min(count, most)
        while True:
            with _one_thread():
                found, scores = self._nearest(query_vector, wanted, windows)
            rows, nearest = np.unique(self._rows[found], return_index=True)  # of each section its first window
            # A section with several windows among the nearest leaves room for fewer others.
            if len(rows) >= count or len(found) == most or len(found) < wanted:
                cosines = scores[nearest]
                order = np.argsort(-cosines, kind="stable")[:count]
                return list(zip(rows[order].tolist(), cosines[order].tolist(), strict=True))
            wanted = min(4 * wanted, most)

    def _looked_at(self, allowed: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.int64] | None:
        """The windows that a search looks at; None for all."""
        if not self._is_part:
            return None if allowed is None else np.flatnonzero(allowed[self._rows]).astype(np.int64)
        kept = np.flatnonzero(self._rows >= 0).astype(np.int64)
        return kept if allowed is None else kept[allowed[self._rows[kept]]]

    def of_rows(self, rows: Sequence[int]) -> "VectorIndex":
        """The index of some of the sections alone, over the same memory; row i of it is `rows[i]` here.

        `rows` in their order. It is there to be searched, not to be saved.
        """
        place = np.full(self._sections, -1, dtype=np.int32)
        place[np.asarray(rows, dtype=np.int64)] = np.arange(len(rows), dtype=np.int32)
        return VectorIndex(self._index, np.where(self._rows >= 0, place[self._rows], np.int32(-1)), self._hashes)

    def _nearest(
        self, vector: Vectors, count: int, windows: npt.NDArray[np.int64] | None
    ) -> tuple[npt.NDArray[np.int64], Vectors]:
        """The nearest windows (of those given), at most `count`, best first, and their cosines."""
        parameters: Any = None
        if self.kind == "flat" or (windows is not None and len(windows) <= FLAT_UP_TO):
            if windows is not None:
                parameters = _faiss.SearchParameters(sel=faiss.IDSelectorArray(windows))
            scores, found = self._exact.search(vector[None, :], count, params=parameters)
        else:
            lists = _faiss.downcast_index(self._index.base_index).nlist
            share, selector = 1.0, None
            if windows is not None:  # the fewer are allowed, the further off they lie
                share = len(windows) / len(self._rows)
                mask = np.zeros(len(self._rows), dtype=bool)
                mask[windows] = True
                selector = _faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
            probes = min(lists, math.ceil(_PROBES * math.sqrt(lists) / share))
            inside = _faiss.SearchParametersIVF(nprobe=probes, sel=selector)
            factor = max(_COMPARED, _AT_LEAST / count)
            parameters = _faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=inside)
            scores, found = self._index.search(vector[None, :], count, params=parameters)
        is_found = found[0] >= 0
        return found[0][is_found], scores[0][is_found]

    def neighbours(self, row: int, count: int) -> list[tuple[int, float]]:
        """The `count` sections nearest to one by its first window, as (row, cosine), best first, without itself."""
        return [pair for pair in self.search(self.vector(row), count + 1) if pair[0] != row][:count]

    def vector(self, row: int) -> Vectors:
        """The vector of a section's first window, float32, shape (dimension,)."""
        window = int(np.argmax(self._rows == row)) if self._is_part else int(np.searchsorted(self._rows, row))
        return np.asarray(self._exact.reconstruct(window), dtype=np.float32)

    def of_windows(self) -> tuple[Vectors, npt.NDArray[np.int32]]:
        """The vectors of all windows, shape (windows, dimension), and the rows of their sections."""
        return np.asarray(self._exact.reconstruct_n(0, len(self._rows)), dtype=np.float32), self._rows

    def known_vectors(self) -> dict[str, Vectors]:
        """The vectors, bit for bit, by the hash of their text, for a build that need not encode them again."""
        if not len(self._rows):
            return {}
        vectors = self._exact.reconstruct_n(0, len(self._rows))
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
        if not isinstance(index, faiss.IndexFlat | faiss.IndexRefine):
            raise ArtifactError(f"{path}: {type(index).__name__} is no index of this version; rebuild the index")
        if index.ntotal != len(rows):
            raise ArtifactError(f"{path}: {index.ntotal} vectors, but {len(rows)} windows; rebuild the index")
        return cls(index, rows, [digest for _, digest in pairs])


@contextmanager
def _one_thread() -> Iterator[None]:
    """Lets FAISS compute in the calling thread alone.

    There is too little to do for more: where the other threads have to wait for a processor, so does the query (8 ms in
    place of 1 on two busy cores), and a server answers several queries at a time anyway.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _empty_lists(count: int, dimension: int) -> faiss.Index:
    """A FAISS index for so many vectors, to be trained: lists of codes, 4 bits for two numbers, and whole vectors."""
    lists = 2 ** max(1, round(math.log2(count) / 2))
    parts = dimension // 2 if dimension % 2 == 0 else dimension
    index: faiss.Index = _faiss.index_factory(dimension, f"IVF{lists},PQ{parts}x4fsr,RFlat", faiss.METRIC_INNER_PRODUCT)
    inside = _faiss.downcast_index(_faiss.downcast_index(index).base_index)
    inside.cp.niter, inside.cp.max_points_per_centroid, inside.cp.min_points_per_centroid = _ITERATIONS, _SAMPLE, 1
    inside.pq.cp.min_points_per_centroid = 1
    return index
