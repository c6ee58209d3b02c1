"""The sentence of the help that answers a question which is no problem: quoted word for word, or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from razdel import sentenize

from indexer.encoder import Encoder
from indexer.sections import Section
from server.search import Result, Searcher, section_url
from server.steps import Visitor, suits

_LOOKED_AT = 2  # hits, of which the first that suits the visitor and has sentences is quoted
_MOST_SENTENCES = 24  # of them are compared; more would cost a visitor time
_SHORTEST = 20  # characters; less says nothing by itself
_BY_WORDS = 0.35  # how much shared lemmas count beside the cosine of the vectors


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence or an item of a list, word for word, and where it stands."""

    text: str
    section_id: str
    url: str


class Quoter:
    """Finds quotes in what a searcher has found."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._encoder: Encoder = searcher.encoder

    def quote(self, result: Result, visitor: Visitor) -> Quote | None:
        """The sentence nearest in meaning and words to the query; None where nothing was found or all is for others."""
        candidates: list[tuple[Section, str]] = []
        for hit in result.hits[:_LOOKED_AT]:
            section = self._searcher.sections[hit.section_id]
            if not candidates and suits(section.platforms, section.audiences, visitor):
                candidates += [(section, text) for text in sentences(section)][:_MOST_SENTENCES]
        if not candidates:
            return None
        read = result.interpretation.read_as
        lemmas = self._searcher.lemmatizer.content_lemmas
        asked = set(lemmas(read))
        by_words = np.array([len(asked.intersection(lemmas(text))) / max(1, len(asked)) for _, text in candidates])
        vectors = self._encoder.encode_passages([text for _, text in candidates])
        nearness = vectors @ self._encoder.encode_query(read) + _BY_WORDS * by_words
        # Of equals the first: a section begins with what it is about.
        section, text = candidates[int(np.argmax(nearness - 0.002 * np.arange(len(candidates))))]
        return Quote(text, section.section_id, section_url(section))


def sentences(section: Section) -> Iterator[str]:
    """The sentences and items of a section, each as it stands in its text; steps are no answers to a question."""
    steps = {text for step in section.steps for text in (step.text, *step.substeps)}
    for line in section.text.split("\n"):
        item = line.lstrip("• ").strip()
        if item in steps:
            continue
        found = [each.text for each in sentenize(item)] if len(item) > 200 else [item]
        yield from (text for text in found if len(text) >= _SHORTEST and not text.endswith(":"))
