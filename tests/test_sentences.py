"""The sentences that may be quoted: where sections are cut, and what is encoded anew."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers import CORPUS, HashEncoder, build_index

from indexer import artifact as artifacts
from indexer.errors import ArtifactError
from indexer.sections import Section, Step
from indexer.sentences import FOLDER, SentenceIndex, cut

LONG = "Это предложение нарочно длинное, чтобы абзац не поместился в одну цитату целиком, сколько его ни складывай."


def section(text: str, *steps: Step) -> Section:
    return Section(
        section_id="files#max-size",
        article_id="files",
        anchor="max-size",
        level=2,
        headings=("Файлы", "Какой максимальный размер файла"),
        text=text,
        html="",
        steps=steps,
        platforms=(),
        audiences=(),
        keywords=(),
        related=(),
        aliases=(),
    )


def texts(text: str, *steps: Step) -> list[str]:
    return [sentence.text for sentence in cut(section(text, *steps))]


@pytest.mark.parametrize(
    ("text", "expected", "reason"),
    [
        (
            "Предел задаёт администратор. Узнайте его в ИТ-службе.",
            ["Предел задаёт администратор. Узнайте его в ИТ-службе."],
            "a short paragraph is one quote",
        ),
        (
            f"Предел задаёт администратор сервера вашей организации. Узнать предел можно в ИТ-службе. {'Слово ' * 20}.",
            [
                "Предел задаёт администратор сервера вашей организации. Узнать предел можно в ИТ-службе.",
                f"{'Слово ' * 20}.",
            ],
            "of a long one sentences as far as they fit",
        ),
        (
            f"{'Предел задаёт администратор сервера ' * 4}сам. {LONG}",
            [f"{'Предел задаёт администратор сервера ' * 4}сам. {LONG}"],
            "a sentence that points back has the one before it",
        ),
        ("Он же проверяет доступность служб сервера.", [], "what points back to another paragraph is no quote"),
        ("Готово.", [], "too short to say anything"),
        (
            "Без разрешения нельзя\n• изменять программу;\n• распространять её.",
            ["Без разрешения нельзя\n• изменять программу;\n• распространять её."],
            "items that go on with the line before them are quoted with it alone",
        ),
        (
            "Служб несколько:\n• BotX — сервис для ботов.\n• VoEx — сервис для звонков.",
            ["BotX — сервис для ботов.", "VoEx — сервис для звонков."],
            "items that say all by themselves are quoted alone",
        ),
        (
            "Вот предел, он есть у всех. Способы такие:\n• архив;\n• ссылка.",
            ["Вот предел, он есть у всех.", "Способы такие:\n• архив;\n• ссылка."],
            "the last sentence introduces the list",
        ),
        ("Связь по порту 5001. Заодно проверьте 443.", ["Связь по порту 5001. Заодно проверьте 443."], "no item"),
        ("Код | Что он значит, подробно\n404 | Ничего не найдено", [], "rows of a table are no sentences"),
        ("", [], "nothing"),
    ],
)
def test_where_a_section_is_cut(text, expected, reason):
    assert texts(text) == expected, reason


def test_steps_and_what_introduces_them_are_no_quotes():
    steps = (Step("Откройте настройки приложения.", ("В них есть раздел «Файлы».",)), Step("Закройте их снова."))
    text = (
        "Размер меняют в настройках. Что сделать:\n1. Откройте настройки приложения.\n• В них есть раздел «Файлы».\n"
        "2. Закройте их снова.\nЕсли не помогло, напишите в поддержку."
    )
    assert texts(text, *steps) == ["Размер меняют в настройках.", "Если не помогло, напишите в поддержку."]


def test_the_model_reads_a_sentence_under_its_heading_and_an_item_under_what_introduces_it():
    first, item = cut(section("Предел есть у всех файлов.\nПределы такие:\n• Бот — до 512 МБ на файл."))
    assert first.passage == "Какой максимальный размер файла\nПредел есть у всех файлов."
    assert item.passage == "Какой максимальный размер файла\nПределы такие:\nБот — до 512 МБ на файл."


def test_every_sentence_stands_word_for_word_in_its_section(artifact, sections_by_id):
    assert artifact.sentences.sentences
    for sentence in artifact.sentences.sentences:
        assert sentence.text in sections_by_id[sentence.section_id].text


def test_an_index_gives_back_what_was_saved_and_maps_its_vectors(tmp_path, encoder):
    sections = [section("Предел есть у всех файлов."), section("Предел есть у всех файлов.")]
    index = SentenceIndex.build(sections, encoder, {}, lambda done, total: None)
    index.save(tmp_path / FOLDER)
    again = SentenceIndex.load(tmp_path / FOLDER)
    assert again.sentences == index.sentences
    assert isinstance(again.vectors.base, np.memmap)
    np.testing.assert_array_equal(again.vectors, index.vectors)
    np.testing.assert_array_equal(again.vectors[1], encoder.encode_query(index.sentences[1].passage))


def test_an_index_without_sentences_can_be_saved(tmp_path, encoder):
    SentenceIndex.build([section("")], encoder, {}, lambda done, total: None).save(tmp_path / FOLDER)
    assert SentenceIndex.load(tmp_path / FOLDER).vectors.shape == (0, encoder.dimension)


@pytest.mark.parametrize("damage", ["{}\n", "", "[\n"])
def test_files_that_do_not_belong_together_are_refused(tmp_path, encoder, damage):
    SentenceIndex.build([section("Предел есть у всех файлов.")], encoder, {}, lambda *_: None).save(tmp_path / FOLDER)
    (tmp_path / FOLDER / "sentences.jsonl").write_text(damage)
    with pytest.raises(ArtifactError, match="rebuild the index"):
        SentenceIndex.load(tmp_path / FOLDER)


def test_a_rebuild_encodes_new_sentences_alone(tmp_path):
    corpus = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    build_index(corpus, tmp_path / "index")
    before = artifacts.load(tmp_path / "index").sentences.sentences
    with (corpus / "articles/calls.md").open("a") as file:
        file.write("\nНовое предложение о звонках.\n")
    encoder = HashEncoder()
    build_index(corpus, tmp_path / "index", encoder=encoder)
    after = artifacts.load(tmp_path / "index").sentences.sentences
    (new,) = set(after) - set(before)
    assert new.text == "Новое предложение о звонках."
    passages = {sentence.passage for sentence in after}
    assert [passage for passage in encoder.encoded if passage in passages] == [new.passage]
