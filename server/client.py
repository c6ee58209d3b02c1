"""A client of the HTTP contract for programs in Python: `SupportSearch(url, key)`.

It needs the standard library alone and imports nothing else of this package: the file may be copied into a project.
Replies are dictionaries as the server sends them; the types below name the fields, more may come.
"""

import email.utils
import http.client
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPMessage
from typing import IO, Any, Literal, Required, TypedDict, Unpack, cast
from urllib.parse import quote, urlencode, urlsplit

Platform = Literal["android", "ios", "web", "desktop", "server"]
Audience = Literal["user", "admin"]
Outcome = Literal["solved", "not_related", "related_but_no_answer", "outdated"]

# What says "later", from the server itself or from the proxy before one that is just restarted.
_LATER = frozenset((429, 502, 503, 504))
_FIRST_PAUSE = 0.25  # seconds, doubled from try to try
_SPREAD = 0.25  # share of what the server asks for, added at random: callers refused together do not return together


class Filters(TypedDict, total=False):
    """Sections to look at: each list is ORed, an empty one means any."""

    platform: Sequence[Platform]
    audience: Sequence[Audience]
    topic: Sequence[str]


class SearchOptions(TypedDict, total=False):
    """What may be told with a query; the server knows what holds without it."""

    limit: int
    filters: Filters
    mode: Literal["hybrid", "lexical", "semantic"]
    per_article: int
    abstain: bool
    as_typed: bool
    explain: bool
    max_tokens: int
    context: Sequence[str]


class SearchRequest(SearchOptions, total=False):
    """A search of a batch."""

    query: Required[str]


class Hit(TypedDict):
    """A section that was found."""

    rank: int
    section_id: str
    article_id: str
    title: str
    headings: list[str]
    url: str  # on the server: /articles/…#…
    snippet: str
    highlights: list[list[int]]
    text: str
    score: float
    relevance: float
    matched_by: list[str]
    platforms: list[Platform]
    audiences: list[Audience]
    updated: str


class _Head(TypedDict):
    query_id: str
    query: str
    answerable: bool
    relevance: float
    calibrated: bool
    degraded: str | None
    interpretation: dict[str, Any]
    took_ms: float
    index: dict[str, str]


class SearchReply(_Head):
    """Ranked sections; they are `near_misses` where the help has no answer."""

    hits: list[Hit]
    near_misses: list[Hit]


class Step(TypedDict):
    """One instruction, word for word as in the help."""

    step_id: str
    text: str
    substeps: list[str]
    platforms: list[Platform]
    audiences: list[Audience]
    danger: list[str]
    section_id: str
    url: str
    tried: bool


class Quote(TypedDict):
    """The sentence that answers."""

    text: str
    section_id: str
    url: str


class Related(TypedDict):
    """A section to read next."""

    section_id: str
    title: str
    url: str


class Route(TypedDict):
    """A way to reach somebody."""

    name: str
    how: str
    address: str
    hours: str
    open_now: bool | None


class Escalation(TypedDict):
    """Where to turn when the help does not help."""

    reason: Literal["no_answer", "all_tried", "feature_request", "if_not_solved"]
    routes: list[Route]
    gather: list[str]
    draft: str
    hidden: list[str]


class AnswerReply(_Head):
    """Steps, or the sentence that answers, and what to do next."""

    steps: list[Step]
    next_step: Step | None
    quote: Quote | None
    alternatives: list[Hit]
    related: list[Related]
    escalation: Escalation


class Suggestion(TypedDict):
    """What to offer while somebody types."""

    text: str
    kind: Literal["error", "question", "section"]
    url: str


class Section(TypedDict):
    """A section by its id."""

    section_id: str
    article_id: str
    title: str
    headings: list[str]
    url: str
    text: str
    platforms: list[Platform]
    audiences: list[Audience]
    updated: str


class Article(TypedDict):
    """An article with its sections in reading order."""

    article_id: str
    title: str
    topic: str
    url: str
    updated: str
    related: list[str]
    sections: list[dict[str, Any]]


class Failure(TypedDict):
    """Why one query of a batch was refused."""

    code: str
    message: str
    field: str | None


class Failed(TypedDict):
    """What stands in a batch in the place of a reply."""

    error: Failure


class SupportSearchError(Exception):
    """A call that got no answer: `code` is for programs, `message` is Russian and for people.

    `status` is that of HTTP, None where nothing came back; `field` the field of the request that is to blame, if one
    is; `retry_after` how many seconds the server asked to wait.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        field: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        place = f" (поле «{field}»)" if field else ""
        super().__init__(f"{message}{place} [{code}]")
        self.code, self.message, self.status, self.field, self.retry_after = code, message, status, field, retry_after


class SupportSearch:
    """Asks one server; threads may share it.

    A call is tried again where the server could not be reached or said "later" (429, 503, and 502 and 504 of a proxy),
    after what its Retry-After asks for, else after pauses that double, both with a random part. No call does more when
    it is sent twice: of two votes of one query on one section the later one takes the place of the other.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = 10.0,
        retries: int = 3,
        longest_pause: float = 20.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`url` is the root of the server, such as https://help.example.ru; `key` an API key where it wants one.

        `timeout` is in seconds without a byte; a server that asks for a pause longer than `longest_pause` seconds is
        not waited for: its error is raised at once. `sleep` stands in for the clock. Raises ValueError where `url` is
        no address of a server.
        """
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise ValueError(f'url: found "{url}"; expected the root of a server, such as https://help.example.ru')
        self.url = url.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "spravka-client"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._timeout, self._retries, self._longest_pause, self._sleep = timeout, retries, longest_pause, sleep
        self._opener = urllib.request.build_opener(_SameServer)

    def search(self, query: str, **options: Unpack[SearchOptions]) -> SearchReply:
        """Ranked sections. Like every call it raises SupportSearchError where there is no reply."""
        return cast(SearchReply, self._call("POST", "/v1/search", {"query": query, **options}))

    def batch(self, queries: Sequence[SearchRequest]) -> list[SearchReply | Failed]:
        """The replies to several searches in their order; in the place of one that was refused the reason."""
        reply = self._call("POST", "/v1/search/batch", {"queries": list(queries)})
        return cast(list[SearchReply | Failed], reply["results"])

    def answer(
        self,
        query: str,
        *,
        platform: Platform | None = None,
        audience: Audience | None = None,
        tried: Sequence[str] = (),
    ) -> AnswerReply:
        """Steps for a problem, or the sentence that answers a question; `tried` are ids of steps taken in vain."""
        asked = {"query": query, "platform": platform, "audience": audience, "tried": list(tried)}
        return cast(AnswerReply, self._call("POST", "/v1/answer", asked))

    def suggest(self, typed: str) -> list[Suggestion]:
        """What to offer for what was typed so far."""
        return cast(list[Suggestion], self._call("GET", f"/v1/suggest?{urlencode({'q': typed})}")["suggestions"])

    def section(self, section_id: str) -> Section:
        """A section by its id, or by one that it had before."""
        return cast(Section, self._call("GET", f"/v1/sections?{urlencode({'id': section_id})}"))

    def article(self, article_id: str) -> Article:
        """An article by its id, or by one that it had before."""
        return cast(Article, self._call("GET", f"/v1/articles/{quote(article_id)}"))

    def feedback(self, query_id: str, section_id: str, outcome: Outcome, comment: str = "") -> None:
        """Leaves a vote on a section that was shown for a query."""
        vote = {"query_id": query_id, "section_id": section_id, "outcome": outcome, "comment": comment}
        self._call("POST", "/v1/feedback", vote)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        left, pause = self._retries, _FIRST_PAUSE
        while True:
            try:
                return self._once(method, path, body)
            except SupportSearchError as error:
                wait = error.retry_after
                is_worth_it = error.status is None or error.status in _LATER
                if not left or not is_worth_it or (wait or 0) > self._longest_pause:
                    raise
            if wait is None:
                self._sleep(random.uniform(0, pause))  # noqa: S311 -- no secret; full jitter, as AWS describes it
            else:
                self._sleep(wait * random.uniform(1, 1 + _SPREAD))  # noqa: S311 -- no secret
            left, pause = left - 1, min(2 * pause, self._longest_pause)

    def _once(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, Any]:
        headers, sent = self._headers, None
        if body is not None:
            headers, sent = {**headers, "Content-Type": "application/json"}, json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, sent, headers, method=method)  # noqa: S310 -- http(s), checked
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                status, content = response.status, response.read()
        except urllib.error.HTTPError as error:
            raise _refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                message = f"Сервер не ответил за {self._timeout:g} с."
                raise SupportSearchError("timeout", message) from error
            raise SupportSearchError("unreachable", f"Сервер недоступен: {reason or type(error).__name__}.") from error
        reply = _object(content)
        if reply is None:
            message = "Ответ сервера не похож на ответ справки. Проверьте адрес."
            raise SupportSearchError("bad_reply", message, status=status)
        return reply


class _SameServer(urllib.request.HTTPRedirectHandler):
    """Follows to where something was renamed, never to another server: the key is for this one."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """The request to send next; None where it would go to another server, and the reply is an error then."""
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _refused(error: urllib.error.HTTPError) -> SupportSearchError:
    """What the server said, or of a proxy's page of HTML no more than its status."""
    try:
        told = (_object(error.read()) or {}).get("error")
    except (OSError, http.client.HTTPException):
        told = None
    found = told if isinstance(told, dict) else {}
    return SupportSearchError(
        str(found.get("code", f"http_{error.code}")),
        str(found.get("message", f"Сервер ответил {error.code}.")),
        status=error.code,
        field=found.get("field"),
        retry_after=_seconds(error.headers.get("Retry-After")),
    )


def _object(content: bytes) -> dict[str, Any] | None:
    """The JSON object of a body; None where there is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _seconds(retry_after: str | None) -> float | None:
    """Of a Retry-After (RFC 9110, 10.2.3), which is a number or a date; None where it is neither."""
    if not retry_after:
        return None
    if retry_after.strip().isascii() and retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return None
