"""The corpus as a whole: which folder is one, in what order its articles come, its digest."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import FRONT_MATTER, write_corpus

from indexer.articles import Finding, corpus_digest, read_articles
from indexer.errors import ArticleError


def test_articles_come_in_the_order_of_their_ids(corpus_folder: Path):
    corpus = read_articles(corpus_folder)
    ids = [article.article_id for article in corpus.articles]
    assert ids == sorted(ids)
    assert len(ids) == 10
    assert (corpus.form, corpus.findings) == ("help", ())


def test_missing_folder_is_refused_with_what_to_do(tmp_path: Path):
    with pytest.raises(ArticleError, match=r"nowhere: no such folder; expected a folder of articles; check the path"):
        read_articles(tmp_path / "nowhere")


def test_file_in_place_of_a_folder_is_refused(tmp_path: Path):
    (tmp_path / "a.md").write_text("Текст")
    with pytest.raises(ArticleError, match=r"a\.md: is a file; expected a folder .* name the folder that holds it"):
        read_articles(tmp_path / "a.md")


@pytest.mark.parametrize(
    "fill",
    [
        lambda folder: None,
        lambda folder: (folder / "articles").mkdir(),
        lambda folder: (folder / "README.md").write_text("# Не статья"),
        lambda folder: (folder / "a.png").write_bytes(b"\x89PNG"),
    ],
    ids=["empty folder", "empty articles folder", "only a title", "only other files"],
)
def test_folder_without_articles_is_refused(tmp_path: Path, fill: Callable[[Path], object]):
    fill(tmp_path)
    with pytest.raises(ArticleError, match=r"no articles.*; expected Markdown, .* name a folder that holds them"):
        read_articles(tmp_path)


def test_empty_beir_file_is_refused(tmp_path: Path):
    (tmp_path / "corpus.jsonl").write_text("\n")
    with pytest.raises(ArticleError, match=r"no articles; expected Markdown, .* name a folder"):
        read_articles(tmp_path)


def test_one_bad_file_costs_no_other(tmp_path: Path):
    good = FRONT_MATTER + "Текст\n"
    corpus = read_articles(write_corpus(tmp_path / "c", {"a": good, "b": "без полей", "c": good}))
    assert [article.article_id for article in corpus.articles] == ["a", "c"]
    assert [finding.place for finding in corpus.findings] == [f"{tmp_path}/c/articles/b.md:1"]


def test_progress_goes_from_nothing_to_all(corpus_folder: Path):
    moves: list[tuple[int, int]] = []
    read_articles(corpus_folder, lambda done, total: moves.append((done, total)))
    assert moves == [(done, 10) for done in range(11)]


def test_finding_reads_as_place_and_message():
    assert str(Finding("a.md:3", "found; expected; do")) == "a.md:3: found; expected; do"
    assert str(Finding("a.md:3", "found; expected; do", is_error=False)) == "a.md:3: warning: found; expected; do"


# The digest


def _copy(corpus_folder: Path, folder: Path) -> Path:
    return Path(shutil.copytree(corpus_folder, folder / "copy"))


def test_digest_is_of_names_and_contents_alone(corpus_folder: Path, tmp_path: Path):
    copy = _copy(corpus_folder, tmp_path)
    assert read_articles(corpus_folder).digest == corpus_digest(corpus_folder) == corpus_digest(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda corpus: (corpus / "articles/about.md").open("a").write("\n"),
        lambda corpus: (corpus / "articles/calls.md").write_bytes(
            (corpus / "articles/calls.md").read_bytes().replace(b"50", b"60")
        ),
        lambda corpus: (corpus / "articles/about.md").rename(corpus / "articles/about-us.md"),
        lambda corpus: (corpus / "articles/about.md").unlink(),
        lambda corpus: (corpus / "synonyms.toml").write_text(""),
        lambda corpus: (corpus / "support.toml").unlink(),
    ],
    ids=["a byte added", "a digit changed", "renamed", "removed", "other synonyms", "no support contacts"],
)
def test_digest_notices_every_change(corpus_folder: Path, tmp_path: Path, change: Callable[[Path], object]):
    copy = _copy(corpus_folder, tmp_path)
    change(copy)
    assert corpus_digest(copy) != corpus_digest(corpus_folder)


def test_digest_passes_over_what_a_build_does_not_read(corpus_folder: Path, tmp_path: Path):
    copy = _copy(corpus_folder, tmp_path)
    (copy / "README.md").write_text("другое")
    (copy / "articles" / "notes.txt").write_text("заметки")
    (copy / "articles" / ".draft.md").write_text("черновик")
    assert corpus_digest(copy) == corpus_digest(corpus_folder)


def test_digest_of_a_file_that_cannot_be_read_names_it(corpus_folder: Path, tmp_path: Path):
    copy = _copy(corpus_folder, tmp_path)
    (copy / "broken.toml").symlink_to("nowhere")
    with pytest.raises(ArticleError, match=r"broken\.toml: cannot be read .*check that it is a readable file"):
        corpus_digest(copy)
