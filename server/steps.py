"""The troubleshooting steps for a query: those of the sections that answer it, in the order of the help."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from indexer.lemmas import Lemmatizer
from indexer.sections import Section, Step, with_parts
from server.addresses import section_url
from server.choice import StepChoice
from server.found import Result
from server.search import Searcher

# Of so many first hits steps are looked for, and in the article of the first down to the second number; where nothing
# was learnt of the steps only of fewer, and further than the first only where something is said to be wrong.
_LOOKED_AT, _LOOKED_AT_UNLEARNT = (5, 10), (3, 5)
_GIVING = 3  # sections
# Chosen on known questions, each left out in turn, see docs/design.md.
_STEEP = 1.5  # how steeply what a section's steps are worth falls with its score: a power of the share
_LEAST = 0.4  # share of the best step's score that a step needs
_FLOOR = 0.1  # score that the best step needs where nothing is said to be wrong
_NEARLY = 0.8  # share of the best section's score, for a section of whose steps nothing was learnt
_ALIKE = 0.75  # share of lemmas, of all that either has, from which two steps are one (Jaccard, 1901)

# Words by which somebody says that something does not work; a wish for one of the rest is no problem.
_TROUBLE = frozenset(
    (
        *("не", "нет", "нету", "ни", "ошибка", "сбой", "проблема", "баг", "глюк", "глючить", "лаг", "лагать", "тупить"),
        *("пропасть", "пропадать", "исчезнуть", "исчезать", "потерять", "потеряться", "сломаться", "ломаться"),
        *("зависнуть", "зависать", "виснуть", "вылетать", "вылететь", "тормозить", "перестать", "слететь", "крашиться"),
        *("прерываться", "обрываться", "сбрасываться", "искажаться", "застрять", "плохо", "плохой", "нельзя"),
        *("заблокировать", "невозможно", "отказать", "отказ", "недоступный", "недоступно", "молчать", "пустой"),
    )
)


# Questions after a meaning, which no steps answer but those of the very section that tells it.
_ASKS_WHAT = re.compile(r"(?i)\b(?:что (?:такое|это|значит|означает)|зачем|для чего)\b")


@dataclass(frozen=True, slots=True)
class AnswerStep:
    """One instruction, word for word as in the help, and where it stands."""

    step_id: str  # stays while the text does
    text: str
    substeps: tuple[str, ...]
    platforms: tuple[str, ...]  # empty: all
    audiences: tuple[str, ...]  # empty: all
    danger: tuple[str, ...]  # deletes_data, signs_out, needs_admin
    section_id: str
    url: str
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, and on what; None where neither was said."""

    platform: str | None = None
    audience: str | None = None
    is_sure: bool = True  # False: the platform was guessed from the words of the query

    @property
    def guesses(self) -> "tuple[Visitor, ...]":
        """The visitor, and where the platform is a guess the visitor without it."""
        return (self,) if self.is_sure or self.platform is None else (self, replace(self, platform=None))


@dataclass(frozen=True, slots=True)
class _Giving:
    """A section that may give steps."""

    section: Section
    steps: list[AnswerStep]
    share: float  # of the best section's score
    scores: list[float] | None  # of the steps; None where nothing was learnt of them
    belonging: tuple[AnswerStep, ...] = ()  # those that belong into the answer

    def kept(self, least: float) -> "_Giving":
        """The same with the steps that belong: those of at least this score."""
        if self.scores is None:
            return replace(self, belonging=tuple(self.steps) if self.share >= _NEARLY else ())
        scored = zip(self.steps, self.scores, strict=True)
        return replace(self, belonging=tuple(step for step, score in scored if score >= least))

    def best(self, unless_learnt: float) -> float:
        """The score of the best step."""
        return unless_learnt * self.share if self.scores is None else max(self.scores)


class StepFinder:
    """Finds the steps for what a searcher has found."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._lemmatizer: Lemmatizer = searcher.lemmatizer
        self._choice = StepChoice(searcher.artifact.questions)

    def is_trouble(self, result: Result) -> bool:
        """Whether the query tells of something that does not work, rather than asks what or how."""
        read = result.interpretation
        if read.kind == "error" or read.explained_in:
            return True
        return not _TROUBLE.isdisjoint(self._lemmatizer.lemmas(read.read_as))

    def steps(self, result: Result, visitor: Visitor) -> tuple[AnswerStep, ...]:
        """The steps that belong into the answer, of the section that answers and its parts; empty where none gives any.

        Without steps for another platform or audience than the visitor's, unless the platform is a guess and the
        section that answers is all for others. A step that two parts give stands once.
        """
        return self._once(step for giving in self._giving(result, visitor) for step in giving.belonging)

    def others(self, given: Sequence[AnswerStep], result: Result, visitor: Visitor) -> tuple[AnswerStep, ...]:
        """What the same sections advise beside the steps given: for who has tried those in vain."""
        told = (step for giving in self._giving(result, visitor) for step in giving.steps)
        return self._once([*given, *told])[len(given) :]

    def _once(self, steps: Iterable[AnswerStep]) -> tuple[AnswerStep, ...]:
        """The steps in their order without those that an earlier one says already."""
        found: list[AnswerStep] = []
        known: list[frozenset[str]] = []
        for step in steps:
            lemmas = self.content(step.text)
            if not any(alike(lemmas, other) >= _ALIKE for other in known):
                found.append(step)
                known.append(lemmas)
        return tuple(found)

    def general(self, specific: Sequence[AnswerStep], visitor: Visitor) -> tuple[AnswerStep, ...]:
        """The steps of the ladder, as the help words them, without those that the specific ones already say.

        Without steps for another platform than the visitor's.
        """
        said = [self.content(" ".join((step.text, *step.substeps))) for step in specific]
        kept = []
        for gist, step in self._ladder:
            told = any(len(gist & lemmas) >= _ALIKE * len(gist) for lemmas in said)
            if not told and suits(step.platforms, (), visitor):
                kept.append(step)
        return tuple(kept)

    def content(self, text: str) -> frozenset[str]:
        """The lemmas of a text without function words."""
        return frozenset(self._lemmatizer.content_lemmas(text))

    def _giving(self, result: Result, visitor: Visitor) -> list["_Giving"]:
        """The sections whose steps answer, the best first, with their steps for this visitor.

        A step's score is how much it belongs into the answer by the known questions, times a power of the share that
        its section has of the best section's score. A section for other platforms or another audience than the first
        is another answer and gives nothing.
        """
        candidates = result.candidates
        likeness = candidates.likeness if candidates else None
        is_trouble = self.is_trouble(result)
        # Who asks what something is, is not told what to do about something else.
        asks_what = not is_trouble and _ASKS_WHAT.search(result.interpretation.read_as)
        found: list[_Giving] = []
        for place, hit in enumerate(result.hits[: 1 if asks_what else None]):
            section = self._searcher.sections[hit.section_id]
            steps = self._of(section, visitor)
            if not steps or any(set(steps) <= set(other.steps) for other in found):
                continue
            known = self._choice.scores([(each.section_id, each.step_id) for each in steps], likeness)
            anywhere, in_article = _LOOKED_AT if known is not None else _LOOKED_AT_UNLEARNT
            if known is None and not is_trouble:
                anywhere = 1
            if place < (in_article if hit.article_id == result.hits[0].article_id else anywhere):
                share = hit.score / result.hits[0].score if result.hits[0].score > 0 else 1.0
                scores = None if known is None else [share**_STEEP * each for each in known]
                found.append(_Giving(section, steps, share, scores))
        best = max((max(each.scores) for each in found if each.scores), default=0.0)
        least = _LEAST * best if best >= _FLOOR or is_trouble else math.inf
        chosen = sorted((each.kept(least) for each in found), key=lambda each: -each.best(best))
        chosen = [each for each in chosen if each.belonging]
        return [each for each in chosen if _go_together(each.section, chosen[0].section)][:_GIVING]

    def _of(self, section: Section, visitor: Visitor) -> list[AnswerStep]:
        """The steps of a section and its parts for this visitor.

        Where the platform is a guess and all are for others, those.
        """
        of_article = self._searcher.sections_of(section.article_id)
        for asker in visitor.guesses:
            sources = [
                each
                for each in with_parts(section, of_article)
                if each.steps and suits(each.platforms, each.audiences, asker)
            ]
            if sources:
                made = (answer_step(step, each) for each in sources for step in each.steps)
                return [step for step in made if suits(step.platforms, step.audiences, asker)]
        return []

    @cached_property
    def _ladder(self) -> list[tuple[frozenset[str], AnswerStep]]:
        """Each rung of support.toml's ladder, as the lemmas of its first clause and the step of the help that says it.

        Looked for in the one section that says most of them; empty in a help without one.
        """
        support = self._searcher.artifact.support
        gists = [self.content(re.split("[:.;]", rung.text)[0]) for rung in support.ladder] if support else []
        best: list[tuple[frozenset[str], AnswerStep]] = []
        for section in self._searcher.artifact.sections:
            steps = [(self.content(" ".join((step.text, *step.substeps))), step) for step in section.steps]
            found = []
            for gist in filter(None, gists):
                fits = (step for lemmas, step in steps if len(gist & lemmas) >= _ALIKE * len(gist))
                if step := next(fits, None):
                    found.append((gist, answer_step(step, section)))
            if len(found) > max(1, len(best)):
                best = found
        return best


def suits(platforms: Sequence[str], audiences: Sequence[str], visitor: Visitor) -> bool:
    """Whether something for these platforms and audiences (empty: all) is for the visitor."""
    for_platform = not platforms or visitor.platform is None or visitor.platform in platforms
    return for_platform and (not audiences or visitor.audience is None or visitor.audience in audiences)


def _go_together(one: Section, other: Section) -> bool:
    """Whether somebody may need the steps of both."""
    pairs = (one.platforms, other.platforms), (one.audiences, other.audiences)
    return all(not left or not right or not set(left).isdisjoint(right) for left, right in pairs)


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the lemmas of both that both have, in [0, 1]; 0.0 where there are none."""
    return len(one & other) / len(one | other) if one or other else 0.0


def answer_step(step: Step, section: Section) -> AnswerStep:
    """The step of a section, for the section's platforms and audiences unless it has its own."""
    return AnswerStep(
        step_id=step.step_id,
        text=step.text,
        substeps=step.substeps,
        platforms=step.platforms or section.platforms,
        audiences=step.audiences or section.audiences,
        danger=step.danger,
        section_id=section.section_id,
        url=section_url(section),
    )
