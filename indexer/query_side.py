"""The query side of an index: taken over from the generation before where nothing of it changed, else exported.

Only a Sentence Transformers model is exported; where that fails a server answers with the model itself, and the
manifest says why.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer import artifact, exporting
from indexer.encoder import Encoder, SentenceEncoder, Vectors
from indexer.errors import ArtifactError
from indexer.models import Model
from indexer.query_encoder import CARD, FOLDER, Card


@dataclass(slots=True)
class QuerySide:
    """What answers queries: an exported folder, or the model itself (`folder` is None then)."""

    folder: Path | None
    about: dict[str, object]  # what the manifest says of it
    draft: exporting.Draft | None = None  # where it has still to be compared

    def compare(self, vectors: Vectors) -> None:
        """Compares a new export by the sections it finds among `vectors`, (windows, dimension), and keeps it or not."""
        if self.draft is None:
            return
        try:
            self.about = exporting.compared(self.draft, vectors).model_dump()
        except exporting.NotExportable as error:
            self.folder, self.about = None, _itself(str(error))
        self.draft = None


def prepare(
    index: Path,
    model: Model,
    encoder: Encoder,
    aside: Path,
    *,
    english: Iterable[str],
    texts: Iterable[str],
    queries: Sequence[str],
) -> QuerySide:
    """The query side of a model for the words of a help, written below `aside` before anything is encoded.

    English words and the texts trim its vocabulary; the queries are those that people may ask.
    """
    if not isinstance(encoder, SentenceEncoder):
        return QuerySide(None, _itself("the encoder is no Sentence Transformers model"))
    folder = aside / FOLDER
    try:
        vocabulary = exporting.Vocabulary.of(encoder.network, english, texts)
        if known := _kept(index, model, vocabulary.digest, folder):
            return QuerySide(folder, known.model_dump())
        draft = exporting.export(encoder.network, model, folder, vocabulary, queries)
        return QuerySide(folder, draft.card.model_dump(), draft)
    except exporting.NotExportable as error:
        return QuerySide(None, _itself(str(error)))


def _kept(index: Path, model: Model, vocabulary: str, folder: Path) -> Card | None:
    """The card of the current generation's query side, copied to `folder`, where the same code would write the same."""
    try:
        current = artifact.current(index)
        inputs = artifact.verify(current).inputs
        if inputs.model_fingerprint != model.fingerprint or inputs.code != artifact.code_digest():
            return None
        card = Card.model_validate_json((current / FOLDER / CARD).read_bytes())
    except (ArtifactError, OSError, ValueError):
        return None
    if card.vocabulary != vocabulary:
        return None
    shutil.copytree(current / FOLDER, folder)
    return card


def _itself(reason: str) -> dict[str, object]:
    return {"kind": "sentence-transformers", "reason": reason}
