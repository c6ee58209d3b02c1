"""From a query to a ranking of sections: candidates from both halves, fused. What evaluation measures."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from indexer.artifact import ArticleHead, Artifact
from indexer.encoder import Vectors
from indexer.lemmas import Lemmatizer
from indexer.query_encoder import QueryEncoder
from indexer.sections import Section
from indexer.stores.local import LocalStore
from indexer.stores.store import Filters, Store, suits
from indexer.words import words
from server import deadline, fusion, tracing
from server.addresses import section_url
from server.asked import KnownQuestions, LeftOut
from server.found import Candidates, First, Hit, MatchedBy, Mode, Result, Scored
from server.guard import Guard, SemanticUnavailableError
from server.interpretation import Ability, Interpretation, Reader
from server.ranking import Ranking, read_ranking
from server.reading.cues import PLATFORMS, Platform
from server.reading.known import quoted_errors
from server.relevance import Gauge, likelihood, logit, relevance_of_bm25, relevance_of_cosine
from server.siblings import Siblings
from server.snippets import Snippets
from server.tracing import stage

_Given = TypeVar("_Given")

NO_FILTERS = Filters()
CANDIDATES = 100  # taken from each half; on rus-XQuAD 200 changed nDCG@10 by less than 0.001
_WEIGHED = 12  # rows whose odds of relevance are looked at


class Searcher:
    """Ranks the sections of one artifact."""

    def __init__(
        self,
        artifact: Artifact,
        encoder: QueryEncoder,
        ranking: Ranking | None = None,
        terms: Callable[[str], list[str]] | None = None,
        guard: Guard | None = None,
        store: Store | None = None,
    ) -> None:
        """`terms` cuts a query as the artifact's lexical index was cut: into lemmas, unless an evaluation differs.

        With a `guard` a search whose semantic half fails gives what words find; without one the failure is raised, as
        those who measure want it. Candidates come from the `store`, of the artifact's own files unless one is given.
        """
        self.guard = guard
        self.artifact = artifact
        self._files = LocalStore.of(artifact)  # answers by words where a store on another machine does not
        self.store: Store = store or self._files
        self.encoder = encoder
        self.ranking = ranking or read_ranking()
        self.articles: dict[str, ArticleHead] = {head.article_id: head for head in artifact.articles}
        self.sections: dict[str, Section] = {section.section_id: section for section in artifact.sections}
        self._by_article: dict[str, list[Section]] = {}
        for section in artifact.sections:
            self._by_article.setdefault(section.article_id, []).append(section)
        self.moved_articles = {alias: head.article_id for head in artifact.articles for alias in head.aliases}
        self.moved_sections = {alias: section.section_id for section in artifact.sections for alias in section.aliases}
        self.lemmatizer = Lemmatizer()
        self.terms = terms or self.lemmatizer.lemmas
        self.reader = Reader(
            artifact.errors,
            artifact.synonyms,
            artifact.words,
            self.lemmatizer,
            artifact.lexical.share_with,
            quoted_errors(artifact.sections),
        )
        self._snippets = Snippets(self.lemmatizer)
        self.calibration = artifact.calibration
        self._threshold = self.calibration.threshold if self.calibration else 0.0
        self._rows = {section.section_id: row for row, section in enumerate(artifact.sections)}
        self.asked = KnownQuestions(artifact.questions, self._rows)
        self.gauge = Gauge(artifact.lexical, artifact.words, self.lemmatizer, self.asked.sides, self.calibration)
        self._leads = _leads(artifact, self._by_article)
        self._for_admins = {row for row, section in enumerate(artifact.sections) if section.audiences == ("admin",)}
        self._by_platform = {platform: _for_others(artifact.sections, platform) for platform in PLATFORMS}
        self._siblings = Siblings(artifact.sections)
        # Rows in the order of section_id: ties are broken by it.
        self._order = np.empty(len(self._rows), dtype=np.int64)
        self._order[[self._rows[section_id] for section_id in sorted(self._rows)]] = np.arange(len(self._rows))

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        filters: Filters | None = None,
        mode: Mode = "hybrid",
        per_article: int = 3,
        without: Collection[Ability] = (),
        untouched: Collection[str] = (),
        left_out: LeftOut | None = None,
    ) -> Result:
        """At most `limit` sections, best first, at most `per_article` of one article.

        `without` switches off abilities of reading, AS_TYPED all that change words; `untouched` words stay as typed.
        `left_out` is a known question that is taken for unknown.

        A query without letters or digits gives no hits.
        """
        with stage("read"):
            read = self.read(query, without, untouched)
        if not any(words(read.read_as)):
            return Result(read, (), 0.0, False, False)
        filters = filters or Filters()
        degraded = False
        try:
            candidates = self.candidates(read, mode, filters, left_out)
        except SemanticUnavailableError:
            if mode != "lexical":  # words find the same in the artifact's own files
                mode, degraded = "lexical", True
                tracing.ended("degraded")
            candidates = self._by_words(read, filters, self._files)
        deadline.check()
        with stage("fuse"):
            scored = self.scored(read, candidates, mode, for_anybody=not filters.audience)
            rows = self.ranked(scored.scores, limit, per_article)
            relevances, calibrated = self._relevances(read, candidates, rows, scored, mode)
        deadline.check()
        with stage("render"):
            marked = self._snippets.query_lemmas(read.read_as)
            hits = tuple(
                self._hit(rank, row, scored.scores[row], relevance, candidates, marked)
                for rank, (row, relevance) in enumerate(zip(rows, relevances, strict=True), start=1)
            )
        best = max(relevances, default=0.0)
        answerable = bool(hits) and (not calibrated or best >= self._threshold)
        return Result(read, hits, best, answerable, calibrated, degraded, candidates)

    def first(self, query: str, left_out: LeftOut | None = None) -> First | None:
        """What is known of the section that the hybrid ranks first; None where it finds none.

        `left_out` is a known question that is taken for unknown.
        """
        read = self.read(query)
        candidates = self.candidates(read, "hybrid", left_out=left_out)
        rows = self.ranked(self.fuse(candidates, "hybrid"), 1, 1)
        if not rows or candidates.vector is None or candidates.likeness is None:
            return None
        (features,) = self._features(read, candidates, rows)
        lemmas = tuple(self.lemmatizer.lemmas(read.read_as))
        return First(features, candidates.vector, candidates.likeness.to_each, lemmas)

    def _features(self, read: Interpretation, candidates: Candidates, rows: Sequence[int]) -> list[dict[str, float]]:
        likeness = candidates.likeness
        to_each = likeness.to_each if likeness else None
        subject = candidates.subject or self.gauge.subject(read)
        evidence = self.gauge.evidence(subject, candidates.semantic, candidates.vector, to_each)
        asked = self.asked.cosines(likeness) if likeness else {}
        belonging = likeness.belonging if likeness else {}
        return [
            self.gauge.features(
                evidence,
                row,
                candidates.semantic.get(row, 0.0),
                candidates.lexical.get(row, 0.0),
                asked.get(row, 0.0),
                belonging.get(row, 0.0),
                explains=row in candidates.error,
            )
            for row in rows
        ]

    def scored(self, read: Interpretation, candidates: Candidates, mode: Mode, *, for_anybody: bool = True) -> Scored:
        """One score a row, higher is better: the fused one, and of the hybrid weighed by the odds of relevance.

        Of the best rows alone, since the odds take time; the rest are weighed as the least likely of these, and stay
        below them. Sections that explain an error text stay above. Without a calibration the scores are the fused ones.
        """
        fused = self.fuse(candidates, mode, for_anybody)
        if mode != "hybrid" or not self.calibration or not fused:
            return Scored(fused, {}, {})
        best = self._best_first(fused)[:_WEIGHED]
        features = self._features(read, candidates, best)
        logits = {row: logit(self.calibration, each) for row, each in zip(best, features, strict=True)}
        most, least = max(logits.values()), min(logits.values())
        power = self.ranking.relevance_power
        factors = dict.fromkeys(fused, math.exp(power * (least - most)))
        factors |= {row: math.exp(power * (each - most)) for row, each in logits.items()}
        factors |= dict.fromkeys(candidates.error, 1.0)
        return Scored({row: score * factors[row] for row, score in fused.items()}, factors, logits)

    def _relevances(
        self, read: Interpretation, candidates: Candidates, rows: Sequence[int], scored: Scored, mode: Mode
    ) -> tuple[list[float], bool]:
        """The relevance of each row, and whether it is calibrated: only the hybrid has all features."""
        if mode == "hybrid" and self.calibration:
            others = [row for row in rows if row not in scored.logits]
            features = self._features(read, candidates, others) if others else []
            logits = dict(scored.logits)
            logits |= {row: logit(self.calibration, each) for row, each in zip(others, features, strict=True)}
            return [likelihood(logits[row]) for row in rows], True
        return [self._squashed(candidates, row) for row in rows], False

    def _squashed(self, candidates: Candidates, row: int) -> float:
        cosine = relevance_of_cosine(candidates.semantic.get(row, 0.0))
        return cosine if candidates.semantic else max(cosine, relevance_of_bm25(candidates.lexical.get(row, 0.0)))

    def read(self, query: str, without: Collection[Ability] = (), untouched: Collection[str] = ()) -> Interpretation:
        """How the query is read; `without` switches abilities off, `untouched` words stay as typed."""
        return self.reader.read(query, without, untouched)

    def ranked(self, fused: Mapping[int, float], limit: int, per_article: int) -> list[int]:
        """The rows, best first, ties in the order of section_id, at most `per_article` of one article."""
        taken: Counter[str] = Counter()
        kept: list[int] = []
        for row in self._best_first(fused):
            article = self.artifact.sections[row].article_id
            if taken[article] < per_article:
                taken[article] += 1
                kept.append(row)
                if len(kept) == limit:
                    break
        return kept

    def _best_first(self, scores: Mapping[int, float]) -> list[int]:
        """The rows in the order of their scores, ties in that of section_id."""
        rows = np.fromiter(scores, np.int64, len(scores))
        order = np.lexsort((self._order[rows], -np.fromiter(scores.values(), np.float64, len(scores))))
        best: list[int] = rows[order].tolist()
        return best

    def neighbours(self, section_id: str, count: int) -> list[int]:
        """The rows of the sections most like one in meaning, the nearest first; none where a guarded store fails."""
        near = partial(self.store.neighbours, self._rows[section_id], count)
        try:
            found = self._guarded(near) if self.store.is_remote else near()
        except SemanticUnavailableError:
            found = []
        return [row for row, _ in found]

    def sections_of(self, article_id: str) -> Sequence[Section]:
        """The sections of an article in reading order; empty for an unknown article."""
        return self._by_article.get(article_id, ())

    def candidates(
        self,
        read: Interpretation,
        mode: Mode,
        filters: Filters = NO_FILTERS,
        left_out: LeftOut | None = None,
    ) -> Candidates:
        """The best CANDIDATES rows of each half that `mode` asks for, and for both together what known questions say.

        `left_out` is a known question that is taken for unknown.

        Raises SemanticUnavailableError where a guarded semantic half, or a guarded store of another machine, does not
        answer.
        """
        if mode == "lexical":
            return self._found_by_words(read, filters)
        deadline.check()
        by_meaning = partial(self._semantic, read, filters)
        # The model computes in another thread and leaves the interpreter to this one, which looks at the words
        # meanwhile. Where a store of another machine fails at that, nothing else is worth its time.
        meant = self.guard.begin(by_meaning) if self.guard and not self.store.is_remote else None
        found = Candidates({}, {}, frozenset(), platform=read.platform, audience=read.audience)
        worded = likeness = subject = None
        if mode == "hybrid":
            found = self._found_by_words(read, filters)
            with stage("fuse"):
                subject = self.gauge.subject(read)
                worded = self.asked.worded(self.lemmatizer.lemmas(read.read_as), left_out)
        vector, semantic = meant() if meant else self._guarded(by_meaning)
        if worded:
            with stage("fuse"):
                likeness = self.asked.likeness(vector, worded, left_out)
        return replace(
            found,
            semantic=semantic,
            vector=vector,
            likeness=likeness,
            subject=subject,
            platforms=frozenset(filters.platform),
        )

    def _found_by_words(self, read: Interpretation, filters: Filters) -> Candidates:
        by_words = partial(self._by_words, read, filters, self.store)
        return self._guarded(by_words) if self.store.is_remote else by_words()

    def _guarded(self, work: Callable[[], _Given]) -> _Given:
        return self.guard.call(work) if self.guard else work()

    def _by_words(self, read: Interpretation, filters: Filters, store: Store) -> Candidates:
        """What the lexical half of a store finds, and the rows that explain an error text of the query."""
        with stage("lexical"):
            lexical = self._lexical(read, filters, store)
        rows = (self._rows[section_id] for section_id in read.explained_in if section_id in self._rows)
        error = frozenset(row for row in rows if self._suits(row, filters))
        return Candidates(lexical, {}, error, platform=read.platform, audience=read.audience)

    def _semantic(self, read: Interpretation, filters: Filters) -> tuple[Vectors, dict[int, float]]:
        """The query's vector, and the cosines of the nearest rows."""
        with stage("encode"):
            vector = self.encoder.encode_query(read.sense)
            # Both readings are searched; a section counts by the one that it fits better.
            typed = None if read.is_sure else self.encoder.encode_query(read.typed)
        if not np.isfinite(vector).all():
            raise ArithmeticError("the encoder gave a vector that is not of numbers")
        deadline.check()
        with stage("semantic"):
            semantic = dict(self.store.semantic(vector, CANDIDATES, filters))
            if typed is not None:
                for row, cosine in self.store.semantic(typed, CANDIDATES, filters):
                    semantic[row] = max(cosine, semantic.get(row, cosine))
        return vector, semantic

    def fuse(self, candidates: Candidates, mode: Mode, for_anybody: bool = True) -> dict[int, float]:
        """One score a row, higher is better; sections that explain an error text of the query stand above the rest."""
        if mode == "lexical":
            fused = dict(candidates.lexical)
        elif mode == "semantic":
            fused = dict(candidates.semantic)
        else:
            fused = fusion.weighted_sum(
                candidates.lexical, candidates.semantic, self.ranking.semantic_weight, self.ranking.normalisation
            )
        if mode == "hybrid":
            for _, rows, factor in self.factors(candidates, for_anybody):
                if factor != 1.0:
                    for row in fused.keys() & rows:
                        fused[row] *= factor
            for row, given in self.given_by_questions(candidates).items():
                if row in fused:
                    fused[row] += given
        above = max(fused.values(), default=0.0)
        for row in candidates.error:
            fused[row] = fused.get(row, 0.0) + above
        return fused

    def factors(self, candidates: Candidates, for_anybody: bool) -> Iterator[tuple[str, Set[int], float]]:
        """What the sum of both halves is multiplied by: the setting's name, the rows of the sections, the factor.

        `for_anybody`: the caller named no audience.
        """
        yield "lead_factor", self._leads, self.ranking.lead_factor
        if candidates.audience == "admin":
            yield "asked_by_admin_factor", self._for_admins, self.ranking.asked_by_admin_factor
        elif for_anybody:
            yield "admin_factor", self._for_admins, self.ranking.admin_factor
        others = self._for_other_platforms(candidates.platform)
        yield "other_platform_factor", others, self.ranking.other_platform_factor

    def given_by_questions(self, candidates: Candidates) -> dict[int, float]:
        """What known questions add to the score of a row.

        Most say no platform: where those asked for leave the section out that answers, one beside it for them inherits.
        """
        likeness = candidates.likeness
        given: dict[int, float] = {}
        if likeness and (weight := self.ranking.question_weight):
            given = {row: weight * fit for row, fit in self.asked.fits(likeness, self.ranking).items()}
        if likeness and (weight := self.ranking.belonging_weight):
            for row, belonging in likeness.belonging.items():
                given[row] = given.get(row, 0.0) + weight * belonging
        if candidates.platforms:
            for row, heirs in self._siblings.heirs(candidates.platforms).items():
                for heir in heirs:
                    given[heir] = max(given.get(heir, 0.0), given.get(row, 0.0))
        return given

    def _for_other_platforms(self, platform: Platform | None) -> Set[int]:
        """The rows of sections that are for some platforms, but not for this one; none without a platform."""
        return self._by_platform[platform] if platform else frozenset()

    def synonym_lemmas(self, read: Interpretation) -> list[str]:
        """The lemmas that find the same as words of the query and do not stand in it, sorted."""
        return sorted({lemma for word in read.synonyms for lemma in self.terms(word)} - set(self.terms(read.read_as)))

    def _lexical(self, read: Interpretation, filters: Filters, store: Store) -> dict[int, float]:
        """BM25 of what was typed or meant; what finds the same as a word of it counts less than the word itself."""
        lemmas = [(self.terms(read.read_as), 1.0)]
        if self.ranking.synonym_weight and (others := self.synonym_lemmas(read)):
            lemmas.append((others, self.ranking.synonym_weight))
        scores = store.lexical(lemmas, self.ranking.fields, CANDIDATES, filters)
        if len(scores) <= CANDIDATES:
            return scores
        return {row: scores[row] for row in self._best_first(scores)[:CANDIDATES]}

    def _suits(self, row: int, filters: Filters) -> bool:
        section = self.artifact.sections[row]
        return suits(row, section, self.articles[section.article_id].topic, filters)

    def _hit(
        self, rank: int, row: int, score: float, relevance: float, candidates: Candidates, marked: frozenset[str]
    ) -> Hit:
        section = self.artifact.sections[row]
        matched: list[MatchedBy] = []
        if row in candidates.lexical:
            matched.append("lexical")
        if row in candidates.semantic:
            matched.append("semantic")
        if row in candidates.error:
            matched.append("error")
        return self.describe(section, marked, rank=rank, score=score, relevance=relevance, matched_by=tuple(matched))

    def describe(
        self,
        section: Section,
        marked: frozenset[str] = frozenset(),
        *,
        rank: int = 0,
        score: float = 0.0,
        relevance: float = 0.0,
        matched_by: tuple[MatchedBy, ...] = (),
    ) -> Hit:
        """The section as callers see it."""
        head = self.articles[section.article_id]
        text = section.text or section.headings[-1]
        snippet = self._snippets.snippet(text, marked)
        return Hit(
            rank=rank,
            section_id=section.section_id,
            article_id=section.article_id,
            title=head.title or section.article_id,
            headings=section.headings,
            url=section_url(section),
            snippet=snippet.text,
            highlights=snippet.highlights,
            text=text,
            score=score,
            relevance=relevance,
            matched_by=matched_by,
            platforms=section.platforms,
            audiences=section.audiences,
            updated=head.updated,
        )


def _leads(artifact: Artifact, by_article: Mapping[str, Sequence[Section]]) -> set[int]:
    """The rows of sections that announce what their article holds.

    None in other people's help, where such a section may be most of the article.
    """
    if artifact.manifest.inputs.corpus_form != "help":
        return set()
    return {
        row
        for row, section in enumerate(artifact.sections)
        if section.level == 1 and len(by_article[section.article_id]) > 1
    }


def _for_others(sections: Sequence[Section], platform: Platform) -> frozenset[int]:
    """The rows of sections that are for some platforms, but not for this one."""
    return frozenset(
        row for row, section in enumerate(sections) if section.platforms and platform not in section.platforms
    )
