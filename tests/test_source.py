"""Reading what an index is made of: here, or in a process of its own while something else is done."""

import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from unittest import mock

import pytest
from helpers import CORPUS, FRONT_MATTER, HashEncoder, QuietReporter
from tiny_model import PROMPTS, save_tiny_model

from evaluation import indexing
from indexer import models, source
from indexer.build import Summary, build
from indexer.errors import ArticleError, ModelError


def nothing() -> None:
    pass


def test_a_process_of_its_own_reads_the_same_while_something_else_is_done():
    done: list[str] = []
    found = source.read_beside(CORPUS, False, QuietReporter(), lambda: done.append("meanwhile"))
    assert found == source.read(CORPUS, False, QuietReporter())
    assert found.sections and found.corpus.digest
    assert done == ["meanwhile"]
    assert multiprocessing.active_children() == []


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """The corpus with a mistake in one file."""
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    article = corpus / "articles" / "calls.md"
    article.write_text(article.read_text(encoding="utf-8").replace("updated:", "updated: вчера #"), encoding="utf-8")
    return corpus


def test_mistakes_are_told_as_they_are_without_a_process_of_its_own(faulty: Path):
    with pytest.raises(ArticleError) as here:
        source.read(faulty, False, QuietReporter())
    with pytest.raises(ArticleError) as beside:
        source.read_beside(faulty, False, QuietReporter(), nothing)
    assert str(beside.value) == str(here.value)
    assert "вчера" in str(beside.value)
    assert len(source.read_beside(faulty, True, QuietReporter(), nothing).skipped) == 1


def test_what_goes_wrong_meanwhile_is_raised_and_leaves_no_process():
    def fails() -> None:
        raise ModelError("no such model")

    with pytest.raises(ModelError, match="no such model"):
        source.read_beside(CORPUS, False, QuietReporter(), fails)
    assert multiprocessing.active_children() == []


def stopped(pipe: Connection, *given: object) -> None:
    """In place of the reading process: one that the system stops."""
    os._exit(9)


def test_where_the_process_is_stopped_the_folder_is_read_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(source, "_tell", stopped)
    reporter = QuietReporter()
    assert source.read_beside(CORPUS, False, reporter, nothing).sections
    assert reporter.moves[-1][0] == "Reading"  # told by this process


def test_large_is_what_has_more_bytes_of_articles_than_a_process_is_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert not source.is_large(CORPUS)
    assert not source.is_large(tmp_path / "nowhere")
    monkeypatch.setattr(source, "_LARGE", 10)
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_bytes(b"0123456789")
    (tmp_path / "questions.jsonl").write_bytes(b"0123456789")  # is no article
    assert not source.is_large(tmp_path)
    (tmp_path / "articles" / "b.md").write_bytes(b"0")
    assert source.is_large(tmp_path)


def test_command_reads_a_large_folder_beside_without_a_word_about_it(faulty: Path, tmp_path: Path):
    (faulty / "articles" / "long.md").write_text(FRONT_MATTER + "Слово. " * 200_000, encoding="utf-8")
    assert source.is_large(faulty)
    model = save_tiny_model(tmp_path / "tiny", PROMPTS)
    command = [sys.executable, "-m", "indexer", "build", str(faulty), "--out", str(tmp_path / "index")]
    done = subprocess.run([*command, "--model", str(model)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 0, done.stderr
    assert done.stderr.endswith("Nothing was built. Mend the files, or leave them out with --keep-going.\n")
    assert done.stderr.count("100%") == 1  # read once


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], tuple[Summary, list[str]]]:
    """Builds as the command does, however small the folder: what came of it, and in which order what was done."""
    monkeypatch.setattr(source, "_LARGE", 0)

    def run(corpus: Path, index: Path) -> tuple[Summary, list[str]]:
        order: list[str] = []
        encoder = HashEncoder()
        read_beside = source.read_beside

        def open_encoder(model: models.Model) -> HashEncoder:
            order.append("opened")
            return encoder

        def noted(*given: object) -> object:
            order.append("begins to read")
            try:
                return read_beside(*given)
            finally:
                order.append("has read")

        monkeypatch.setattr(source, "read_beside", noted)
        model = models.Model(encoder.name, Path("/nowhere"), encoder.fingerprint)
        with mock.patch("indexer.models.resolve", lambda name, say: model):
            summary = build(corpus, index, reporter=QuietReporter(), beside=True, open_encoder=open_encoder)
        monkeypatch.setattr(source, "read_beside", read_beside)
        return summary, order

    return run


def test_model_of_a_first_index_is_opened_once_while_the_folder_is_read(
    built: Callable[[Path, Path], tuple[Summary, list[str]]], tmp_path: Path
):
    summary, order = built(CORPUS, tmp_path / "index")
    assert order == ["begins to read", "opened", "has read"]
    assert {"model", "reading"} <= summary.seconds.keys()


def test_model_is_opened_for_no_later_index_before_it_is_known_to_be_needed(
    built: Callable[[Path, Path], tuple[Summary, list[str]]], tmp_path: Path
):
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    built(corpus, tmp_path / "index")
    indexing.change_metadata(corpus)
    summary, order = built(corpus, tmp_path / "index")
    assert summary.built
    assert order == []
    indexing.change_text(corpus)
    assert built(corpus, tmp_path / "index")[1] == ["opened"]
