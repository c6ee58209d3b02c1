"""From a folder of articles to an index: what is done again and what is not, and what stops a build."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from helpers import CORPUS, DATA, FRONT_MATTER, HashEncoder, QuietReporter, build_index, lemmatizer, write_corpus

from indexer import knowledge, models
from indexer.artifact import Artifact, current, list_generations, load, read_manifest
from indexer.build import build, heading_path, passages
from indexer.errors import ArticleError, ModelError
from indexer.sections import Section


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A copy of the test corpus, to be changed."""
    return Path(shutil.copytree(CORPUS, tmp_path / "corpus"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def encoded_by_rebuild(corpus: Path, index: Path) -> list[str]:
    """What a new build of the changed corpus encodes."""
    encoder = HashEncoder()
    assert build_index(corpus, index, encoder=encoder).built
    return encoder.encoded


# Nothing to do


def test_build_of_an_unchanged_corpus_does_nothing(corpus: Path, index_copy: Path):
    encoder, reporter = HashEncoder(), QuietReporter()
    summary = build_index(corpus, index_copy, encoder=encoder, reporter=reporter)
    assert not summary.built
    assert summary.generation == current(index_copy).name
    assert summary.counts == load(index_copy).manifest.counts
    assert list_generations(index_copy) == [summary.generation]
    assert (encoder.encoded, reporter.moves) == ([], [])


def test_build_of_an_unchanged_corpus_opens_no_encoder(corpus: Path, index_copy: Path, monkeypatch: pytest.MonkeyPatch):
    # The real one takes seconds to open.
    model = models.Model(HashEncoder.name, Path("/nowhere"), HashEncoder.fingerprint)
    monkeypatch.setattr(models, "resolve", lambda name, say: model)
    opened: list[models.Model] = []

    def open_encoder(model: models.Model) -> HashEncoder:
        opened.append(model)
        return HashEncoder()

    build(corpus, index_copy, reporter=QuietReporter(), open_encoder=open_encoder)
    assert opened == []
    replace(corpus / "articles/calls.md", "Нажмите на значок камеры", "Коснитесь значка камеры")
    build(corpus, index_copy, reporter=QuietReporter(), open_encoder=open_encoder)
    assert opened == [model]


def test_forced_build_makes_a_new_generation_but_encodes_nothing_again(corpus: Path, index_copy: Path):
    encoder, before = HashEncoder(), current(index_copy).name
    summary = build_index(corpus, index_copy, encoder=encoder, force=True)
    assert summary.built
    assert list_generations(index_copy) == [before, summary.generation]
    assert (encoder.encoded, summary.counts["windows_encoded"]) == ([], 0)


def test_damaged_index_is_mended_by_a_build(corpus: Path, index_copy: Path):
    (current(index_copy) / "sections.jsonl").write_text("")
    encoder = HashEncoder()
    summary = build_index(corpus, index_copy, encoder=encoder)
    # Nothing of a damaged index is trusted: its vectors are made anew.
    assert summary.counts["windows_encoded"] == summary.counts["windows"]
    assert len(encoder.encoded) == summary.counts["windows"] + summary.counts["sentences"]
    assert load(index_copy).generation == summary.generation


# Something changed


def test_changed_sentence_encodes_its_section_and_itself_alone(corpus: Path, index_copy: Path):
    replace(corpus / "articles/calls.md", "Нажмите на значок камеры", "Коснитесь значка камеры")
    assert encoded_by_rebuild(corpus, index_copy) == [
        "Звонки › Как включить камеру\nКоснитесь значка камеры во время звонка.",
        "Как включить камеру\nКоснитесь значка камеры во время звонка.",
    ]


def test_changed_sentence_of_a_long_section_encodes_its_window_and_itself_alone(corpus: Path, index_copy: Path):
    replace(corpus / "articles/calls.md", "запишите время звонка", "запомните время звонка")
    passage, sentence = encoded_by_rebuild(corpus, index_copy)
    assert passage.startswith("Звонки › Плохо слышно собеседника\n")
    assert sentence.startswith("Плохо слышно собеседника\n")
    assert all("запомните время звонка" in each for each in (passage, sentence))


def test_changed_title_encodes_every_section_of_its_article(corpus: Path, index_copy: Path):
    # Each passage begins with the headings above it.
    replace(corpus / "articles/profile.md", "title: Профиль и фото", "title: Личная страница")
    passages = encoded_by_rebuild(corpus, index_copy)
    assert [passage.partition("\n")[0] for passage in passages] == [
        "Личная страница",
        "Личная страница › Как сменить фото",
        "Личная страница › Как сменить имя",
        "Личная страница",  # the sentence under it; those under other headings stay
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("updated: 2026-11-19", "updated: 2026-11-22"),
        ("order: 3", "order: 1"),
        ("topic: start", "topic: chats"),
        ("aliases: [account, my-page]", "aliases: [account]"),
        ("aliases: [account, my-page]", "keywords: [анкета]"),
        ("{alias=avatar,userpic}", "{platform=web related=#name}"),
    ],
)
def test_change_of_what_stands_beside_the_text_encodes_nothing(corpus: Path, index_copy: Path, old: str, new: str):
    before = current(index_copy).name
    replace(corpus / "articles/profile.md", old, new)
    assert encoded_by_rebuild(corpus, index_copy) == []
    assert current(index_copy).name != before


def test_new_metadata_reaches_the_index(corpus: Path, index_copy: Path):
    replace(corpus / "articles/profile.md", "updated: 2026-11-19", "updated: 2026-11-22")
    replace(corpus / "articles/profile.md", "{alias=avatar,userpic}", "{alias=avatar platform=web}")
    build_index(corpus, index_copy)
    artifact = load(index_copy)
    assert {article.article_id: article.updated for article in artifact.articles}["profile"] == "2026-11-22"
    (photo,) = [section for section in artifact.sections if section.section_id == "profile#photo"]
    assert (photo.aliases, photo.platforms) == (("profile#avatar",), ("web",))


@pytest.mark.parametrize("name", ["topics.toml", "errors.toml", "synonyms.toml", "support.toml"])
def test_changed_table_makes_a_new_index_and_encodes_nothing(corpus: Path, index_copy: Path, name: str):
    (corpus / name).open("a").write("# заметка\n")
    assert encoded_by_rebuild(corpus, index_copy) == []
    assert (current(index_copy) / name).read_text().endswith("# заметка\n")


def test_renamed_article_encodes_nothing_and_has_its_new_ids(corpus: Path, index_copy: Path):
    (corpus / "articles/about.md").rename(corpus / "articles/what.md")
    assert encoded_by_rebuild(corpus, index_copy) == []
    ids = {section.section_id for section in load(index_copy).sections}
    assert "what#top" in ids
    assert "about#top" not in ids


def test_removed_article_is_found_no_longer(corpus: Path, index_copy: Path):
    (corpus / "articles/server.md").unlink()
    assert encoded_by_rebuild(corpus, index_copy) == []
    artifact = load(index_copy)
    assert not any(section.article_id == "server" for section in artifact.sections)
    assert len(artifact.vectors) == len(artifact.sections)


def test_another_model_encodes_everything(corpus: Path, index_copy: Path):
    encoder = HashEncoder()
    encoder.fingerprint = hashlib.sha256(b"another").hexdigest()
    summary = build_index(corpus, index_copy, encoder=encoder)
    assert summary.built
    assert summary.counts["windows_encoded"] == summary.counts["windows"]
    assert len(encoder.encoded) == summary.counts["windows"] + summary.counts["sentences"]


def test_text_that_stands_twice_is_encoded_once(tmp_path: Path):
    same = FRONT_MATTER + "Одно и то же.\n"
    encoder = HashEncoder()
    summary = build_index(write_corpus(tmp_path / "c", {"a": same, "b": same}), tmp_path / "index", encoder=encoder)
    assert encoder.encoded == ["Проба\nОдно и то же."]
    assert (summary.counts["windows"], summary.counts["windows_encoded"]) == (2, 1)
    vector = encoder.encode_query("Проба\nОдно и то же.")
    assert load(tmp_path / "index").vectors.search(vector, 5) == [(0, pytest.approx(1)), (1, pytest.approx(1))]


def opened_by_rebuild(corpus: Path, index: Path, monkeypatch: pytest.MonkeyPatch, *, force: bool = False) -> int:
    """How often a new build of the corpus opens the encoder."""
    opened: list[models.Model] = []
    model = models.Model(HashEncoder.name, Path("/nowhere"), HashEncoder.fingerprint)
    monkeypatch.setattr(models, "resolve", lambda name, say: model)
    build(
        corpus,
        index,
        reporter=QuietReporter(),
        force=force,
        open_encoder=lambda model: (opened.append(model), HashEncoder())[1],
    )
    return len(opened)


def test_where_nothing_has_to_be_encoded_the_encoder_is_not_opened(
    corpus: Path, index_copy: Path, monkeypatch: pytest.MonkeyPatch
):
    before = read_manifest(current(index_copy))
    replace(corpus / "articles/profile.md", "updated: 2026-11-19", "updated: 2026-11-22")
    assert opened_by_rebuild(corpus, index_copy, monkeypatch) == 0
    assert opened_by_rebuild(corpus, index_copy, monkeypatch, force=True) == 0
    again = read_manifest(current(index_copy))
    assert (again.encoder, again.query_side, again.counts) == (before.encoder, before.query_side, before.counts)
    replace(corpus / "articles/profile.md", "title: Профиль и фото", "title: Личная страница")
    assert opened_by_rebuild(corpus, index_copy, monkeypatch) == 1


def test_other_code_asks_the_encoder_again_what_it_is(corpus: Path, index_copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("indexer.artifact.code_digest", lambda: "of other code")
    assert opened_by_rebuild(corpus, index_copy, monkeypatch) == 1


def test_index_built_again_after_a_change_is_the_one_built_from_nothing(corpus: Path, index_copy: Path, tmp_path: Path):
    replace(corpus / "articles/calls.md", "запишите время звонка", "запомните время звонка")
    summary = build_index(corpus, index_copy)
    build_index(corpus, tmp_path / "anew")
    again, anew = current(index_copy), current(tmp_path / "anew")
    assert summary.counts["texts_encoded"] == 2
    names = {path.relative_to(anew).as_posix() for path in anew.rglob("*") if path.is_file()}
    assert {path.relative_to(again).as_posix() for path in again.rglob("*") if path.is_file()} == names
    assert [name for name in names if (again / name).read_bytes() != (anew / name).read_bytes()] == []


def test_tokens_of_what_is_encoded_are_counted(corpus: Path, index_copy: Path, tmp_path: Path):
    counts = build_index(corpus, tmp_path / "fresh").counts
    loaded = load(tmp_path / "fresh")
    assert counts["texts_encoded"] == counts["windows"] + counts["sentences"]
    texts = [*passages(loaded.sections, HashEncoder())[0], *(each.passage for each in loaded.sentences.sentences)]
    assert counts["tokens_encoded"] == sum(HashEncoder().count_tokens(texts))
    replace(corpus / "articles/calls.md", "Нажмите на значок камеры", "Коснитесь значка камеры")
    again = build_index(corpus, index_copy).counts
    # «Звонки Как включить камеру Коснитесь значка камеры во время звонка» without and with the title, marks included.
    assert (again["texts_encoded"], again["tokens_encoded"]) == (2, 12 + 11)


def test_every_table_is_read_once(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Else one could change between the reading of it that is checked and the one that is used.
    read, names = knowledge.read, []
    monkeypatch.setattr(
        knowledge, "read", lambda folder, name, kind: (names.append((folder, name)), read(folder, name, kind))[1]
    )
    build_index(corpus, tmp_path / "index")
    assert sorted(name for folder, name in names if folder == corpus) == sorted(knowledge.FILES)


# What comes out


def test_summary_counts_what_the_index_holds(corpus: Path, tmp_path: Path):
    encoder = HashEncoder()
    summary = build_index(corpus, tmp_path / "index", encoder=encoder)
    artifact = load(tmp_path / "index")
    assert summary.built
    assert summary.skipped == ()
    assert summary.counts == {
        "articles": 10,
        "sections": len(artifact.sections),
        "steps": sum(len(section.steps) for section in artifact.sections),
        "windows": artifact.vectors.windows,
        "sections_in_several_windows": 1,
        "windows_encoded": artifact.vectors.windows,
        "texts_encoded": len(encoder.encoded),
        "tokens_encoded": encoder.tokens_encoded,
        "lemmas": len(artifact.lexical.vocabulary),
        "questions": 0,
        "sentences": len(artifact.sentences.sentences),
    }
    # The golden files of test_sections.py hold every section once.
    golden = [json.loads(path.read_text(encoding="utf-8")) for path in (DATA / "sections").glob("*.json")]
    assert summary.counts["sections"] == sum(map(len, golden))
    # How many were encoded depends on what was there before, so it is no part of the index.
    assert artifact.manifest.counts == {name: n for name, n in summary.counts.items() if not name.endswith("_encoded")}
    assert set(summary.seconds) == {
        *("model", "reading", "lemmas", "known", "windows", "query side", "vectors", "indexing", "writing"),
    }
    assert all(seconds >= 0 for seconds in summary.seconds.values())


def test_every_stage_reports_its_progress_to_the_end(corpus: Path, tmp_path: Path):
    reporter = QuietReporter()
    summary = build_index(corpus, tmp_path / "index", reporter=reporter)
    last = {stage: (done, total) for stage, done, total in reporter.moves}
    assert last == {
        "Reading": (10, 10),
        "Lemmas": (summary.counts["sections"],) * 2,
        "Encoding": (summary.counts["windows"],) * 2,
        "Sentences": (summary.counts["sentences"],) * 2,
    }


def test_section_is_found_by_its_own_words_in_both_indexes(artifact: Artifact, encoder: HashEncoder):
    for row, section in enumerate(artifact.sections):
        if section.section_id == "calls#bad-sound":
            continue  # too long to be near to the whole of its text
        (best, cosine), *_ = artifact.vectors.search(
            encoder.encode_query(f"{heading_path(section)}\n{section.text}"), 1
        )
        assert (best, cosine) == (row, pytest.approx(1))
        scores = artifact.lexical.scores(lemmatizer().lemmas(section.text), {"body": 1.0})
        assert scores[row] > 0


def test_error_text_is_found_in_the_section_that_explains_it(artifact: Artifact):
    for text, section_id in [("chat_not_found", "errors#chat-not-found"), ("0x80070005", "errors#no-access")]:
        scores = artifact.lexical.scores(lemmatizer().lemmas(text), {"errors": 1.0})
        assert [artifact.sections[row].section_id for row in scores.nonzero()[0]] == [section_id]


def test_heading_path_goes_from_the_title_down(sections_by_id: dict[str, Section]):
    assert heading_path(sections_by_id["server#update-package"]) == (
        "Сервер «Голубя» › Как обновить сервер › Обновление из пакета"
    )


def test_beir_folder_is_built_too(tmp_path: Path):
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "MED 10", "title": "Чаты", "text": "Как создать чат"}\n{"_id": "MED 9", "text": "Звонки"}\n'
    )
    build_index(tmp_path, tmp_path / "index")
    artifact = load(tmp_path / "index")
    assert artifact.manifest.inputs.corpus_form == "beir"
    assert [section.section_id for section in artifact.sections] == ["MED 10#top", "MED 9#top"]
    assert not build_index(tmp_path, tmp_path / "index").built


# What stops a build


def test_mistake_stops_the_build_and_the_old_index_stays(corpus: Path, index_copy: Path):
    before = current(index_copy)
    replace(corpus / "articles/about.md", "topic: start\n", "")
    replace(corpus / "articles/calls.md", "{#camera}", "")
    encoder = HashEncoder()
    with pytest.raises(ArticleError) as raised:
        build_index(corpus, index_copy, encoder=encoder)
    lines = str(raised.value).splitlines()
    assert lines[0].startswith(f'{corpus}/articles/about.md:1: "topic" is missing; expected a topic id')
    assert lines[1].startswith(f'{corpus}/articles/calls.md:17: heading "Как включить камеру" has no id')
    assert lines[2] == "Nothing was built. Mend the files, or leave them out with --keep-going."
    assert encoder.encoded == []
    assert current(index_copy) == before
    load(index_copy)


def test_of_many_mistakes_the_first_twenty_are_shown(tmp_path: Path):
    corpus = write_corpus(tmp_path / "c", {f"a{number:02}": "без полей" for number in range(25)})
    with pytest.raises(ArticleError) as raised:
        build_index(corpus, tmp_path / "index")
    lines = str(raised.value).splitlines()
    assert len(lines) == 22
    assert "a19.md:1: no front matter" in lines[19]
    assert lines[20] == "… and 5 more"


def test_with_keep_going_bad_files_are_left_out_and_named(corpus: Path, tmp_path: Path):
    replace(corpus / "articles/about.md", "topic: start\n", "")
    replace(corpus / "articles/calls.md", "{#camera}", "")
    (corpus / "articles/files.md").write_bytes(b"\xff")
    summary = build_index(corpus, tmp_path / "index", keep_going=True)
    assert [skipped.partition(": ")[0] for skipped in summary.skipped] == [
        f"{corpus}/articles/about.md:1",
        f"{corpus}/articles/calls.md:17",
        f"{corpus}/articles/files.md:1",
    ]
    ids = {article.article_id for article in load(tmp_path / "index").articles}
    assert ids == {"chats", "errors", "locks", "notifications", "profile", "server", "sign-in"}
    assert summary.counts["articles"] == 7


def test_with_keep_going_a_bad_line_of_a_beir_file_costs_no_other(tmp_path: Path):
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "text": "а"}\n{}\n{"_id": "3", "text": "б"}\n')
    summary = build_index(tmp_path, tmp_path / "index", keep_going=True)
    assert len(summary.skipped) == 1
    assert [article.article_id for article in load(tmp_path / "index").articles] == ["1", "3"]


@pytest.mark.parametrize("keep_going", [False, True])
def test_corpus_without_a_single_good_article_is_refused(tmp_path: Path, keep_going: bool):
    corpus = write_corpus(tmp_path / "c", {"a": "без полей"})
    with pytest.raises(ArticleError, match=r"articles/a\.md:1: no front matter"):
        build_index(corpus, tmp_path / "index", keep_going=keep_going)
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("keep_going", [False, True])
def test_folder_without_articles_is_refused(tmp_path: Path, keep_going: bool):
    (tmp_path / "c").mkdir()
    with pytest.raises(ArticleError, match="no articles; expected"):
        build_index(tmp_path / "c", tmp_path / "index", keep_going=keep_going)
    assert not (tmp_path / "index").exists()


def test_folder_that_is_gone_is_refused_and_the_old_index_stays(index_copy: Path, tmp_path: Path):
    before = current(index_copy)
    with pytest.raises(ArticleError, match="no such folder"):
        build_index(tmp_path / "gone", index_copy)
    assert current(index_copy) == before


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize("name", ["topics.toml", "errors.toml", "synonyms.toml", "support.toml"])
def test_broken_table_stops_the_build(corpus: Path, index_copy: Path, name: str, keep_going: bool):
    # The server reads these tables from the index, and would not start with a broken one.
    before = current(index_copy)
    (corpus / name).write_text("[[broken")
    with pytest.raises(ArticleError, match=rf"{name}:1: not TOML"):
        build_index(corpus, index_copy, keep_going=keep_going)
    assert current(index_copy) == before
    load(index_copy)


def test_missing_model_stops_the_build_before_anything_is_read(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def missing(name: str, say: object) -> models.Model:
        raise ModelError(f"model {name}: not to be had")

    monkeypatch.setattr(models, "resolve", missing)
    reporter = QuietReporter()
    with pytest.raises(ModelError, match="model other: not to be had"):
        build(corpus, tmp_path / "index", reporter=reporter, model_name="other")
    assert reporter.moves == []
    assert not (tmp_path / "index").exists()
