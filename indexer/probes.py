"""Whether both halves of an index answer in Russian: what is asked of a generation before it goes live.

What is asked comes from the index itself, so that it fits any corpus. A word of a section has to find that section
among the words. What somebody asked, or without such questions the headings of a section in other words, has to find
its section by meaning: a tokenizer that reads no Cyrillic, another model, or vectors of other texts find it by chance.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.artifact import Artifact
from indexer.encoder import Vectors
from indexer.errors import ArtifactError
from indexer.lemmas import Lemmatizer
from indexer.lexical import FIELDS
from indexer.query_encoder import QueryEncoder
from indexer.sections import Section
from indexer.words import clean, words

_PROBES = 8  # of each half; a query takes a few milliseconds
_LOOKED_AT = 40  # words of a section, of which the rarest is asked for
_SAID = 12  # words of a text without headings
# Found is what stands in the first tenth of the sections, and of these among the first ten.
_SHARE, _FIRST, _LEAST = 0.1, 10, 3
# Share of the probes that have to find theirs. By chance a tenth does, in a large index far fewer; a model that knows
# the language finds nearly all, but a corpus may have many sections that say the same.
_NEEDED = 0.25

_CYRILLIC = re.compile("[а-яё]{3,}", re.IGNORECASE)
_AGAIN = "build again: python -m indexer build corpus --out index --force"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was asked of an index, and how much of it was found."""

    words: int  # all were found
    meanings: int
    meanings_found: int


def probe(loaded: Artifact, encoder: QueryEncoder | None) -> Probed:
    """What both halves answered; the numbers are 0 where no text has a word.

    Without an encoder the semantic half is asked for vectors that it holds: enough for a build that encoded nothing
    new and so has opened no model.

    Raises ArtifactError where a half does not answer, or the encoder is not the index's own.
    """
    lemmatizer = Lemmatizer()
    rows = _rows(loaded.sections)
    for row in rows:
        word = _rarest_word(loaded, loaded.sections[row], lemmatizer)
        # As somebody may type it: an index whose words were cut otherwise does not know it.
        scores = loaded.lexical.scores(lemmatizer.lemmas(word.upper()), dict.fromkeys(FIELDS, 1.0))
        if not scores[row] > 0:
            raise ArtifactError(
                f'{loaded.generation}, lexical half: "{word}" does not find section '
                f'"{loaded.sections[row].section_id}"; expected every word of it to; {_AGAIN}'
            )
    if not rows:
        return Probed(0, 0, 0)
    if encoder is None:
        asked = [(vector, frozenset({row})) for row in rows for vector in [loaded.vectors.vector(row)]]
    else:
        asked = _encoded(loaded, encoder, rows, lemmatizer)
    found = sum(_finds(loaded, vector, expected) for vector, expected in asked)
    if found < _NEEDED * len(asked):
        raise ArtifactError(
            f"{loaded.generation}, semantic half: {found} of {len(asked)} texts find their section by meaning; "
            f"expected at least a quarter of them to, so this encoder did not make these vectors; {_AGAIN}"
        )
    return Probed(len(rows), len(asked), found)


def _rows(sections: Sequence[Section]) -> list[int]:
    """Rows of sections to ask for, spread over the index: in Cyrillic where there are such, else with any word."""
    cyrillic = [row for row, section in enumerate(sections) if _CYRILLIC.search(_text(section))]
    return _spread(cyrillic or [row for row, section in enumerate(sections) if any(words(clean(_text(section))))])


def _spread(rows: Sequence[int]) -> list[int]:
    return [rows[place] for place in np.linspace(0, len(rows) - 1, min(_PROBES, len(rows))).astype(int).tolist()]


def _text(section: Section) -> str:
    return "\n".join((*section.headings[-1:], section.text))


def _rarest_word(loaded: Artifact, section: Section, lemmatizer: Lemmatizer) -> str:
    """The word of the section that the fewest sections hold, of Cyrillic ones if it has any."""
    found = list(dict.fromkeys(word.text for word in words(clean(_text(section)))))
    cyrillic = [word for word in found if _CYRILLIC.fullmatch(word)]
    return min((cyrillic or found)[:_LOOKED_AT], key=lambda word: loaded.lexical.share_with([lemmatizer.lemma(word)]))


def _encoded(
    loaded: Artifact, encoder: QueryEncoder, rows: Sequence[int], lemmatizer: Lemmatizer
) -> list[tuple[Vectors, frozenset[int]]]:
    """The vectors of what is asked, each with the rows of the sections that it should find."""
    made_with = loaded.manifest.inputs.model_fingerprint
    if (encoder.fingerprint, encoder.dimension) != (made_with, loaded.vectors.dimension):
        raise ArtifactError(
            f"{loaded.generation}: the encoder is {encoder.name} {encoder.fingerprint[:12]} with {encoder.dimension} "
            f"dimensions; expected {loaded.manifest.inputs.model} {made_with[:12]} with {loaded.vectors.dimension}; "
            f"put that model back, or {_AGAIN}"
        )
    asked = list(_questions(loaded)) or [
        (_reworded(loaded, loaded.sections[row], lemmatizer), frozenset({row})) for row in rows
    ]
    vectors = [encoder.encode_query(text) for text, _ in asked]
    whole = all(np.isfinite(vector).all() for vector in vectors)
    # Of models that add up the vectors of words, texts of the same words are one text.
    differ = len({frozenset(text.split()) for text, _ in asked}) == 1 or any(
        not np.allclose(vectors[0], each) for each in vectors
    )
    if not (whole and differ):
        raise ArtifactError(
            f"{loaded.generation}: {encoder.name} gives {'the same vector for every text' if whole else 'no numbers'}; "
            f"expected it to tell Russian texts apart; put the model back that the index was made with, or {_AGAIN}"
        )
    return [(vector, expected) for vector, (_, expected) in zip(vectors, asked, strict=True)]


def _questions(loaded: Artifact) -> Iterator[tuple[str, frozenset[int]]]:
    """What people asked, spread over all of it, with the rows of the sections that answer it."""
    row_of = {section.section_id: row for row, section in enumerate(loaded.sections)}
    answered = [
        (question.line, rows)
        for question in loaded.questions.questions
        if (rows := frozenset(row_of[each] for each in question.sections if each in row_of))
    ]
    if answered:
        for place in _spread(range(len(answered))):
            yield answered[place]


def _reworded(loaded: Artifact, section: Section, lemmatizer: Lemmatizer) -> str:
    """The headings of a section as nobody wrote them: own heading first, every word as its lemma or a synonym.

    «Вход › Не приходит код» -> «не приходить пароль вход», where the editor has code and password for synonyms.
    """
    synonyms = {group.words[0].lower(): group.words[1] for group in loaded.synonyms.two_way if len(group.words) > 1}
    lemmas = lemmatizer.lemmas(" ".join(reversed(section.headings)))
    if not lemmas:
        lemmas = lemmatizer.lemmas(section.text)[:_SAID]
    return " ".join(synonyms.get(lemma, lemma) for lemma in lemmas)


def _finds(loaded: Artifact, vector: Vectors, expected: Collection[int]) -> bool:
    """Whether one of the expected rows is among the best, or as near as the last of them."""
    count = min(_FIRST, max(_LEAST, round(_SHARE * len(loaded.sections))))
    best = loaded.vectors.search(vector, count)
    allowed = np.zeros(len(loaded.sections), dtype=bool)
    allowed[list(expected)] = True
    own = loaded.vectors.search(vector, 1, allowed)
    return bool(best and own) and own[0][1] >= best[-1][1] - 1e-6
