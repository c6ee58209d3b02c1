"""Error texts that the help explains, found in what was typed or pasted."""

import pytest

from indexer.knowledge import KnownErrors
from indexer.lemmas import Lemmatizer
from indexer.sections import Section
from server.reading.known import KnownTexts, quoted_errors

ERRORS = KnownErrors.model_validate(
    {
        "error": [
            {"text": "Отказано в доступе", "section": "errors#no-access", "distinctive": False},
            {"text": "Пользователь не найден", "section": "errors#user-not-found", "distinctive": True},
            {"text": "Обращение SUP-17 не найдено на портале", "section": "errors#request", "distinctive": True},
        ]
    }
)
QUOTED = [
    ("Недостаточно места на устройстве", "install#space"),
    ("Размер файла превышает допустимое значение 100 МБ", "files#size"),
    ("413 Request Entity Too Large", "files#size"),
]

known = KnownTexts(ERRORS, QUOTED, Lemmatizer())


def section(section_id: str, text: str, heading: str = "Ошибки") -> Section:
    untold = dict.fromkeys(Section.__dataclass_fields__, ())
    return Section(**untold | {"section_id": section_id, "headings": ("Статья", heading), "text": text})


@pytest.mark.parametrize(
    ("typed", "expected", "reason"),
    [
        ("недостаточно места на устройстве", "install#space", "no quotes"),
        ("пишет «Недостаточно\nместа на\nустройстве» и всё", "install#space", "line breaks, words around"),
        ("недостаточно место на устройства", "install#space", "other word forms"),
        ("Размер файла превышает допустимое значение 25 МБ", "files#size", "another number"),
        ("nginx: 413 request entity too large", "files#size", "a log line around"),
        ("обращение SUP-90210 не найдено на портале", "errors#request", "another id"),
        ("у меня пользователь не найден", "errors#user-not-found", "a listed text word for word"),
    ],
)
def test_a_known_text_is_found_through_small_differences(typed, expected, reason):
    assert known.held(typed) == [(expected, True)], reason


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("на устройстве места недостаточно", "another order is another sentence"),
        ("недостаточно места", "a part says less"),
        ("пользователь не нашёл", "two words that say something in other forms"),
        ("", "nothing"),
    ],
)
def test_what_only_resembles_a_known_text_is_not_taken_for_it(typed, reason):
    assert known.held(typed) == [], reason


def test_a_text_that_means_many_things_decides_only_alone():
    assert known.held("отказано в доступе") == [("errors#no-access", True)]
    assert known.held("отказано в доступе к чату") == [("errors#no-access", False)]


def test_messages_that_one_section_quotes_are_known_but_no_buttons_and_no_titles():
    sections = [
        section("a#x", "Нажмите «Настройки приложения». Пишет: «Не удалось\nоткрыть файл». См. «Не приходит код»."),
        section("a#y", "Если видите «Нет связи с сервером», подождите."),
        section("b#z", "«Нет связи с сервером» значит многое.", "Не приходит код"),
    ]
    assert quoted_errors(sections) == [("Не удалось открыть файл", "a#x")]
