"""Votes of visitors and judgments of agents, in the journal of the `--data` folder; without that folder none are taken.

A visitor's query is remembered by its id and by what was shown for it, so that a vote can name it; its text only where
the operator switched the query log on.
What an agent judged for is kept, without personal data: a judgment says nothing without it.
"""

import logging
import uuid
from pathlib import Path

from server.errors import QueryError
from server.found import Result
from server.journal import Journal, JournalError, UnknownQueryError
from server.personal import hide
from server.querylog import DAYS, NOTHING_KEPT
from server.reading.masks import mask
from server.retention import FEEDBACK_DAYS, Retention
from server.schema import FeedbackRequest
from server.search import Searcher

_log = logging.getLogger(__name__)


class Feedback:
    """The votes of one server."""

    def __init__(self, folder: Path, days: int | None = None, feedback_days: int = FEEDBACK_DAYS) -> None:
        """Votes and judgments are kept for `feedback_days`; with `days` the texts of queries too, masked, for so long.

        What an earlier server wrote goes as well. Raises JournalError where the folder cannot hold them.
        """
        self._journal = Journal(folder)
        self._keeps_texts = days is not None
        self.retention = Retention(self._journal, DAYS if days is None else days, feedback_days)

    def remember(self, query_id: str, result: Result) -> None:
        """Keeps what was shown for a query. A journal that fails costs votes, never an answer."""
        shown = [hit.section_id for hit in result.hits]
        kept = hide(result.interpretation.typed) if self._keeps_texts else NOTHING_KEPT
        try:
            self._journal.add_query(
                query_id,
                kept.text,
                answerable=result.answerable,
                relevance=result.relevance,
                sections=shown,
                hidden=kept.counts,
            )
            self.retention.sweep()
        except JournalError as error:
            _log.warning("a query was not remembered, votes on it will be refused: %s", error)

    def read_unasked(self, section_id: str) -> str:
        """The id of a new query for somebody who came to a section without one, from elsewhere."""
        query_id = uuid.uuid4().hex
        self._journal.add_query(query_id, "", answerable=True, relevance=0.0, sections=[section_id])
        return query_id

    def vote(self, wanted: FeedbackRequest, section_id: str) -> None:
        """Keeps a vote; what is personal in the comment is masked. Raises UnknownQueryError."""
        self._journal.add_feedback(wanted.query_id, section_id, wanted.outcome, hide(mask(wanted.comment.strip())).text)

    def judge(self, query: str, section_id: str, grade: int) -> None:
        """Keeps an agent's judgment; what is personal in the query is hidden."""
        self._journal.add_judgment(hide(query).text, section_id, grade)


def remembered(feedback: Feedback | None, result: Result) -> str:
    """A new query id, remembered where there is feedback."""
    query_id = uuid.uuid4().hex
    if feedback:
        feedback.remember(query_id, result)
    return query_id


def keep(feedback: Feedback | None, searcher: Searcher, wanted: FeedbackRequest, *, unasked: bool = False) -> str:
    """Keeps a vote and gives the present id of its section; raises QueryError where that is not possible.

    With `unasked` a vote without a query id is taken as one of a reader who did not search.
    """
    feedback, section_id = _require(feedback, searcher, wanted.section_id)
    try:
        if unasked and not wanted.query_id:
            wanted = wanted.model_copy(update={"query_id": feedback.read_unasked(section_id)})
        feedback.vote(wanted, section_id)
    except UnknownQueryError as error:
        message = "Такого запроса нет, или он был слишком давно. Повторите поиск."
        raise QueryError(404, "query_not_found", message, "query_id") from error
    except JournalError as error:
        raise _unavailable(error) from error
    return section_id


def judge(feedback: Feedback | None, searcher: Searcher, query: str, section_id: str, grade: int) -> str:
    """Keeps an agent's judgment and gives the present id of its section; raises QueryError where it cannot."""
    feedback, section_id = _require(feedback, searcher, section_id)
    try:
        feedback.judge(query, section_id, grade)
    except JournalError as error:
        raise _unavailable(error) from error
    return section_id


def _require(feedback: Feedback | None, searcher: Searcher, section_id: str) -> tuple[Feedback, str]:
    """The feedback, and the present id of the section. Raises QueryError where there is none of one of them."""
    if feedback is None:
        raise QueryError(404, "feedback_off", "Отзывы на этом сайте выключены.")
    section_id = searcher.moved_sections.get(section_id, section_id)
    if section_id not in searcher.sections:
        raise QueryError(404, "section_not_found", "Такого раздела нет.", "section_id")
    return feedback, section_id


def _unavailable(error: JournalError) -> QueryError:
    _log.error("a vote was not kept: %s", error)
    message = "Отзыв не удалось сохранить. Повторите через 10 секунд."
    return QueryError(503, "feedback_unavailable", message)
