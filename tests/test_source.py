"""Reading what an index is made of, and when a process of its own does so."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest
from helpers import CORPUS, FRONT_MATTER, HashEncoder, QuietReporter, build_index
from tiny_model import PROMPTS, save_tiny_model

from evaluation import indexing
from indexer import artifact, beside, late, models, source
from indexer import build as building
from indexer.build import Summary, build
from indexer.readers import foreign
from indexer.reuse import digest_of


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    """The corpus with a mistake in one file."""
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    article = corpus / "articles" / "calls.md"
    article.write_text(article.read_text(encoding="utf-8").replace("updated:", "updated: вчера #"), encoding="utf-8")
    return corpus


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
        made_beside = beside.made_beside

        def open_encoder(model: models.Model) -> HashEncoder:
            order.append("opened")
            return encoder

        def noted(*given: object) -> object:
            order.append("begins to read")
            try:
                return made_beside(*given)
            finally:
                order.append("has read")

        monkeypatch.setattr(building, "made_beside", noted)
        model = models.Model(encoder.name, Path("/nowhere"), encoder.fingerprint)
        with mock.patch("indexer.models.resolve", lambda name, say: model):
            summary = build(corpus, index, reporter=QuietReporter(), beside=True, open_encoder=open_encoder)
        return summary, order

    return run


Built = Callable[[Path, Path], tuple[Summary, list[str]]]

BESIDE = ["begins to read", "opened", "has read"]


@pytest.fixture
def foreign_corpus(tmp_path: Path) -> Path:
    """A folder of other people's articles, three times as many as are looked at before all are read."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    for n in range(3 * source._LOOKED_AT):
        text = f"---\ntitle: Статья {n}\ndate: 2026-11-22\n---\n\nКак войти, способ {n}.\n"
        (folder / f"{n}.md").write_text(text, encoding="utf-8")
    return folder


def test_model_of_a_first_index_is_opened_once_while_the_folder_is_read(built: Built, tmp_path: Path):
    summary, order = built(CORPUS, tmp_path / "index")
    assert order == BESIDE
    assert {"model", "reading", "lemmas"} <= summary.seconds.keys()


def test_model_is_opened_for_no_later_index_before_it_is_known_to_be_needed(built: Built, tmp_path: Path):
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    built(corpus, tmp_path / "index")
    indexing.change_metadata(corpus)
    summary, order = built(corpus, tmp_path / "index")
    assert summary.built
    assert order == []
    indexing.change_text(corpus)
    assert built(corpus, tmp_path / "index")[1] == ["opened"]


def test_model_is_opened_while_the_folder_is_read_where_a_file_changed_last_has_new_text(
    built: Built, foreign_corpus: Path, tmp_path: Path
):
    index = tmp_path / "index"
    assert built(foreign_corpus, index)[1] == BESIDE
    indexing.change_metadata(foreign_corpus)
    summary, order = built(foreign_corpus, index)
    assert (summary.built, order) == (True, [])
    indexing.change_text(foreign_corpus)
    summary, order = built(foreign_corpus, index)
    assert order == BESIDE
    assert summary.counts["windows_encoded"] == 1
    (foreign_corpus / "new.md").write_text("# Новая статья\n\nО новом.\n", encoding="utf-8")
    assert built(foreign_corpus, index)[1] == BESIDE
    (foreign_corpus / "new.md").unlink()
    summary, order = built(foreign_corpus, index)
    assert (summary.built, order) == (True, [])


def test_new_text_that_no_file_changed_last_has_is_found_when_all_are_read(
    built: Built, foreign_corpus: Path, tmp_path: Path
):
    built(foreign_corpus, tmp_path / "index")
    path = indexing.change_text(foreign_corpus)
    os.utime(path, (1_000_000, 1_000_000))  # copied with an older time, say
    summary, order = built(foreign_corpus, tmp_path / "index")
    assert order == ["opened"]
    assert summary.counts["windows_encoded"] == 1


def test_model_is_opened_while_the_folder_is_read_where_the_last_index_spares_nothing(
    built: Built, foreign_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    built(foreign_corpus, tmp_path / "index")
    monkeypatch.setattr(artifact, "code_digest", lambda: "of other code")
    assert built(foreign_corpus, tmp_path / "index")[1] == BESIDE


def test_texts_read_are_those_of_the_last_index_where_it_is_sound_and_of_the_same_code_and_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    index, encoder = tmp_path / "index", HashEncoder()
    build_index(CORPUS, index)
    model = models.Model(encoder.name, Path("/nowhere"), encoder.fingerprint)
    wholes = [building._whole(section) for section in artifact.load(index).sections]
    read = late.texts_read(index, model)
    assert read is not None
    assert {digest_of(whole) for whole in wholes} <= read  # one of them in windows
    assert late.texts_read(index, models.Model("another", Path("/nowhere"), "another")) is None
    with monkeypatch.context() as patch:
        patch.setattr(artifact, "code_digest", lambda: "of other code")
        assert late.texts_read(index, model) is None
    for name in ("cuts.json", "vectors.windows.tsv", "vectors.faiss", "manifest.json"):
        path = index / "current" / name
        content = path.read_bytes()
        for damaged in (b"", b"[{}]", b"\xff"):
            path.write_bytes(damaged)
            assert late.texts_read(index, model) is None, (name, damaged)
        path.unlink()
        assert late.texts_read(index, model) is None
        path.write_bytes(content)
    assert late.texts_read(index, model) == read
    assert late.texts_read(tmp_path / "nowhere", model) is None


def files_of(index: Path) -> dict[str, bytes]:
    """What is in the files of the current generation; the name of a generation has the time in it."""
    folder = artifact.current(index)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_index_built_again_beside_a_process_that_reads_is_the_one_built_from_nothing(
    built: Built, foreign_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    built(foreign_corpus, tmp_path / "index")
    indexing.change_text(foreign_corpus)
    assert built(foreign_corpus, tmp_path / "index")[1] == BESIDE
    monkeypatch.setattr(source, "is_large", lambda folder: False)
    assert built(foreign_corpus, tmp_path / "anew")[1] == ["opened"]
    assert files_of(tmp_path / "index") == files_of(tmp_path / "anew")


def test_files_changed_last_are_read_latest_first_without_pages_and_large_ones(tmp_path: Path):
    texts = {"old.md": "Старое.", "new.md": "Новое.", "newest.txt": "Новейшее.", "page.html": "<p>Страница.</p>"}
    for age, (name, text) in enumerate(texts.items()):
        (tmp_path / name).write_text(text, encoding="utf-8")
        os.utime(tmp_path / name, (1_000_000 + age, 1_000_000 + age))
    (tmp_path / "large.md").write_text("Слово. " * foreign._MAXIMUM_ALONE, encoding="utf-8")
    assert [article.article_id for article in foreign.changed_last(tmp_path, 2)] == ["newest", "new"]
    assert [article.article_id for article in foreign.changed_last(tmp_path, 9)] == ["newest", "new", "old"]
    sections = [section.section_id for section in source.changed_last(tmp_path)]
    assert sections == [each.section_id for name in ("newest", "new", "old") for each in _sections(tmp_path, name)]
    assert list(source.changed_last(CORPUS)) == []  # our own form, small
    assert list(source.changed_last(tmp_path / "nowhere")) == []


def _sections(folder: Path, article_id: str) -> list[source.Section]:
    read = source.read(folder, False, QuietReporter()).sections
    return [section for section in read if section.article_id == article_id]
