"""The request and reply types of the HTTP contract; requests are checked by them, /openapi.json is made from them."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from typing_extensions import TypedDict

from indexer.words import clean
from server.answering import Related
from server.errors import QueryError
from server.escalation import Escalation
from server.explaining import Explanation
from server.found import Hit, Mode
from server.journal import Outcome
from server.quotes import Quote
from server.steps import AnswerStep
from server.suggest import Suggestion

MAXIMUM_QUERY = 16_384  # characters after decoding
MAXIMUM_BODY = 256 * 1024  # bytes
MAXIMUM_BATCH_BODY = 2 * 1024 * 1024  # bytes
BATCH = "/v1/search/batch"
LARGER_BODIES = {BATCH: MAXIMUM_BATCH_BODY}  # by path, where a body may be larger than MAXIMUM_BODY
MAXIMUM_BATCH = 64  # searches
MAXIMUM_SUGGESTED = 300  # characters that suggestions are asked for; longer text was pasted
MAXIMUM_COMMENT = 1000  # characters
MAXIMUM_CONTEXT = 20  # earlier queries of a dialogue
MAXIMUM_EARLIER = 2000  # characters of each
LEAST_TOKENS, MOST_TOKENS = 50, 16_384  # that the texts of hits may cost
MAXIMUM_HANDLE = 300  # characters

Platform = Literal["android", "ios", "web", "desktop", "server"]
Audience = Literal["user", "admin"]


def _without_surrogates(value: Any) -> Any:  # noqa: ANN401 -- runs before the type is checked
    # JSON may carry half a character ("\ud800"), which is no text to anything further on.
    return value.encode("utf-8", "ignore").decode() if isinstance(value, str) else value


def _whole(value: Any) -> Any:  # noqa: ANN401 -- runs before the type is checked
    # 10.0 is an integer in JSON, and what languages without integers write.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Kind = TypeVar("_Kind", bound=BaseModel)

# A query of nothing but spaces answers 422 `query_empty`; \s of the document's patterns (ECMA-262) lacks those.
_NOT_BLANK = {"minLength": 1, "pattern": r"[^\s\u001c-\u001f\u0085]"}

QueryText = Annotated[
    str, BeforeValidator(_without_surrogates), Field(max_length=MAXIMUM_QUERY, json_schema_extra=_NOT_BLANK)
]
TopicId = Annotated[str, BeforeValidator(_without_surrogates)]
Few = Annotated[int, Field(ge=1, le=50), BeforeValidator(_whole)]  # in this order, or the document lacks the bounds
Tokens = Annotated[int, Field(ge=LEAST_TOKENS, le=MOST_TOKENS), BeforeValidator(_whole)]
Handle = Annotated[str, BeforeValidator(_without_surrogates), Field(max_length=MAXIMUM_HANDLE)]
Context = Annotated[
    list[Annotated[str, BeforeValidator(_without_surrogates), Field(max_length=MAXIMUM_EARLIER)]],
    Field(max_length=MAXIMUM_CONTEXT, description="earlier queries of the same dialogue, the oldest first"),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FiltersIn(_Request):
    """Sections to look at: each list is ORed, an empty one means any."""

    platform: list[Platform] = []
    audience: list[Audience] = []
    topic: list[TopicId] = []


class SearchRequest(_Request):
    """A search."""

    query: QueryText
    limit: Few = 10
    filters: FiltersIn = FiltersIn()
    mode: Mode = "hybrid"
    per_article: Annotated[Few, Field(description="at most so many sections of one article")] = 3
    abstain: Annotated[bool, Field(description="false: `hits` holds the ranking even where it answers nothing")] = True
    as_typed: Annotated[bool, Field(description="true: no repair of layout, translit and typos, no synonyms")] = False
    explain: Annotated[bool, Field(description="true: why each hit stands where it stands, in `explanations`")] = False
    max_tokens: Annotated[
        Tokens | None, Field(description="that the texts of hits may cost together; what is left comes by `next`")
    ] = None
    context: Context = []
    next: Annotated[
        Handle | None, Field(description="of the reply to the same request: what did not fit into that")
    ] = None


_FOUND = {
    "missing": ("missing", "Не хватает поля «{name}»."),
    "extra_forbidden": ("unknown_field", "Поле «{name}» неизвестно."),
    "too_long": (
        "query_too_long",
        f"Текст длиннее {MAXIMUM_QUERY:,} символов. Сократите его.".replace(",", " "),
    ),
    "field_too_long": ("too_long", "Слишком длинное значение поля «{name}»."),
    "literal_error": ("invalid_value", "Недопустимое значение поля «{name}»."),
}


def read_search_request(values: object, *, typed: bool) -> SearchRequest:
    """The checked request. Raises QueryError with the first thing wrong.

    `typed` is False for values out of a query string, where "5" is a number and "false" a boolean.
    """
    if not isinstance(values, dict):
        raise QueryError(400, "bad_json", "Ожидается объект JSON.")
    values = {_without_surrogates(name): value for name, value in values.items()}
    try:
        request = SearchRequest.model_validate(values, strict=None if typed else False)
    except ValidationError as error:
        raise _query_error(error) from error
    if not request.query.strip():
        raise QueryError(422, "query_empty", "Введите запрос.", "query")
    if request.next is not None and request.max_tokens is None:
        raise QueryError(422, "missing", "Вместе с полем «next» нужно поле «max_tokens».", "max_tokens")
    return request


class BatchRequest(_Request):
    """Several searches. One that is wrong has its error in its place and does the others no harm."""

    queries: Annotated[
        list[Any],
        Field(
            min_length=1,
            max_length=MAXIMUM_BATCH,
            json_schema_extra={"items": {"anyOf": [{"$ref": "#/components/schemas/SearchRequest"}, {}]}},
        ),
    ]


def read_batch(values: object) -> BatchRequest:
    """The batch, its searches as they came. Raises QueryError with the first thing wrong."""
    return checked(BatchRequest, values)


class AnswerRequest(_Request):
    """A question, who asks it on what, and the steps that were taken in vain."""

    query: QueryText
    platform: Platform | None = None
    audience: Audience | None = None
    tried: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=200)] = []
    context: Context = []


def read_answer_request(values: object) -> AnswerRequest:
    """The checked request. Raises QueryError with the first thing wrong."""
    request = checked(AnswerRequest, values)
    if not request.query.strip():
        raise QueryError(422, "query_empty", "Введите запрос.", "query")
    return request


class FeedbackRequest(_Request):
    """A vote: how a section that was shown for a query helped."""

    query_id: Annotated[str, BeforeValidator(_without_surrogates), Field(max_length=64)]
    section_id: Annotated[str, BeforeValidator(_without_surrogates), Field(max_length=300)]
    outcome: Outcome
    comment: Annotated[str, BeforeValidator(_without_surrogates), Field(max_length=MAXIMUM_COMMENT)] = ""


def read_feedback(values: object) -> FeedbackRequest:
    """The checked vote. Raises QueryError with the first thing wrong."""
    return checked(FeedbackRequest, values)


def checked(kind: type[_Kind], values: object) -> _Kind:
    """The checked request. Raises QueryError with the first thing wrong."""
    if not isinstance(values, dict):
        raise QueryError(400, "bad_json", "Ожидается объект JSON.")
    try:
        return kind.model_validate({_without_surrogates(name): value for name, value in values.items()})
    except ValidationError as error:
        raise _query_error(error) from error


def read_suggested(text: str) -> str:
    """The text to suggest for. Raises QueryError where it is too long."""
    if len(text) > MAXIMUM_SUGGESTED:
        message = f"Подсказки есть только для текста до {MAXIMUM_SUGGESTED} символов."
        raise QueryError(422, "query_too_long", message, "q")
    return text


def _query_error(error: ValidationError) -> QueryError:
    detail = error.errors(include_url=False, include_input=False)[0]
    name = clean(".".join(str(part) for part in detail["loc"] if isinstance(part, str)))
    kind = detail["type"] if name == "query" or detail["type"] != "too_long" else "field_too_long"
    code, message = _FOUND.get(kind, ("invalid_value", "Недопустимое значение поля «{name}»."))
    return QueryError(422, code, message.format(name=name), name or None)


# A change made to what was typed. ("from" is a keyword of Python, so no class can have it.)
ChangeOut = TypedDict(
    "ChangeOut",
    {"kind": Literal["layout", "translit", "typo", "synonym"], "from": str, "to": str, "confidence": float},
)


@dataclass(frozen=True, slots=True)
class ErrorTextOut:
    """What was found in a pasted error: its codes, the message, and the message with all that changes masked."""

    codes: list[str]
    message: str
    skeleton: str


@dataclass(frozen=True, slots=True)
class InterpretationOut:
    """How the query was read."""

    kind: Literal["keywords", "question", "error"]
    read_as: str
    changes: list[ChangeOut]
    error: ErrorTextOut | None
    platform: Platform | None
    audience: Audience | None


@dataclass(frozen=True, slots=True)
class IndexOut:
    """Which index answered."""

    generation: str
    model: str


@dataclass(frozen=True, slots=True)
class ReplyHead:
    """What every reply to a query begins with."""

    query_id: str
    query: str
    answerable: bool
    relevance: float
    calibrated: bool
    degraded: Literal["semantic_unavailable"] | None
    interpretation: InterpretationOut
    took_ms: float
    index: IndexOut


@dataclass(frozen=True, slots=True)
class SearchReply(ReplyHead):
    """Ranked sections; they are `near_misses` where `answerable` is false, unless the caller said `abstain: false`."""

    hits: list[Hit]
    near_misses: list[Hit]
    explanations: list[Explanation] | None  # with `explain: true`, one for each hit or near miss in their order
    next: str | None  # with `max_tokens`: what to send as `next` for what did not fit; null at the end


@dataclass(frozen=True, slots=True)
class AnswerReply(ReplyHead):
    """Steps, or the sentence that answers, and what to do next."""

    steps: tuple[AnswerStep, ...]
    next_step: AnswerStep | None
    quote: Quote | None
    alternatives: tuple[Hit, ...]
    related: tuple[Related, ...]
    escalation: Escalation


@dataclass(frozen=True, slots=True)
class SectionReply:
    """A section by its id: a hit without rank and score."""

    section_id: str
    article_id: str
    title: str
    headings: list[str]
    url: str
    text: str
    platforms: list[Platform]
    audiences: list[Audience]
    updated: str


@dataclass(frozen=True, slots=True)
class ArticleOut:
    """An article in the list of articles."""

    article_id: str
    title: str
    topic: str
    url: str
    updated: str


@dataclass(frozen=True, slots=True)
class ArticlesReply:
    """All articles."""

    articles: list[ArticleOut]


@dataclass(frozen=True, slots=True)
class StepOut:
    """One instruction of a section."""

    text: str
    substeps: list[str]
    platforms: list[Platform]
    audiences: list[Audience]
    danger: list[Literal["deletes_data", "signs_out", "needs_admin"]]


@dataclass(frozen=True, slots=True)
class ArticleSectionOut:
    """A section within its article."""

    section_id: str
    headings: list[str]
    text: str
    platforms: list[Platform]
    audiences: list[Audience]
    steps: list[StepOut]


@dataclass(frozen=True, slots=True)
class ArticleReply:
    """An article with its sections in reading order."""

    article_id: str
    title: str
    topic: str
    url: str
    updated: str
    related: list[str]
    sections: list[ArticleSectionOut]


@dataclass(frozen=True, slots=True)
class SuggestReply:
    """What to offer while somebody types; grouped by kind."""

    suggestions: list[Suggestion]


@dataclass(frozen=True, slots=True)
class FeedbackReply:
    """The vote as it was kept."""

    query_id: str
    section_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class HealthReply:
    """The process lives."""

    status: Literal["ok"]


@dataclass(frozen=True, slots=True)
class RefusedOut:
    """A generation that cannot be used; the one that served before serves on."""

    generation: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadyReply:
    """Whether searches can be answered."""

    ready: bool
    generation: str
    checks: dict[str, bool]
    refused: RefusedOut | None  # the generation that is current on disk, where it was not taken


@dataclass(frozen=True, slots=True)
class ReloadReply:
    """Which generation served before and which serves now."""

    before: str
    after: str
    changed: bool


@dataclass(frozen=True, slots=True)
class GenerationOut:
    """A generation on disk."""

    generation: str
    state: Literal["current", "previous", ""]
    created: str  # ISO 8601, UTC; empty where the id does not say
    sections: int | None  # None: of another version
    gate: Literal["passed", "failed", "none"]  # the golden queries


@dataclass(frozen=True, slots=True)
class IndexReply:
    """The generations on disk, oldest first."""

    serving: str  # by the process that answers
    generations: list[GenerationOut]
    refused: RefusedOut | None  # the generation that is current on disk, where it was not taken


@dataclass(frozen=True, slots=True)
class VersionReply:
    """What is running."""

    version: str
    generation: str
    model: str
    encoder: str


@dataclass(frozen=True, slots=True)
class ErrorDetail:
    """What went wrong: a stable code, a Russian message, the field where one is to blame."""

    code: str
    message: str
    field: str | None


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """Every error."""

    error: ErrorDetail


@dataclass(frozen=True, slots=True)
class BatchReply:
    """The replies, or errors, of a batch in the order of its searches."""

    results: list[SearchReply | ErrorReply]
