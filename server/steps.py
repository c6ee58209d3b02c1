"""The troubleshooting steps for a query: those of the sections that answer it, in the order of the help."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from indexer.encoder import Vectors
from indexer.lemmas import Lemmatizer
from indexer.sections import Section, Step, with_parts
from server.choice import StepChoice
from server.search import Result, Searcher, section_url

# Of so many first hits the best with steps gives them, further down only another section of the article that the best
# stands in; and one more whose score is nearly the best. Chosen on known questions, each left out in turn, see
# docs/design.md.
_LOOKED_AT, _LOOKED_AT_IN_ARTICLE, _GIVING = 3, 5, 2
_NEARLY = 0.8  # share of the best score
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
        self._choice = StepChoice(
            searcher.artifact.questions.questions,
            {head.article_id: searcher.sections_of(head.article_id) for head in searcher.artifact.articles},
        )

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
        likeness = result.candidates.likeness if result.candidates else None
        return self._once(self._given(result, visitor, likeness.to_each if likeness else None))

    def others(self, given: Sequence[AnswerStep], result: Result, visitor: Visitor) -> tuple[AnswerStep, ...]:
        """What the same sections advise beside the steps given: for who has tried those in vain."""
        return self._once([*given, *self._given(result, visitor, None)])[len(given) :]

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

    def _given(self, result: Result, visitor: Visitor, to_each: Vectors | None) -> Iterator[AnswerStep]:
        """The steps of the first section that has some for this query and visitor, then of one that is nearly as good.

        Of a section for another platform or audience than the first nothing is taken: that is another answer. Without
        `to_each`, the cosine of every known question, all steps of a section are taken to belong into the answer.
        """
        if not result.hits:
            return
        # Who asks what something is, is not told what to do about something else.
        is_trouble = self.is_trouble(result)
        looked_at = _LOOKED_AT if is_trouble else 1
        asks_what = not is_trouble and _ASKS_WHAT.search(result.interpretation.read_as)
        least = _NEARLY * result.hits[0].score
        first: Section | None = None
        giving = 0
        for place, hit in enumerate(result.hits[:_LOOKED_AT_IN_ARTICLE]):
            if place >= looked_at and (asks_what or hit.article_id != result.hits[0].article_id):
                continue
            section = self._searcher.sections[hit.section_id]
            if first and (hit.score < least or not _for_the_same(section, first)):
                continue
            if steps := self._of(section, visitor, to_each):
                yield from steps
                first, giving = first or section, giving + 1
            if giving == _GIVING:
                return

    def _of(self, section: Section, visitor: Visitor, to_each: Vectors | None) -> list[AnswerStep]:
        """The steps of a section and its parts that belong into the answer to this visitor."""
        of_article = self._searcher.sections_of(section.article_id)
        for asker in visitor.guesses:
            sources = [
                each
                for each in with_parts(section, of_article)
                if each.steps and suits(each.platforms, each.audiences, asker)
            ]
            if sources:
                chosen = (answer_step(step, each) for each in sources for step in self._choice.chosen(each, to_each))
                return [made for made in chosen if suits(made.platforms, made.audiences, asker)]
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


def _for_the_same(one: Section, other: Section) -> bool:
    return one.platforms == other.platforms and one.audiences == other.audiences


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
