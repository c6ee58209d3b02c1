"""What is compared: the halves and the hybrid of a local index, or a running server."""

import hashlib
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import platformdirs
import snowballstemmer

from evaluation.judgments import JudgedSet, JudgmentError, Query
from indexer import artifact, models
from indexer.build import build, lexical_index
from indexer.encoder import Progress, Vectors
from indexer.opening import open_encoder
from indexer.query_encoder import QueryEncoder
from indexer.source import Reporter
from indexer.words import clean, words
from server.found import Mode
from server.interpretation import Ability
from server.search import Searcher

DEPTH = 100  # length of a local ranking
SERVED_DEPTH = 50  # the most a server gives

PUBLISHED = ", model as published"  # ends the names of systems without the corpus's adapter

MODES: tuple[Mode, ...] = ("lexical", "semantic", "hybrid")

Ranking = list[str]  # ids of sections or articles, best first


class SystemFailure(Exception):
    """A system did not answer a query; never counted as an empty answer."""


@dataclass(frozen=True, slots=True)
class System:
    """Something that ranks."""

    name: str
    rank: Callable[[Query], Ranking]
    # The relevance of the best that it finds, in [0, 1], and whether it takes the query for one that has an answer;
    # None for a system that is only ranked with.
    decide: Callable[[Query], tuple[float, bool]] | None = None


def open_searcher(corpus: Path, reporter: Reporter, index: Path | None = None, *, adapter: bool = True) -> Searcher:
    """A searcher over a corpus; its index is built (in the user's cache where none is named) or taken if up to date.

    Without `adapter` the model is as published, whatever the corpus has beside it.
    """
    loaded = artifact.load(index_of(corpus, reporter, index, adapter=adapter))
    return Searcher(loaded, open_encoder(loaded))


def index_of(corpus: Path, reporter: Reporter, index: Path | None = None, *, adapter: bool = True) -> Path:
    """The folder of the index that `open_searcher` opens."""
    if index is None:
        key = f"{corpus.resolve()}{'' if adapter else ' as published'}"
        place = hashlib.sha256(key.encode()).hexdigest()[:16]
        index = Path(platformdirs.user_cache_dir("spravka")) / "evaluation" / place
    build(corpus, index, reporter=reporter, model_name=models.DEFAULT_MODEL, adapter=adapter)
    return index


def unknown_ids(searcher: Searcher, judged: JudgedSet) -> list[str]:
    """Judged ids that the index has neither all as articles nor all as sections, sorted."""
    no_articles = judged.judged_ids - searcher.articles.keys()
    no_sections = judged.judged_ids - searcher.sections.keys()
    return sorted(no_articles if len(no_articles) < len(no_sections) else no_sections)


def local_systems(searcher: Searcher, judged: JudgedSet, suffix: str = "") -> list[System]:
    """The lexical half, the semantic half and the hybrid of one index; the hybrid decides too."""

    def decide(query: Query) -> tuple[float, bool]:
        found = searcher.search(query.text, limit=1)
        return found.relevance, found.answerable

    *halves, hybrid = (_system(f"{mode}{suffix}", searcher, mode, judged) for mode in MODES)
    return [*halves, replace(hybrid, decide=decide)]


def ablations(searcher: Searcher, judged: JudgedSet) -> list[System]:
    """The hybrid with other words in place of lemmas, another fusion, or without what known questions or odds give."""
    return [_system(name, each, "hybrid", judged) for name, each in _variants(searcher).items()]


@lru_cache(maxsize=2)  # made once for all sets of queries about one index
def _variants(searcher: Searcher) -> dict[str, Searcher]:
    searcher = Searcher(searcher.artifact, Remembering(searcher.encoder), searcher.ranking)
    by_rank = replace(searcher.ranking, normalisation="reciprocal_rank", semantic_weight=0.5)
    unweighed = replace(searcher.ranking, relevance_power=0.0)
    unasked = replace(unweighed, question_weight=0.0, belonging_weight=0.0)  # the odds know those questions, too
    return {
        "hybrid, surface words": _with_terms(searcher, surface_words),
        "hybrid, stems": _with_terms(searcher, stems),
        "hybrid, reciprocal rank": Searcher(searcher.artifact, searcher.encoder, by_rank),
        "hybrid, no known questions": Searcher(searcher.artifact, searcher.encoder, unasked),
        "hybrid, not by odds": Searcher(searcher.artifact, searcher.encoder, unweighed),
    }


class Remembering:
    """An encoder that encodes a query once, for systems whose time is not asked for."""

    def __init__(self, encoder: QueryEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}

    def encode_query(self, query: str) -> Vectors:
        """One unit vector, (dimension,)."""
        if query not in self._known:
            self._known[query] = self._encoder.encode_query(query)
        return self._known[query]

    def prepare(self, queries: Sequence[str], progress: Progress | None = None) -> None:
        """Encodes many queries, and tells how far that is."""
        new = [query for query in dict.fromkeys(queries) if query not in self._known]
        self._known |= zip(new, self._encoder.encode_queries(new, progress), strict=True)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the encoder has
        return getattr(self._encoder, name)


def all_local(searcher: Searcher, judged: JudgedSet, published: Searcher | None = None) -> list[System]:
    """What is compared over one corpus: the halves, the hybrid, what it was chosen from, and the model as published.

    `published` is the searcher without the corpus's adapter, where it has one.
    """
    compared = local_systems(searcher, judged) + ablations(searcher, judged)
    return compared + (local_systems(published, judged, PUBLISHED)[1:] if published else [])


def named(compared: Sequence[System], names: Sequence[str] | None) -> list[System]:
    """Those of these names, all without names. Raises JudgmentError for a name that none has."""
    known = [system.name for system in compared]
    if unknown := [name for name in names or () if name not in known]:
        raise JudgmentError(f"system {unknown[0]!r} is unknown; expected one of {', '.join(known)}; correct the name")
    return [system for system in compared if not names or system.name in names]


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


def without(searcher: Searcher, judged: JudgedSet, abilities: Collection[Ability]) -> System:
    """The hybrid with some abilities of reading a query switched off."""
    name = f"hybrid without {', '.join(abilities)}" if abilities else "hybrid"
    return _system(name, searcher, "hybrid", judged, abilities)


def _system(
    name: str, searcher: Searcher, mode: Mode, judged: JudgedSet, switched_off: Collection[Ability] = ()
) -> System:
    by_article = judged.judged_ids <= searcher.articles.keys()

    def rank(query: Query) -> Ranking:
        read = searcher.read(query.text, switched_off)
        scored = searcher.scored(read, searcher.candidates(read, mode), mode)
        rows = searcher.ranked(scored.scores, DEPTH, DEPTH)
        sections = [searcher.artifact.sections[row] for row in rows]
        return _unique([section.article_id if by_article else section.section_id for section in sections])

    return System(name, rank)


def served_systems(url: str, judged: JudgedSet) -> list[System]:
    """The three modes of a running server; the hybrid decides too."""
    id_of = "section_id" if any("#" in each for each in judged.judged_ids) else "article_id"
    search = f"{url.rstrip('/')}/v1/search"

    def system(mode: Mode) -> System:
        def rank(query: Query) -> Ranking:
            body = {"limit": SERVED_DEPTH, "per_article": SERVED_DEPTH, "mode": mode, "abstain": False}
            hits = _post(search, {"query": query.text, **body}, ["hits"])["hits"]
            return _unique([hit[id_of] for hit in hits])

        return System(f"{mode} at {url}", rank)

    def decide(query: Query) -> tuple[float, bool]:
        reply = _post(search, {"query": query.text, "limit": 1}, ["relevance", "answerable"])
        return float(reply["relevance"]), bool(reply["answerable"])

    *halves, hybrid = (system(mode) for mode in MODES)
    return [*halves, replace(hybrid, decide=decide)]


def _unique(ids: list[str]) -> Ranking:
    return list(dict.fromkeys(ids))


def _post(url: str, body: object, needed: Sequence[str], attempts: int = 5) -> dict[str, Any]:
    """The reply to a JSON request, with the fields that are needed; 429 and 503 are tried again after `Retry-After`."""
    if not url.startswith(("http://", "https://")):
        raise SystemFailure(f"{url}: no address of a server; expected http://host:port; correct --url")
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 -- checked above
    for attempt in range(1, attempts + 1):
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # nosec B310
                reply: dict[str, Any] = json.load(response)
                return {name: reply[name] for name in needed}
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
            raise SystemFailure(
                f"{url}: another answer ({error!r}); expected JSON with {', '.join(needed)}; correct --url"
            ) from error
    raise SystemFailure(f"{url}: no answer")
