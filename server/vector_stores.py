"""The search as OpenAI's vector stores are searched, for bots and frameworks that already speak that interface.

The help is one store, `default`; a section is a file. What the service knows better than an embedding alone (how likely
a section answers) is the score.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
from flask import Blueprint, Response
from pydantic import BaseModel, ConfigDict, Field

from indexer import generations
from indexer.sections import Section
from indexer.stores.store import Filters
from server.errors import QueryError
from server.exchange import posted, reply
from server.found import Hit
from server.interpretation import AS_TYPED
from server.schema import Few, QueryText, checked
from server.searching import asked, searcher

vector_stores = Blueprint("vector_stores", __name__, url_prefix="/v1/vector_stores")

STORE = "default"

_MOST_QUERIES = 8  # of one request
_PER_ARTICLE = 3  # sections, as in other searches; who filters may want all that is left
_DEEPEST = 8  # filters within filters
_LISTS = ("platform", "audience")  # attributes with any number of values; none means all

_MOST_FILTERS = 50  # of one request: each looks at every section

Attribute = Literal["article_id", "topic", "updated", "platform", "audience"]
Text = Annotated[str, Field(max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Equal(_Part):
    """Whether a section has a value. One for all platforms is for each: both "eq" and "ne" let it through."""

    type: Literal["eq", "ne"]
    key: Attribute
    value: Text


class Among(_Part):
    """Whether a section has one of several values."""

    type: Literal["in", "nin"]
    key: Attribute
    value: Annotated[list[Text], Field(max_length=200)]


class Ordered(_Part):
    """Whether a value of a section comes before or after another; dates are such as 2026-11-28."""

    type: Literal["gt", "gte", "lt", "lte"]
    key: Literal["article_id", "topic", "updated"]
    value: Text


class Compound(_Part):
    """Several filters, of which all have to hold, or one."""

    type: Literal["and", "or"]
    filters: Annotated[list["Filter"], Field(min_length=1, max_length=_MOST_FILTERS)]


Filter = Annotated[Equal | Among | Ordered | Compound, Field(discriminator="type")]


class RankingOptions(BaseModel):
    """From which score on a section is given. Without it, where nothing answers, nothing is."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)  # there is one ranker, whichever is named

    score_threshold: Annotated[float | None, Field(ge=0, le=1)] = None


class StoreSearchRequest(_Part):
    """A search as OpenAI's interface has it."""

    query: QueryText | Annotated[list[QueryText], Field(min_length=1, max_length=_MOST_QUERIES)]
    filters: Filter | None = None
    max_num_results: Few = 10
    ranking_options: RankingOptions | None = None
    rewrite_query: Annotated[
        bool | None, Field(description="false: no repair of layout, translit and typos, no synonyms")
    ] = None


@dataclass(frozen=True, slots=True)
class Content:
    """A text of a section."""

    type: Literal["text"]
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A section that was found."""

    file_id: str  # the section_id
    filename: str
    score: Annotated[float, Field(ge=0, le=1)]  # its relevance
    attributes: dict[str, str]
    content: list[Content]


@dataclass(frozen=True, slots=True)
class StoreSearchReply:
    """What was found, the best first; all of it stands on one page."""

    object: Literal["vector_store.search_results.page"]
    search_query: list[str]  # as they were read
    data: list[Found]
    has_more: Literal[False]
    next_page: None


@dataclass(frozen=True, slots=True)
class FileCounts:
    """How many files a store has, by what became of them."""

    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


@dataclass(frozen=True, slots=True)
class Store:
    """The help as a store."""

    id: str
    object: Literal["vector_store"]
    created_at: int  # seconds since 1970
    name: str
    status: Literal["completed"]
    usage_bytes: int
    file_counts: FileCounts
    metadata: dict[str, str]
    last_active_at: int | None
    expires_at: None


@dataclass(frozen=True, slots=True)
class StoresReply:
    """All stores."""

    object: Literal["list"]
    data: list[Store]
    first_id: str
    last_id: str
    has_more: Literal[False]


@dataclass(frozen=True, slots=True)
class OpenAIErrorDetail:
    """What went wrong: a Russian message, a kind, the field where one is to blame, a stable code."""

    message: str
    type: Literal[
        "invalid_request_error", "authentication_error", "permission_error", "rate_limit_error", "server_error"
    ]
    param: str | None
    code: str


@dataclass(frozen=True, slots=True)
class OpenAIErrorReply:
    """Every error below /v1/vector_stores."""

    error: OpenAIErrorDetail


@vector_stores.get("")
def stores() -> Response:
    """The one store that there is."""
    return reply(StoresReply("list", [_store()], STORE, STORE, has_more=False))


@vector_stores.get("/<store_id>")
def store(store_id: str) -> Response:
    """What the store holds."""
    _require(store_id)
    return reply(_store())


@vector_stores.post("/<store_id>/search")
def search(store_id: str) -> Response:
    """The sections that answer, each with its score."""
    _require(store_id)
    wanted = _read(posted())
    queries = [wanted.query] if isinstance(wanted.query, str) else wanted.query
    rows = None if wanted.filters is None else frozenset(np.flatnonzero(_kept(wanted.filters)).tolist())
    threshold = wanted.ranking_options.score_threshold if wanted.ranking_options else None
    read_as, rankings = [], []
    for query in queries:
        result = searcher().search(
            query,
            limit=wanted.max_num_results,
            per_article=_PER_ARTICLE if rows is None else wanted.max_num_results,
            without=AS_TYPED if wanted.rewrite_query is False else (),
            filters=Filters(rows=rows),
        )
        asked(result)
        read_as.append(result.interpretation.read_as)
        if threshold is not None or result.answerable:
            rankings.append([hit for hit in result.hits if hit.relevance >= (threshold or 0.0)])
    data = [_found(hit) for hit in _merged(rankings)[: wanted.max_num_results]]
    return reply(StoreSearchReply("vector_store.search_results.page", read_as, data, has_more=False, next_page=None))


def _require(store_id: str) -> None:
    if store_id != STORE:
        raise QueryError(404, "store_not_found", f"Такого хранилища нет, есть только «{STORE}».", "vector_store_id")


def _read(values: object) -> StoreSearchRequest:
    wanted = checked(StoreSearchRequest, values)
    queries = [wanted.query] if isinstance(wanted.query, str) else wanted.query
    if not all(query.strip() for query in queries):
        raise QueryError(422, "query_empty", "Введите запрос.", "query")
    if wanted.filters is not None and _size(wanted.filters) > _MOST_FILTERS:
        message = f"Слишком много фильтров: вместе не больше {_MOST_FILTERS}, не глубже {_DEEPEST} уровней."
        raise QueryError(422, "invalid_value", message, "filters")
    return wanted


def _store() -> Store:
    artifact = searcher().artifact
    sections = len(artifact.sections)
    created = generations.created(artifact.generation)  # empty where the id does not say
    return Store(
        id=STORE,
        object="vector_store",
        created_at=int(datetime.fromisoformat(created).timestamp()) if created else 0,
        name=STORE,
        status="completed",
        usage_bytes=sum(len(section.text.encode()) for section in artifact.sections),
        file_counts=FileCounts(0, sections, 0, 0, sections),
        metadata={"generation": artifact.generation, "model": artifact.manifest.inputs.model},
        last_active_at=None,
        expires_at=None,
    )


def _merged(rankings: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The hits of several rankings, each section once, with its best score; those that stand higher first."""
    best: dict[str, tuple[int, Hit]] = {}
    for ranking in rankings:
        for place, hit in enumerate(ranking):
            known = best.get(hit.section_id)
            if known is None:
                best[hit.section_id] = (place, hit)
            else:
                best[hit.section_id] = (min(place, known[0]), max(hit, known[1], key=lambda each: each.relevance))
    ordered = sorted(best.values(), key=lambda pair: (pair[0], -pair[1].relevance, pair[1].section_id))
    return [hit for _, hit in ordered]


def _found(hit: Hit) -> Found:
    section = searcher().sections[hit.section_id]
    attributes = {name: ",".join(_values(section, name)) for name in get_args(Attribute)}
    told = {"title": " › ".join(hit.headings), "url": hit.url}
    return Found(
        file_id=hit.section_id,
        filename=f"{hit.article_id}.md",
        score=hit.relevance,
        # OpenAI allows 512 characters.
        attributes={name: value[:512] for name, value in (attributes | told).items()},
        content=[Content("text", hit.text)],
    )


# Filters

_ORDER: dict[str, Callable[[str, str], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def _values(section: Section, name: Attribute) -> Sequence[str]:
    """What a section has of an attribute: one value, of _LISTS any number."""
    head = searcher().articles[section.article_id]
    values: dict[Attribute, Sequence[str]] = {
        "article_id": (section.article_id,),
        "topic": (head.topic,),
        "updated": (head.updated,),
        "platform": section.platforms,
        "audience": section.audiences,
    }
    return values[name]


def _size(wanted: Filter, depth: int = 1) -> int:
    """How many filters there are; too many where they are too deep in each other."""
    if depth > _DEEPEST:
        return _MOST_FILTERS + 1
    return 1 + sum(_size(each, depth + 1) for each in wanted.filters) if isinstance(wanted, Compound) else 1


def _kept(wanted: Filter) -> npt.NDArray[np.bool_]:
    """A mask over sections, (sections,): those that the filter lets through."""
    if isinstance(wanted, Compound):
        masks = [_kept(each) for each in wanted.filters]
        combined: npt.NDArray[np.bool_] = (np.all if wanted.type == "and" else np.any)(masks, axis=0)
        return combined
    passes, key = _test(wanted), wanted.key
    sections = searcher().artifact.sections
    return np.fromiter((passes(_values(each, key)) for each in sections), dtype=bool, count=len(sections))


def _test(wanted: Equal | Among | Ordered) -> Callable[[Sequence[str]], bool]:
    """Whether the values of an attribute pass a comparison."""
    if isinstance(wanted, Ordered):
        holds, other = _ORDER[wanted.type], wanted.value
        return lambda own: holds(own[0], other)
    values = {wanted.value} if isinstance(wanted, Equal) else set(wanted.value)
    is_for_all = wanted.key in _LISTS
    if wanted.type in ("eq", "in"):
        return lambda own: (is_for_all and not own) or not values.isdisjoint(own)
    return lambda own: (is_for_all and not own) or not values.issuperset(own)
