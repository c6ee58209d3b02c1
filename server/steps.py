"""The troubleshooting steps for a query: those of the sections that answer it, in the order of the help."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from indexer.lemmas import Lemmatizer
from indexer.sections import Section, Step
from server.search import Result, Searcher, section_url

# Of the first hits, the first that has steps gives them; further down, only another section of the article that the
# best one stands in. Chosen on tuning: steps of two sections lost more precision than they won recall.
_LOOKED_AT, _LOOKED_AT_IN_ARTICLE = 3, 5
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


class StepFinder:
    """Finds the steps for what a searcher has found."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._lemmatizer: Lemmatizer = searcher.lemmatizer

    def is_trouble(self, result: Result) -> bool:
        """Whether the query tells of something that does not work, rather than asks what or how."""
        read = result.interpretation
        if read.kind == "error" or read.explained_in:
            return True
        return not _TROUBLE.isdisjoint(self._lemmatizer.lemmas(read.read_as))

    def steps(self, result: Result, visitor: Visitor) -> tuple[AnswerStep, ...]:
        """The steps of the section that answers, and of its parts; empty where none gives any.

        Without steps for another platform or audience than the visitor's, unless the platform is a guess and the
        section that answers is all for others. A step that two parts give stands once.
        """
        found: list[AnswerStep] = []
        known: list[frozenset[str]] = []
        asker, sources = self._sources(result, visitor)
        for section in sources:
            for step in section.steps:
                made = answer_step(step, section)
                if not suits(made.platforms, made.audiences, asker):
                    continue
                lemmas = self.content(step.text)
                if not any(alike(lemmas, other) >= _ALIKE for other in known):
                    found.append(made)
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

    def _sources(self, result: Result, visitor: Visitor) -> tuple[Visitor, list[Section]]:
        """The first section found that has steps for the visitor, with its parts, and whom they are for."""
        # Who asks what something is, is not told what to do about something else.
        is_trouble = self.is_trouble(result)
        looked_at = _LOOKED_AT if is_trouble else 1
        asks_what = not is_trouble and _ASKS_WHAT.search(result.interpretation.read_as)
        for place, hit in enumerate(result.hits[:_LOOKED_AT_IN_ARTICLE]):
            if place >= looked_at and (asks_what or hit.article_id != result.hits[0].article_id):
                continue
            section = self._searcher.sections[hit.section_id]
            for asker in visitor.guesses:
                if sources := [
                    each
                    for each in (section, *self._parts(section))
                    if each.steps and suits(each.platforms, each.audiences, asker)
                ]:
                    return asker, sources
        return visitor, []

    def _parts(self, section: Section) -> Iterable[Section]:
        """The parts for one platform or audience below a question that has no steps of its own."""
        if section.level != 2 or section.steps:
            return
        sections = self._searcher.sections_of(section.article_id)
        for each in sections[sections.index(section) + 1 :]:
            if each.level <= section.level:
                return
            yield each

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


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the lemmas of both that both have, in [0, 1]; 0.0 where there are none."""
    return len(one & other) / len(one | other) if one or other else 0.0


def answer_step(step: Step, section: Section) -> AnswerStep:
    """The step of a section, for the section's platforms and audiences unless it has its own."""
    told = "\n".join((step.text, *step.substeps))
    return AnswerStep(
        step_id=hashlib.sha256(told.encode()).hexdigest()[:12],
        text=step.text,
        substeps=step.substeps,
        platforms=step.platforms or section.platforms,
        audiences=step.audiences or section.audiences,
        danger=step.danger,
        section_id=section.section_id,
        url=section_url(section),
    )
