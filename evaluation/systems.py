"""What is compared: the halves and the hybrid of a local index, or a running server."""

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
import snowballstemmer

from evaluation.judgments import JudgedSet, Query
from indexer import artifact, models
from indexer.build import Reporter, build, lexical_index
from indexer.words import clean, words
from server.search import Mode, Searcher, open_encoder

DEPTH = 100  # length of a local ranking
SERVED_DEPTH = 50  # the most a server gives

MODES: tuple[Mode, ...] = ("lexical", "semantic", "hybrid")

Ranking = list[str]  # ids of sections or articles, best first


class SystemFailure(Exception):
    """A system did not answer a query; never counted as an empty answer."""


@dataclass(frozen=True, slots=True)
class System:
    """Something that ranks."""

    name: str
    rank: Callable[[Query], Ranking]


def open_searcher(corpus: Path, reporter: Reporter, index: Path | None = None) -> Searcher:
    """A searcher over a corpus; its index is built (in the user's cache where none is named) or taken if up to date."""
    if index is None:
        place = hashlib.sha256(str(corpus.resolve()).encode()).hexdigest()[:16]
        index = Path(platformdirs.user_cache_dir("spravka")) / "evaluation" / place
    build(corpus, index, reporter=reporter, model_name=models.DEFAULT_MODEL)
    loaded = artifact.load(index)
    return Searcher(loaded, open_encoder(loaded.manifest))


def local_systems(searcher: Searcher, judged: JudgedSet) -> list[System]:
    """The lexical half, the semantic half and the hybrid of one index."""
    return [_system(mode, searcher, mode, judged) for mode in MODES]


def ablations(searcher: Searcher, judged: JudgedSet) -> list[System]:
    """The hybrid with surface words or stems in place of lemmas, and with reciprocal rank fusion."""
    rrf = Searcher(searcher.artifact, searcher.encoder, replace(searcher.ranking, normalisation="reciprocal_rank"))
    return [
        _system("hybrid, surface words", _with_terms(searcher, surface_words), "hybrid", judged),
        _system("hybrid, stems", _with_terms(searcher, stems), "hybrid", judged),
        _system("hybrid, reciprocal rank", rrf, "hybrid", judged),
    ]


def surface_words(text: str) -> list[str]:
    """The words as they stand, in lower case."""
    return [word.text for word in words(clean(text))]


def stems(text: str) -> list[str]:
    """The stems of the words by Snowball's Russian stemmer (Porter, 2001), which leaves Latin words as they are."""
    found: list[str] = _stemmer().stemWords([word.replace("ё", "е") for word in surface_words(text)])
    return found


@cache
def _stemmer() -> Any:  # noqa: ANN401 -- has no types
    return snowballstemmer.stemmer("russian")


def _with_terms(searcher: Searcher, terms: Callable[[str], list[str]]) -> Searcher:
    lexical = lexical_index(searcher.artifact.sections, searcher.artifact.errors, terms)
    return Searcher(replace(searcher.artifact, lexical=lexical), searcher.encoder, searcher.ranking, terms)


def _system(name: str, searcher: Searcher, mode: Mode, judged: JudgedSet) -> System:
    by_section = judged.by_section

    def rank(query: Query) -> Ranking:
        candidates = searcher.candidates(searcher.read(query.text), mode)
        rows = searcher.ranked(searcher.fuse(candidates, mode), DEPTH, DEPTH)
        sections = [searcher.artifact.sections[row] for row in rows]
        return _unique([section.section_id if by_section else section.article_id for section in sections])

    return System(name, rank)


def served_systems(url: str, judged: JudgedSet) -> list[System]:
    """The three modes of a running server."""
    by_section = judged.by_section

    def system(mode: Mode) -> System:
        def rank(query: Query) -> Ranking:
            body = {
                "query": query.text,
                "limit": SERVED_DEPTH,
                "per_article": SERVED_DEPTH,
                "mode": mode,
                "abstain": False,
            }
            hits = _post_for_hits(f"{url.rstrip('/')}/v1/search", body)
            return _unique([hit["section_id"] if by_section else hit["article_id"] for hit in hits])

        return System(f"{mode} at {url}", rank)

    return [system(mode) for mode in MODES]


def _unique(ids: list[str]) -> Ranking:
    return list(dict.fromkeys(ids))


def _post_for_hits(url: str, body: object, attempts: int = 5) -> list[dict[str, str]]:
    """The hits of the reply to a JSON request; 429 and 503 are tried again after `Retry-After`."""
    if not url.startswith(("http://", "https://")):
        raise SystemFailure(f"{url}: no address of a server; expected http://host:port; correct --url")
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 -- checked above
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                hits: list[dict[str, str]] = json.load(response)["hits"]
                return hits
        except urllib.error.HTTPError as error:
            if error.code not in {429, 503} or attempt == attempts:
                raise SystemFailure(f"{url}: answered {error.code}; expected 200; look at the server's log") from error
            after = error.headers.get("Retry-After", "")
            time.sleep(int(after) if after.isdigit() else 1)  # a date, which it may be too, is not waited for
        except (OSError, http.client.HTTPException) as error:
            raise SystemFailure(
                f"{url}: no answer ({error}); expected a running server; start it or correct --url"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise SystemFailure(f"{url}: another answer ({error!r}); expected JSON with hits; correct --url") from error
    raise SystemFailure(f"{url}: no answer")
