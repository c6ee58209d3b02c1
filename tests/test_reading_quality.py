"""What reading a query gives and costs, with the real model over our own help: the bars of what it must hold."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import process_time

import pytest

from evaluation import perturb, runs, systems
from evaluation.commands.opening import JUDGED
from evaluation.experiment import measure_system
from evaluation.judgments import JudgedSet, read_judged
from indexer.encoder import Encoder
from indexer.opening import open_encoder
from server.interpretation import AS_TYPED
from server.search import Searcher

# nDCG@10 of perturbed queries over that of the same clean ones.
BARS = {
    "layout": 0.97,
    "translit-phonetic": 0.93,
    "translit-short": 0.93,
    "translit-digits": 0.93,
    "typo-drop": 0.92,
    "typo-swap": 0.92,
    "typo-neighbour": 0.92,
    "typo-doubled": 0.92,
    "error-noise": 0.97,
}

LETTER = "Здравствуйте, у сотрудника третий день не открывается приложение, просит войти заново и пишет про сервер. "
LOG = (
    "2026-11-27 10:01:02,123 ERROR [main] ru.example.Files - не удалось открыть файл /var/lib/app/17.dat: "
    "java.io.IOException: No space left on device\n\tat ru.example.Files.open(Files.java:117)\n"
)


@pytest.fixture(scope="module")
def searcher(real_searcher: Searcher, query_vectors: Callable[[Encoder], Encoder]) -> Searcher:
    return Searcher(real_searcher.artifact, query_vectors(real_searcher.encoder))


@pytest.fixture(scope="module")
def tuning() -> JudgedSet:
    return read_judged(JUDGED, "tuning")


def quality(searcher: Searcher, judged: JudgedSet) -> float:
    (hybrid,) = systems.named(systems.local_systems(searcher, judged), ["hybrid"])
    return measure_system(runs.run(hybrid, judged), judged).measures["nDCG@10"]


@pytest.mark.parametrize(("kind", "bar"), BARS.items())
def test_perturbed_queries_find_nearly_what_clean_ones_do(searcher, tuning, kind, bar):
    copies = perturb.perturb(tuning.answerable, kind)
    changed = {query.query_id for query in copies}
    clean = tuple(query for query in tuning.queries if query.query_id in changed)
    assert len(clean) >= 10
    reached = quality(searcher, replace(tuning, queries=copies)) / quality(searcher, replace(tuning, queries=clean))
    assert reached >= bar


def test_clean_queries_lose_nothing_by_repairs(searcher, tuning):
    def found(query: str, *without: str) -> Iterator[str]:
        return (hit.section_id for hit in searcher.search(query, without=without).hits)

    same = [
        list(found(query.text)) == list(found(query.text, *(AS_TYPED - {"synonym"}))) for query in tuning.answerable
    ]
    assert sum(same) >= 0.99 * len(same)


def seconds(run: Callable[[str], object], given: list[str]) -> float:
    """The time that this process needs for all of them, by the better of three runs."""

    def once() -> float:
        start = process_time()
        for each in given:
            run(each)
        return process_time() - start

    return min(once() for _ in range(3))


def encoding(searcher: Searcher) -> Callable[[str], object]:
    """The method of another encoder: the searcher's remembers what it has encoded."""
    return open_encoder(searcher.artifact).encode_query


def test_reading_a_query_costs_at_most_a_tenth_of_encoding_it(real_searcher, tuning):
    queries = [query.text for query in tuning.queries if len(query.text) <= 300][:60]
    assert seconds(real_searcher.read, queries) <= 0.1 * seconds(encoding(real_searcher), queries)


@pytest.mark.parametrize("text", [LETTER, LOG], ids=["letter", "log"])
def test_reading_the_longest_paste_costs_at_most_what_encoding_512_tokens_does(real_searcher, text):
    paste = (text * 200)[:16_384]
    assert seconds(real_searcher.read, [paste]) <= seconds(encoding(real_searcher), [LETTER * 40])
