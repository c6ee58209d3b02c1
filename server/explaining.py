"""Why a section stands where it stands: what each half, field, repair, factor and known question gave to its score."""

from collections.abc import Sequence
from dataclasses import dataclass

from server import fusion
from server.found import Candidates, Mode, Result
from server.interpretation import Interpretation
from server.search import Searcher

_MOST_QUESTIONS = 3
_ROUND = 4  # digits


@dataclass(frozen=True, slots=True)
class LexicalPart:
    """What the words gave."""

    given: float  # to the score of the hit
    bm25: float  # over all fields, synonyms included
    fields: dict[str, float]  # field -> its part of bm25, weighted; without synonyms
    words: dict[str, float]  # lemma of the query -> its part of bm25
    synonyms: dict[str, float]  # lemma that finds the same as a word of the query -> its part of bm25


@dataclass(frozen=True, slots=True)
class SemanticPart:
    """What the meaning gave."""

    given: float
    cosine: float


@dataclass(frozen=True, slots=True)
class LikeQuestion:
    """A known question that the section answers."""

    text: str
    cosine: float


@dataclass(frozen=True, slots=True)
class QuestionsPart:
    """What the questions gave that others asked before, and the nearest of them."""

    given: float
    nearest: tuple[LikeQuestion, ...]


@dataclass(frozen=True, slots=True)
class RepairPart:
    """What a change of the query's words gave: BM25 of the words that it brought in."""

    kind: str
    typed: str
    read_as: str
    bm25: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A hit's score: ((lexical + semantic) * factors + questions + error) * relevance_factor, each as `given`."""

    section_id: str
    score: float
    lexical: LexicalPart
    semantic: SemanticPart
    factors: dict[str, float]  # setting of server/ranking.toml -> what both halves together were multiplied by
    questions: QuestionsPart
    error: float  # what the section got for explaining an error text of the query
    relevance_factor: float  # what all was multiplied by for the odds of its relevance beside the best, in (0, 1]
    repairs: tuple[RepairPart, ...]


class Explainer:
    """Explains the hits of one searcher."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._rows = {section_id: row for row, section_id in enumerate(searcher.sections)}

    def explain(self, result: Result, mode: Mode, *, for_anybody: bool) -> list[Explanation]:
        """An explanation for each hit of a search in this mode; `for_anybody`: it had no filter of audiences."""
        read, candidates = result.interpretation, result.candidates
        if candidates is None:
            return []
        ranking = self._searcher.ranking
        if result.degraded:
            mode = "lexical"
        weights = self._searcher.scored(read, candidates, mode, for_anybody=for_anybody).factors
        if mode == "hybrid":
            shares = fusion.shares(
                candidates.lexical, candidates.semantic, ranking.semantic_weight, ranking.normalisation
            )
            factors = list(self._searcher.factors(candidates, for_anybody))
            given = self._searcher.given_by_questions(candidates)
        else:
            lexical, semantic = candidates.lexical, candidates.semantic
            shares = {row: (lexical.get(row, 0.0), semantic.get(row, 0.0)) for row in lexical.keys() | semantic.keys()}
            factors, given = [], {}
        found = []
        for hit in result.hits:
            row = self._rows[hit.section_id]
            words, meaning = shares.get(row, (0.0, 0.0))
            applied = {name: factor for name, rows, factor in factors if row in rows and factor != 1.0}
            asked = given.get(row, 0.0) if row in shares else 0.0
            both = words + meaning
            for factor in applied.values():
                both *= factor
            weight = weights.get(row, 1.0)
            error = hit.score / weight - both - asked if row in candidates.error else 0.0
            found.append(
                Explanation(
                    section_id=hit.section_id,
                    score=round(hit.score, _ROUND),
                    lexical=self._lexical(read, candidates, row, words),
                    semantic=SemanticPart(round(meaning, _ROUND), round(candidates.semantic.get(row, 0.0), _ROUND)),
                    factors=applied,
                    questions=QuestionsPart(round(asked, _ROUND), self._nearest(candidates, row)),
                    error=round(error, _ROUND),
                    relevance_factor=round(weight, _ROUND),
                    repairs=self._repairs(read, row),
                )
            )
        return found

    def _lexical(self, read: Interpretation, candidates: Candidates, row: int, given: float) -> LexicalPart:
        lemmas = self._searcher.terms(read.read_as)
        others = self._searcher.synonym_lemmas(read)
        weight = self._searcher.ranking.synonym_weight
        fields = {
            name: self._bm25(lemmas, row, {name: each}) for name, each in self._searcher.ranking.fields.items() if each
        }
        return LexicalPart(
            given=round(given, _ROUND),
            bm25=round(candidates.lexical.get(row, 0.0), _ROUND),
            fields={name: score for name, score in fields.items() if score},
            words={
                lemma: score
                for lemma in dict.fromkeys(lemmas)
                if (score := self._bm25([lemma] * lemmas.count(lemma), row))
            },
            synonyms={lemma: round(weight * score, _ROUND) for lemma in others if (score := self._bm25([lemma], row))},
        )

    def _repairs(self, read: Interpretation, row: int) -> tuple[RepairPart, ...]:
        return tuple(
            RepairPart(
                change.kind,
                change.from_,
                change.to,
                round(
                    self._bm25(self._searcher.terms(change.to), row)
                    * (self._searcher.ranking.synonym_weight if change.kind == "synonym" else 1.0),
                    _ROUND,
                ),
            )
            for change in read.changes
        )

    def _nearest(self, candidates: Candidates, row: int) -> tuple[LikeQuestion, ...]:
        if candidates.likeness is None:
            return ()
        nearest = self._searcher.asked.nearest(candidates.likeness, row)[:_MOST_QUESTIONS]
        return tuple(LikeQuestion(text, round(cosine, _ROUND)) for text, cosine in nearest)

    def _bm25(self, lemmas: Sequence[str], row: int, weights: dict[str, float] | None = None) -> float:
        scores = self._searcher.artifact.lexical.scores(lemmas, weights or self._searcher.ranking.fields)
        return round(float(scores[row]), _ROUND)
