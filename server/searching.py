"""From a checked search request to its reply: what a single search and an item of a batch have in common."""

import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import TypeVar

import orjson
from flask import current_app

from indexer.stores.store import Filters
from server import budget, dialogue, feedback, fitting, schema, tracing
from server.caching import Reply
from server.errors import QueryError
from server.explaining import Explainer, Explanation
from server.found import Hit, Result
from server.interpretation import AS_TYPED
from server.live import serving
from server.schema import SearchRequest
from server.search import Searcher

_Reply = TypeVar("_Reply", bound=schema.ReplyHead)


def searcher() -> Searcher:
    """The searcher of the request."""
    return serving().searcher


def asked(result: Result) -> str:
    """A new query id; with feedback on, the journal knows it from now on, without the query's text."""
    return feedback.remembered(current_app.extensions["feedback"], result)


def reply_body(asked_for: Hashable, read: Callable[[], SearchRequest]) -> bytes:
    """The JSON that answers a search, as kept for what was `asked_for`, else made; `read` gives the checked request.

    Raises QueryError where the request is wrong.
    """
    started = time.perf_counter()
    replies = serving().replies
    key = (serving().generation, asked_for)
    if known := replies.get(key):
        tracing.ended("cached")
        return known.body(asked(known.result), milliseconds_since(started))
    wanted = read()
    found, result = _reply_to(wanted, started)
    with tracing.stage("render"):
        body = orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)
    if not result.degraded:  # the next one may find more
        replies.keep(key, Reply.of(body, replace(result, candidates=None)))
    return body


def _reply_to(wanted: SearchRequest, started: float) -> tuple[schema.SearchReply, Result]:
    begin = budget.begins(wanted, searcher()) if wanted.max_tokens else None
    result = _found(wanted, begin)
    hits, after = list(result.hits), None
    if begin and wanted.max_tokens:
        begin = replace(begin, degraded=result.degraded)
        hits, after = budget.page(hits, begin, wanted.max_tokens, searcher(), fitting.counter(searcher()))
    shown = result.answerable or not wanted.abstain
    explanations = _explained(result, wanted, hits) if wanted.explain else None
    with tracing.stage("render"):
        found = headed(
            schema.SearchReply,
            wanted.query,
            result,
            started,
            hits=hits if shown else [],
            near_misses=[] if shown else hits,
            explanations=explanations,
            next=after.handle() if after else None,
        )
    return found, result


def _found(wanted: SearchRequest, begin: budget.Place | None) -> Result:
    """The ranking; where earlier pages were found by words alone, or not, this one is as well."""
    filters = Filters(tuple(wanted.filters.platform), tuple(wanted.filters.audience), tuple(wanted.filters.topic))
    _check_topics(filters)
    query = wanted.query
    if wanted.context:
        chosen = dialogue.Chosen(platform=bool(filters.platform), audience=bool(filters.audience))
        query = dialogue.resolved(query, wanted.context, searcher(), chosen)
    by_words = begin is not None and begin.degraded
    result = searcher().search(
        query,
        limit=wanted.limit,
        filters=filters,
        mode="lexical" if by_words else wanted.mode,
        per_article=wanted.per_article,
        without=AS_TYPED if wanted.as_typed else (),
    )
    if wanted.next and result.degraded and not by_words:
        message = "Продолжение сейчас недоступно: поиск работает не полностью. Повторите запрос позже."
        raise QueryError(503, "semantic_unavailable", message)
    return replace(result, degraded=True) if by_words else result


def milliseconds_since(started: float) -> float:
    """How long it is since then, by time.perf_counter()."""
    return round((time.perf_counter() - started) * 1000, 2)


def _explained(result: Result, wanted: SearchRequest, hits: list[Hit]) -> list[Explanation]:
    """An explanation for each of the hits, in their order; a hit that goes on over two pages is explained on both."""
    explained = Explainer(searcher()).explain(result, wanted.mode, for_anybody=not wanted.filters.audience)
    by_section = {each.section_id: each for each in explained}
    return [by_section[hit.section_id] for hit in hits]


def _check_topics(filters: Filters) -> None:
    if not filters.topic:
        return
    known = {head.topic for head in searcher().artifact.articles}
    known |= {topic.id for topic in searcher().artifact.topics.topic}
    if any(topic not in known for topic in filters.topic):
        raise QueryError(422, "invalid_value", "Недопустимое значение поля «filters.topic».", "filters.topic")


def headed(kind: Callable[..., _Reply], query: str, result: Result, started: float, **rest: object) -> _Reply:
    """The reply to a query: its head, made from what the search found since `started`, and the rest as given."""
    read = result.interpretation
    artifact = searcher().artifact
    return kind(
        query_id=asked(result),
        query=query,
        answerable=result.answerable,
        relevance=result.relevance,
        calibrated=result.calibrated,
        degraded="semantic_unavailable" if result.degraded else None,
        interpretation=schema.InterpretationOut(
            kind=read.kind,
            read_as=read.read_as,
            changes=[
                {"kind": change.kind, "from": change.from_, "to": change.to, "confidence": change.confidence}
                for change in read.changes
            ],
            error=schema.ErrorTextOut(list(read.error.codes), read.error.message, read.error.skeleton)
            if read.error
            else None,
            platform=read.platform,
            audience=read.audience,
        ),
        took_ms=milliseconds_since(started),
        index=schema.IndexOut(artifact.generation, artifact.manifest.inputs.model),
        **rest,
    )
