"""The query side of a model as a server runs it: ONNX Runtime and a tokenizer, neither PyTorch nor transformers.

`indexer.exporting` writes the folder that is read here. The token embeddings, most of a small multilingual model, stay
out of the graph and on the disk: a query reads the rows of its tokens, and the system's cache keeps what is read often,
once for all processes of a machine.
"""

import os
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from indexer.encoder import Progress, Vectors
from indexer.onnx_session import damaged, opened

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, RunOptions

FOLDER = "encoder"  # of the artifact
GRAPH, EMBEDDINGS, TOKENIZER, CARD = "graph.onnx", "embeddings.npy", "tokenizer.json", "card.json"

INPUT = "inputs_embeds"  # of the graph: the token embeddings of one text, (1, tokens, hidden)

_WHAT = "query encoder"  # for errors
_ROWS = 2048  # of the token embeddings that are kept, 2 MB: those of common words
_LARGE = 64 * 384  # numbers read, about 64 tokens, from which the memory of a run is given back


class QueryEncoder(Protocol):
    """What turns queries into vectors."""

    name: str
    fingerprint: str
    dimension: int

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(queries), dimension)."""

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, float32, shape (dimension,)."""

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """How many tokens each passage has; the prompt and the marks at its ends may be included."""


class Compared(BaseModel):
    """How near the vectors of sample queries come to those of the model itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    queries: int
    cosine: float  # the mean
    least_cosine: float
    overlap: float  # share of the model's first ten sections that are found, the mean over the queries


class Card(BaseModel):
    """What an exported query side is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str  # "onnx, int8"
    model: str
    fingerprint: str  # of the model
    dimension: int
    maximum_tokens: int
    query_prompt: str
    pieces: int  # of the vocabulary that are kept
    pieces_of_model: int
    vocabulary: str  # digest of which they are
    words: str  # digest of the words that they were chosen by
    compared: Compared | None = None


class OnnxEncoder:
    """Encodes queries with an exported graph.

    Opening it is cheap; the session is opened by the first query. Both survive a fork where one thread computes a
    query: ONNX Runtime then starts none.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """`threads` compute one query together; one is best where several queries are answered at a time.

        Raises ArtifactError where the folder is damaged.
        """
        from tokenizers import Tokenizer

        self._folder, self._threads = folder, threads
        try:
            self.card = Card.model_validate_json((folder / CARD).read_bytes())
            self._tokenizer: Any = Tokenizer.from_file(str(folder / TOKENIZER))
            self._embeddings = _Rows(folder / EMBEDDINGS)
        except (OSError, ValueError, ValidationError) as error:
            raise damaged(folder, _WHAT, error) from error
        except Exception as error:  # what the tokenizers library raises is a plain Exception
            raise damaged(folder / TOKENIZER, _WHAT, error) from error
        self._tokenizer.enable_truncation(self.card.maximum_tokens)
        self.name, self.fingerprint = self.card.model, self.card.fingerprint
        self.dimension = self.card.dimension

    @cached_property
    def _session(self) -> "InferenceSession":
        # Joined, this one is five times as slow as its parts for a short text.
        return opened(self._folder / GRAPH, _WHAT, self._threads, without=["SkipLayerNormFusion"])

    @cached_property
    def _shrinking(self) -> "RunOptions":
        """Gives memory back after a run; else the session keeps what the longest query ever needed."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        return options

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, float32, shape (dimension,)."""
        ids = self._tokenizer.encode(self.card.query_prompt + query).ids
        read = self._embeddings.read(ids)[np.newaxis].astype(np.float32)
        found = self._session.run(None, {INPUT: read}, self._shrinking if read.size > _LARGE else None)
        vector: Vectors = found[0][0]
        return vector

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(queries), dimension), in the order of the queries."""
        # One by one: products in 8 bits have one scale, so that what is computed together would differ by its company.
        vectors = np.zeros((len(queries), self.dimension), dtype=np.float32)
        for row, query in enumerate(queries):
            vectors[row] = self.encode_query(query)
            if progress:
                progress(row + 1, len(queries))
        return vectors

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """How many tokens each passage has, without prompt and marks, however long it is."""
        # The tokenizer cuts texts to what the model reads; the rest comes along as `overflowing`.
        found = (self._tokenizer.encode(passage, add_special_tokens=False) for passage in passages)
        return [len(each.ids) + sum(len(rest.ids) for rest in each.overflowing) for each in found]


class _Rows:
    """A matrix in a file, of which rows are read, the last ones kept; threads and forked processes may share it."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError or OSError where there is no such matrix."""
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
        if matrix.ndim != 2 or not matrix.flags.c_contiguous:
            raise ValueError(f"{path.name} is no matrix of rows")
        self.width, self._dtype = matrix.shape[1], matrix.dtype
        self._offset, self._bytes = int(matrix.offset), matrix.shape[1] * matrix.dtype.itemsize
        self._file = path.open("rb")
        # A query of 20 tokens would give the interpreter away 20 times, and have to wait for it as often.
        self._row = lru_cache(maxsize=_ROWS)(self._read)

    def read(self, rows: Sequence[int]) -> npt.NDArray[np.float16]:
        """These rows, (rows, width)."""
        content = b"".join(map(self._row, rows))
        return np.frombuffer(content, self._dtype).reshape(len(rows), self.width)

    def _read(self, row: int) -> bytes:
        return os.pread(self._file.fileno(), self._bytes, self._offset + row * self._bytes)
