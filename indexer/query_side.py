"""The query side of an index: taken over from the generation before where nothing of it changed, else exported.

Its graph, which is of the model alone, is that of the generation before or of the user's cache where there is one.

Only a Sentence Transformers model is exported; where that fails a server answers with the model itself, and the
manifest says why.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexer import exporting, graphs, trimming
from indexer.encoder import SentenceEncoder, Vectors
from indexer.late import Known, LateEncoder
from indexer.models import Model
from indexer.query_encoder import FOLDER, GRAPH

_ITSELF = "sentence-transformers"  # the kind of query side that is the model itself


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
    known: Known,
    model: Model,
    encoder: LateEncoder,
    aside: Path,
    *,
    english: Iterable[str],
    texts: Iterable[str],
    queries: Sequence[str],
    say: Callable[[str], None] = lambda message: None,
) -> QuerySide:
    """The query side of a model for the words of a help, written below `aside` before anything is encoded.

    English words and the texts trim its vocabulary; the queries are those that people may ask. What is known of the
    last build is taken over where the words are the same.
    """
    folder, texts, english = aside / FOLDER, list(texts), list(english)
    about, current = dict(known.query_side), known.query_folder
    if about.get("kind") == _ITSELF:
        return QuerySide(None, about)
    if current and about.get("words") == trimming.digest_of(english, texts):
        shutil.copytree(current, folder)
        return QuerySide(folder, about)
    opened = encoder.opened
    if not isinstance(opened, SentenceEncoder):
        return QuerySide(None, _itself("the encoder is no Sentence Transformers model"))
    try:
        # Words are none of the graph's business.
        graph = (current / GRAPH).read_bytes() if current else graphs.content(model, say)
        draft = exporting.export(opened.network, model, folder, queries, english=english, texts=texts, graph=graph)
        if graph is None:
            graphs.keep(model, (folder / GRAPH).read_bytes())
        return QuerySide(folder, draft.card.model_dump(), draft)
    except exporting.NotExportable as error:
        return QuerySide(None, _itself(str(error)))


def _itself(reason: str) -> dict[str, object]:
    return {"kind": _ITSELF, "reason": reason}
