"""Something made in a process of its own while something else is done here."""

import multiprocessing
import os
import shutil
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from helpers import CORPUS, QuietReporter, build_index

from indexer import beside, cores, source
from indexer import build as building
from indexer.beside import made_beside
from indexer.errors import ArticleError, ModelError


def nothing() -> None:
    pass


def read(corpus: Path, *, keep_going: bool = False) -> "partial[source.Source]":
    """Reads a corpus, in whichever process."""
    return partial(source.read, corpus, keep_going, QuietReporter())


def test_a_process_of_its_own_makes_the_same_while_something_else_is_done():
    done: list[str] = []
    found = made_beside(read(CORPUS), lambda: done.append("meanwhile"))
    assert found == read(CORPUS)()
    assert found.sections and found.corpus.digest
    assert done == ["meanwhile"]
    assert multiprocessing.active_children() == []


def test_mistakes_are_told_as_they_are_without_a_process_of_its_own(tmp_path: Path):
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    article = corpus / "articles" / "calls.md"
    article.write_text(article.read_text(encoding="utf-8").replace("updated:", "updated: вчера #"), encoding="utf-8")
    with pytest.raises(ArticleError) as here:
        read(corpus)()
    with pytest.raises(ArticleError) as there:
        made_beside(read(corpus), nothing)
    assert str(there.value) == str(here.value)
    assert "вчера" in str(there.value)
    assert len(made_beside(read(corpus, keep_going=True), nothing).skipped) == 1


def test_what_goes_wrong_meanwhile_is_raised_and_leaves_no_process():
    def fails() -> None:
        raise ModelError("no such model")

    with pytest.raises(ModelError, match="no such model"):
        made_beside(read(CORPUS), fails)
    assert multiprocessing.active_children() == []


def stopped(pipe: Connection, *given: object) -> None:
    """In place of what the process does: one that the system stops."""
    os._exit(9)


def test_where_the_process_is_stopped_it_is_made_here(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(beside, "_tell", stopped)
    reporter = QuietReporter()
    assert made_beside(partial(source.read, CORPUS, False, reporter), nothing).sections
    assert reporter.moves[-1][0] == "Reading"  # told by this process


@pytest.mark.parametrize(("usable", "others"), [(1, 0), (2, 1)])
def test_a_build_reads_in_another_process_where_there_is_a_core_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usable: int, others: int
):
    made: list[object] = []

    def counted(make, meanwhile):
        made.append(make)
        return made_beside(make, meanwhile)

    monkeypatch.setattr(cores, "usable", lambda: usable)
    monkeypatch.setattr(source, "_LARGE", 1000)
    monkeypatch.setattr(building, "made_beside", counted)
    build_index(CORPUS, tmp_path / "index", beside=True)
    assert len(made) == others
