"""From a query to an answer: the steps for this visitor, the quote, what else to read, and where to turn."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from indexer.sections import Section
from indexer.stores.store import Filters
from server import deadline
from server.addresses import article_url, section_url
from server.escalation import Escalation, Escalator, Reason
from server.found import Hit, Result
from server.quotes import Quote, Quoter
from server.search import Searcher
from server.steps import AnswerStep, StepFinder, Visitor, suits

_LOOKED_AT = 10  # hits
_MOST_RELATED = 5
_RIVAL = 0.8  # share of the best relevance from which another section is an alternative


@dataclass(frozen=True, slots=True)
class Related:
    """A section to read next."""

    section_id: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a visitor is told."""

    result: Result  # that it was made from
    steps: tuple[AnswerStep, ...]  # in the order of the help; the general ones last
    next_step: AnswerStep | None  # the first that was not tried
    quote: Quote | None  # for a question that is no problem
    alternatives: tuple[Hit, ...]  # sections with other steps for other platforms than the first
    related: tuple[Related, ...]
    escalation: Escalation


class Answerer:
    """Answers queries with the steps and sentences of one help."""

    def __init__(self, searcher: Searcher, escalator: Escalator | None = None) -> None:
        self.escalator = escalator or Escalator(searcher.artifact.support)
        self._searcher = searcher
        self._finder = StepFinder(searcher)
        self._quoter = Quoter(searcher)

    def answer(
        self, query: str, *, platform: str | None = None, audience: str | None = None, tried: Collection[str] = ()
    ) -> Answer:
        """The answer for a platform and an audience, which the query's words may tell where they are not given.

        `tried` are ids of steps that were taken in vain; unknown ones are passed over.
        """
        filters = Filters((platform,) if platform else (), (audience,) if audience else ())
        return self.of(self._searcher.search(query, limit=_LOOKED_AT, filters=filters), platform, audience, tried)

    def of(
        self, result: Result, platform: str | None = None, audience: str | None = None, tried: Collection[str] = ()
    ) -> Answer:
        """The answer made from what a search found."""
        read = result.interpretation
        visitor = Visitor(platform or read.platform, audience or read.audience, is_sure=platform is not None)
        is_trouble = self._finder.is_trouble(result)
        steps: tuple[AnswerStep, ...] = ()
        if result.answerable:
            steps = self._finder.steps(result, visitor)
            if is_trouble and all(step.step_id in tried for step in steps):
                steps += self._finder.others(steps, result, visitor)
            if is_trouble and all(step.step_id in tried for step in steps):
                steps += self._finder.general(steps, visitor)
        deadline.check()
        steps = tuple(replace(step, tried=step.step_id in tried) for step in steps)
        return Answer(
            result=result,
            steps=steps,
            next_step=next((step for step in steps if not step.tried), None),
            quote=self._quoter.quote(result, visitor) if result.answerable and not is_trouble else None,
            alternatives=self._alternatives(result, visitor) if steps else (),
            related=self._related(result, visitor, steps),
            escalation=self.escalation(result, visitor, steps),
        )

    def escalation(self, result: Result, visitor: Visitor, steps: Sequence[AnswerStep] = ()) -> Escalation:
        """Where the visitor turns next; of the steps, those that were tried stand in the letter."""
        read = result.interpretation
        is_wish = self.escalator.is_wish(self._searcher.lemmatizer.lemmas(read.read_as))
        seen = dict.fromkeys(" › ".join(hit.headings) for hit in result.hits[:3]) if result.answerable else ()
        return self.escalator.escalation(
            _reason(result, steps, is_wish),
            read.typed,
            platform=visitor.platform,
            audience=visitor.audience,
            tried=[step for step in steps if step.tried],
            seen=list(seen),
        )

    def _alternatives(self, result: Result, visitor: Visitor) -> tuple[Hit, ...]:
        """Sections with steps, nearly as relevant as the first, for other platforms and the same audience."""
        first = result.hits[0]
        if visitor.platform or not first.platforms:
            return ()
        return tuple(
            hit
            for hit in result.hits[1:]
            if hit.relevance >= _RIVAL * first.relevance
            and hit.audiences == first.audiences
            and hit.platforms
            and not set(hit.platforms) & set(first.platforms)
            and self._searcher.sections[hit.section_id].steps
        )

    def _related(self, result: Result, visitor: Visitor, steps: Sequence[AnswerStep]) -> tuple[Related, ...]:
        """What the best section and its article link to, then what is like it; nothing twice, and no step's section."""
        if not result.answerable:
            return ()
        best = self._searcher.sections[result.hits[0].section_id]
        head = self._searcher.articles[best.article_id]
        found: dict[str, Related] = {}
        alike = () if result.degraded else self._alike(best, visitor)
        for target in (*best.related, *head.related, *alike):
            if section := self._searcher.sections.get(target):
                found.setdefault(target, Related(target, section.headings[-1], section_url(section)))
            elif (article := self._searcher.articles.get(target)) and (own := self._searcher.sections_of(target)):
                found.setdefault(own[0].section_id, Related(own[0].section_id, article.title, article_url(target)))
        for shown in (best.section_id, *(step.section_id for step in steps)):
            found.pop(shown, None)
        return tuple(found.values())[:_MOST_RELATED]

    def _alike(self, best: Section, visitor: Visitor) -> Iterator[str]:
        """Ids of the sections most like one in meaning that suit the visitor; no leads, which only announce others."""
        for row in self._searcher.neighbours(best.section_id, _LOOKED_AT):
            section = self._searcher.artifact.sections[row]
            if section.level > 1 and suits(section.platforms, section.audiences, visitor):
                yield section.section_id


def _reason(result: Result, steps: Sequence[AnswerStep], is_wish: bool) -> Reason:
    if is_wish:
        return "feature_request"
    if not result.answerable:
        return "no_answer"
    return "all_tried" if steps and all(step.tried for step in steps) else "if_not_solved"
