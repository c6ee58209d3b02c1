"""What `bench-indexing` counts: changes to a copy of a corpus, how two indexes differ, what an encoding takes."""

import shutil
from pathlib import Path

import pytest
from helpers import CORPUS, HashEncoder, build_index, write_corpus

from evaluation import indexing
from evaluation.commands.bench_indexing import BARS, summary
from evaluation.indexing import Built, Difference, NothingToChange, Plain
from indexer.articles import read_articles

ARTICLE = "---\ntitle: Проба\ntopic: start\nupdated: 2026-11-22\n---\nКак войти.\n"


@pytest.fixture(autouse=True)
def _no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "open_query_encoder", lambda loaded: HashEncoder())


def test_sample_is_a_copy_with_the_first_articles(tmp_path: Path):
    found = indexing.sampled(CORPUS, tmp_path / "some", 3)
    ids = [article.article_id for article in read_articles(CORPUS).articles]
    assert [article.article_id for article in read_articles(found).articles] == ids[:3]
    assert (found / "topics.toml").is_file()
    assert len(read_articles(indexing.sampled(CORPUS, tmp_path / "all", None)).articles) == len(ids)


def test_changed_date_encodes_nothing_and_changed_text_what_is_new(tmp_path: Path):
    corpus, index = indexing.sampled(CORPUS, tmp_path / "corpus", None), tmp_path / "index"
    build_index(corpus, index)
    before = indexing.vectors_of(index)
    indexing.change_metadata(corpus)
    assert build_index(corpus, index).counts["texts_encoded"] == 0
    indexing.change_text(corpus)
    encoded = build_index(corpus, index).counts["texts_encoded"]
    build_index(corpus, tmp_path / "anew")
    found = indexing.compared(before, index, tmp_path / "anew", 20)
    assert found.new == encoded > 0
    assert found == Difference((), found.kept, 0, found.new, pytest.approx(1), 20, 0)


def test_what_differs_is_told(tmp_path: Path):
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    build_index(corpus, tmp_path / "one")
    before = indexing.vectors_of(tmp_path / "one")
    (corpus / "articles/calls.md").unlink()
    build_index(corpus, tmp_path / "other")
    found = indexing.compared(before, tmp_path / "one", tmp_path / "other", 20)
    assert {"sections.jsonl", "vocabulary"} < {*found.files}
    assert found.least_cosine == 0  # a vector is missing
    assert found.other_first > 0
    changed = {name: -vector for name, vector in before.items()}
    assert indexing.compared(changed, tmp_path / "one", tmp_path / "one", 5).kept_changed == len(before)


def test_corpus_without_what_is_changed_is_told(tmp_path: Path):
    corpus = write_corpus(tmp_path / "corpus", {"a": ARTICLE.replace("updated: 2026-11-22\n", "")})
    with pytest.raises(NothingToChange):
        indexing.change_metadata(corpus)
    (corpus / "articles/a.md").unlink()
    with pytest.raises(NothingToChange):
        indexing.change_text(corpus)


def test_operations_of_a_transformer_are_those_of_its_products():
    # One layer, hidden 2, inner 3, two tokens: Q, K, V and output 4 x (2 x 2 x 2), feed-forward 2 x (2 x 2 x 3),
    # scores and weighted sums 2 x (2 x 2 x 2); each a multiplication and an addition.
    assert indexing.flops_of(2, 1, 2, 3) == 2 * (4 * 8 + 2 * 12 + 2 * 8)


def test_summary_sets_the_builds_beside_what_is_allowed():
    full = Built(100.0, 2**30, {"model": 5.0, "vectors": 80.0}, {"texts_encoded": 9})
    changed = Built(5.0, 2**30, {"model": 4.0, "vectors": 0.1}, {"texts_encoded": 2})
    plain = Plain(texts=9, tokens=90, flops=40e9, seconds=200.0, matmul=1e9)
    found = summary(full, plain, None, changed, Difference((), 7, 0, 2, 1.0, 200, 0))
    assert found["build_over_plain"] == pytest.approx(0.5)
    assert found["share_beside_encoding"] == pytest.approx(0.2)
    assert found["changed_over_allowed"] == pytest.approx(5 / (5 + 5))
    assert found["share_of_a_large_product"] == pytest.approx(0.5)
    assert found["dated_seconds"] is None
    assert found.keys() > BARS.keys()
