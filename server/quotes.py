"""The sentence of the help that answers a question which is no problem: quoted word for word, or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote as percent_encoded

from indexer.sections import Section
from indexer.sentences import Sentence
from server.addresses import section_url
from server.found import Result
from server.search import Searcher
from server.steps import Visitor, suits

_LOOKED_AT = 2  # hits, of which the first that suits the visitor and has sentences is quoted

# Chosen on tuning questions, see docs/design.md.
_BY_WORDS = 0.1  # how much the share of the query's words counts beside the cosine
_OPENING = 0.03  # for what a section begins with: the help answers first and explains then

_NAMED = 6  # words at either end of a long quote, by which a browser finds it

# Below these nothing is quoted. Cosines of another model would mean something else: only where replies are calibrated.
_LEAST_RELEVANCE = 0.8  # of the reply
_LEAST_COSINE = 0.78
_LEAST_BESIDE_STEPS = 0.79  # cosine where the section has steps, which answer as well


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence or an item of a list, word for word, and where it stands."""

    text: str
    section_id: str
    url: str


def marked_url(quote: Quote) -> str:
    """The address of the quote's section at which browsers mark the quoted words (a text fragment; WICG, 2020).

    A long quote is named by its first and last words, of one line each: a fragment must not cross lines of a list.
    """
    first, last = quote.text.split("\n")[0].split(), quote.text.split("\n")[-1].split()
    whole = "\n" not in quote.text and len(first) <= 2 * _NAMED
    ends = [first] if whole else [first[:_NAMED], last[-_NAMED:]]
    return f"{quote.url}:~:text={','.join(_directive(' '.join(words)) for words in ends)}"


def _directive(words: str) -> str:
    return percent_encoded(words, safe="").replace("-", "%2D")  # a hyphen means something there


class Quoter:
    """Finds quotes in what a searcher has found."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._index = searcher.artifact.sentences
        self._rows: dict[str, list[int]] = {}
        for row, sentence in enumerate(self._index.sentences):
            self._rows.setdefault(sentence.section_id, []).append(row)

    def quote(self, result: Result, visitor: Visitor) -> Quote | None:
        """What answers the query best in the best section; None where nothing fits well enough or all is for others.

        Nothing is encoded: the query was by the search, the sentences when the index was built.
        """
        section = self._section(result, visitor)
        vector = result.candidates.vector if result.candidates else None
        if section is None or vector is None:
            return None
        rows = self._rows[section.section_id]
        sentences = [self._index.sentences[row] for row in rows]
        cosines: list[float] = (self._index.vectors[rows] @ vector).tolist()
        shares = self._shares(result, section, sentences)
        fits = [cosine + _BY_WORDS * share for cosine, share in zip(cosines, shares, strict=True)]
        fits[0] += _OPENING
        best = fits.index(max(fits))
        if result.calibrated:
            least = _LEAST_BESIDE_STEPS if section.steps else _LEAST_COSINE
            if result.relevance < _LEAST_RELEVANCE or cosines[best] < least:
                return None
        return Quote(sentences[best].text, section.section_id, section_url(section))

    def _section(self, result: Result, visitor: Visitor) -> Section | None:
        """The first section found that is for the visitor and has sentences."""
        for hit in result.hits[:_LOOKED_AT]:
            section = self._searcher.sections[hit.section_id]
            is_for = any(suits(section.platforms, section.audiences, asker) for asker in visitor.guesses)
            if is_for and section.section_id in self._rows:
                return section
        return None

    def _shares(self, result: Result, section: Section, sentences: Sequence[Sentence]) -> list[float]:
        """The share of the query's telling words that each sentence has, in [0, 1].

        The words of the headings stand for all of the section, those of the line that introduces a list for its items.
        """
        lemmas = self._searcher.lemmatizer.lemmas
        about = frozenset(lemmas("\n".join(section.headings)))
        texts = (about.union(lemmas(f"{sentence.lead}\n{sentence.text}")) for sentence in sentences)
        return self._searcher.gauge.coverages(result.interpretation, texts)
