"""When a list is one of instructions."""

import pytest
from helpers import DATA, language_cases
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.instructions import are_instructions, begins_with_instruction

any_text = st.text(st.characters())


@pytest.mark.parametrize(("text", "expected"), language_cases(DATA / "instructions.tsv"))
def test_text_begins_with_an_instruction_or_not(text: str, expected: list[str]):
    assert ["yes" if begins_with_instruction(text) else "no"] == expected


@pytest.mark.parametrize(
    "items",
    [
        ["Проверьте сеть", "Перезапустите приложение"],
        ["Проверьте сеть", "Перезапустить приложение", "Вход по коду"],
        ["Если сети нет, подождите", "На Android откройте настройки"],
    ],
)
def test_most_items_begin_with_an_instruction(items: list[str]):
    assert are_instructions(items)
    assert are_instructions(tuple(items))


@pytest.mark.parametrize(
    "items",
    [
        [],
        ["Проверьте сеть"],
        ["", ""],
        ["Проверьте сеть", "Вход по коду"],
        ["Проверьте сеть", ""],
        ["Проверьте сеть", "Перезапустите приложение", "Вход по коду", "Настройки"],
        ["отправлять файлы", "видеть, кто в сети"],
        ["Удалить", "Изменить", "Отправить"],
    ],
)
def test_half_is_not_most_and_one_item_is_no_list_of_instructions(items: list[str]):
    assert not are_instructions(items)


@given(
    any_text | st.lists(st.sampled_from(["не", "если", "при", "нажмите", "вы", ":", ",", "—", "«", "?"])).map(" ".join)
)
@example("если")
@example("а: ещё")
@example("если :\u2003я")
@example("\ud800\x1f")
@example("\U00017000")  # a letter without a name
def test_any_text_begins_with_an_instruction_or_not(text: str):
    assert begins_with_instruction(text) in {True, False}


@given(st.lists(any_text))
def test_any_items_are_instructions_or_not(items: list[str]):
    assert are_instructions(items) in {True, False}
