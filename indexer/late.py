"""An encoder that is opened when something has to be encoded, and what the last build knows that spares it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from indexer import artifact
from indexer.encoder import Encoder, Progress, Vectors
from indexer.errors import ArtifactError
from indexer.models import Model
from indexer.query_encoder import FOLDER as QUERY_SIDE
from indexer.questions import FOLDER as ASKED
from indexer.questions import QuestionIndex
from indexer.sentences import FOLDER as SENTENCES
from indexer.sentences import SentenceIndex
from indexer.vectors import VectorIndex


@dataclass(frozen=True, slots=True)
class Known:
    """What need not be made again, by hash of text. Nothing where another model made it."""

    windows: dict[str, Vectors] = field(default_factory=dict)
    questions: dict[str, Vectors] = field(default_factory=dict)
    sentences: dict[str, Vectors] = field(default_factory=dict)
    # Below: nothing where other code made it.
    fits: frozenset[str] = frozenset()  # texts that are read whole
    cuts: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the windows of texts that are not
    encoder: Mapping[str, Any] = field(default_factory=dict)  # dimension, maximum_tokens and settings
    query_side: Mapping[str, Any] = field(default_factory=dict)  # what the manifest says of it
    query_folder: Path | None = None  # where it is an exported one

    @classmethod
    def of(cls, index: Path, model: Model) -> "Known":
        """What the current generation of an index holds."""
        try:
            folder = artifact.current(index)
            manifest = artifact.verify(folder)
            if manifest.inputs.model_fingerprint != model.fingerprint:
                return cls()
            windows = VectorIndex.load(folder / "vectors.faiss")
            vectors = (
                windows.known_vectors(),
                QuestionIndex.load(folder / ASKED, windows.dimension).known_vectors(),
                SentenceIndex.load(folder / SENTENCES).known_vectors(),
            )
            if manifest.inputs.code != artifact.code_digest():
                return cls(*vectors)
            cuts = json.loads((folder / artifact.CUTS).read_bytes())
            query_folder = folder / QUERY_SIDE if artifact.has_query_side(folder) else None
            return cls(*vectors, frozenset(vectors[0]), cuts, manifest.encoder, manifest.query_side, query_folder)
        except (ArtifactError, OSError, ValueError):
            return cls()


def texts_read(index: Path, model: Model) -> frozenset[str] | None:
    """Hashes of the texts that the current generation has windows of; None where it spares a build no encoding.

    For a guess before a build knows its texts: unlike with `Known.of`, no checksum is compared.
    """
    try:
        folder = artifact.current(index)
        inputs = artifact.read_manifest(folder).inputs
        if (inputs.model_fingerprint, inputs.code) != (model.fingerprint, artifact.code_digest()):
            return None
        cuts = json.loads((folder / artifact.CUTS).read_bytes())
        return frozenset((*VectorIndex.load(folder / "vectors.faiss").known_vectors(), *cuts))
    except (ArtifactError, OSError, ValueError, TypeError):  # the last where the cuts are something else
        return None


class LateEncoder:
    """The encoder of a model, opened when it is needed: at once, unless the last build tells what it is.

    That takes seconds, and where nothing has changed but what stands beside the texts, nothing is encoded.
    """

    def __init__(self, model: Model, about: Mapping[str, Any], open_encoder: Callable[[Model], Encoder]) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self.texts_encoded = 0
        self._model, self._open = model, open_encoder
        self._opened: Encoder | None = None
        self._tokens_before = 0  # of an encoder that was open already
        about = about or {"dimension": self.opened.dimension, "maximum_tokens": self.opened.maximum_tokens}
        self.dimension, self.maximum_tokens = int(about["dimension"]), int(about["maximum_tokens"])
        self._settings = {name: value for name, value in about.items() if name not in ("dimension", "maximum_tokens")}

    @property
    def opened(self) -> Encoder:
        """The encoder itself."""
        if self._opened is None:
            self._opened = self._open(self._model)
            self._tokens_before = self._opened.tokens_encoded
        return self._opened

    @property
    def is_open(self) -> bool:
        """Whether something had to be encoded."""
        return self._opened is not None

    @property
    def tokens_encoded(self) -> int:
        """How many tokens the texts encoded so far have."""
        return self._opened.tokens_encoded - self._tokens_before if self._opened else 0

    def encode_passages(self, passages: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(passages), dimension)."""
        self.texts_encoded += len(passages)
        return self.opened.encode_passages(passages, progress) if passages else self._none()

    def encode_queries(self, queries: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Unit vectors, float32, shape (len(queries), dimension)."""
        self.texts_encoded += len(queries)
        return self.opened.encode_queries(queries, progress) if queries else self._none()

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, float32, shape (dimension,)."""
        return self.opened.encode_query(query)

    def count_tokens(self, passages: Sequence[str]) -> list[int]:
        """How many tokens the model would read of each passage, prompt and marks included."""
        return self.opened.count_tokens(passages) if passages else []

    def settings(self) -> dict[str, object]:
        """What the manifest records: of the encoder itself, or where it was not needed as the last build had it."""
        return self._opened.settings() if self._opened else self._settings

    def _none(self) -> Vectors:
        return np.zeros((0, self.dimension), dtype=np.float32)
