"""Personal data is hidden in what goes into a letter, and nothing else is."""

import pytest

from server.personal import hide


@pytest.mark.parametrize(
    ("typed", "expected", "kinds"),
    [
        ("звоните +7 (916) 123-45-67", "звоните [телефон скрыт]", ("телефон",)),
        ("8 916 1234567 не работает", "[телефон скрыт] не работает", ("телефон",)),
        ("почта ivan.petrov@firma.example.ru", "почта [почта скрыта]", ("почта",)),
        ("карта 4111 1111 1111 1111", "карта [карта скрыта]", ("карта",)),
        ("Меня зовут Пётр Иванов, не могу войти", "Меня зовут [имя скрыто], не могу войти", ("имя",)),
        ("пароль: qwerty123 не подходит", "пароль: [пароль скрыт] не подходит", ("пароль",)),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer [токен скрыт]", ("токен",)),
        ("a@b.ru и c@d.ru", "[почта скрыта] и [почта скрыта]", ("почта",)),
    ],
)
def test_personal_data_is_hidden(typed, expected, kinds):
    assert (hide(typed).text, hide(typed).kinds) == (expected, kinds)


@pytest.mark.parametrize(
    "typed",
    [
        "ошибка 0x80070005",
        "версия 3.12.456, сборка 20261127",
        "ERR_CONNECTION_TIMED_OUT на cts01",
        "номер 4111 1111 1111 1112",  # Luhn does not hold
        "обращение SUP-123456, HUID 7c1e02aa-0000-4000-8000-0123456789ab",
        "забыл пароль от приложения",
        "2026-11-27 10:01:02,123 код 5.7.1",
        "меня зовут на созвон, а звонка нет",
        "",
    ],
)
def test_what_helps_to_help_stays(typed):
    assert hide(typed) == (hidden := hide(typed)) and (hidden.text, hidden.kinds) == (typed, ())
