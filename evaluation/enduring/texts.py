"""What to ask a running server: texts of its own help, which every server can be asked for."""

import http.client
import json
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

from evaluation.systems import SystemFailure

_SEED = 20261128
_TEXTS = 6000  # more than any cache of the server keeps
_ARTICLES = 50  # that are read: enough headings, soon


@dataclass(frozen=True, slots=True)
class Help:
    """Of the help that a server serves."""

    article_ids: tuple[str, ...]
    section_ids: tuple[str, ...]
    queries: tuple[str, ...]  # headings, then halves of two put together; in no order, each once


def help_of(url: str) -> Help:
    """Read from `/v1/articles` of the server at this address.

    Raises SystemFailure where nobody answers, or somebody else.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def got(path: str) -> Any:  # noqa: ANN401 -- any JSON
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())

    try:
        article_ids = tuple(article["article_id"] for article in got("/v1/articles")["articles"])
        sections = [section for each in article_ids[:_ARTICLES] for section in got(_article(each))["sections"]]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise SystemFailure(
            f"{url}/v1/articles: no list of articles ({error!r}); expected a running server; start it or correct --url"
        ) from error
    finally:
        connection.close()
    headings = list(dict.fromkeys(section["headings"][-1] for section in sections if section["headings"]))
    if not headings:
        raise SystemFailure(f"{url}/v1/articles: no article has a heading; expected some to ask for")
    return Help(article_ids, tuple(section["section_id"] for section in sections), _queries(headings))


def _article(article_id: str) -> str:
    return f"/v1/articles/{quote(article_id)}"


def _queries(headings: list[str]) -> tuple[str, ...]:
    rng = Random(_SEED)  # noqa: S311 -- an order, no secret
    found = dict.fromkeys(headings)
    halves = [(words[: (len(words) + 1) // 2], words[len(words) // 2 :]) for words in map(str.split, headings)]
    for _ in range(4 * _TEXTS):
        if len(found) >= _TEXTS:
            break
        (first, _), (_, second) = rng.choice(halves), rng.choice(halves)
        found[" ".join([*first, *second])] = None
    queries = list(found)
    rng.shuffle(queries)
    return tuple(queries)
