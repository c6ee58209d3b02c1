"""Plain-text dumps of help pages: the rules one by one, a made-up dump whole, and a real one where it is at hand.

tests/data/dumps/<name>.golden.json holds the sections of <name>.txt. Where a change is meant to change them:

    UPDATE_GOLDEN=1 python -m pytest tests/test_text_dump.py && git diff tests/data/dumps
"""

import json
import os
from collections import Counter
from dataclasses import asdict
from itertools import groupby, pairwise
from pathlib import Path

import pytest
from helpers import DATA, assert_linear
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles import Article, Heading, Inline, Item, ItemList, LeftOut, Paragraph
from indexer.readers.text_dump import read_text
from indexer.sections import split_article
from indexer.words import clean

ROOT = Path(__file__).parents[1]
DUMPS = DATA / "dumps"
REAL = ROOT.parent / "shared" / "data" / "express-support-page.txt"

NAVIGATION = "Справка\n- Вход\n- Выход\n"  # and the parts that it needs
PARTS = "Вход\nНажмите «Войти».\nВыход\nНажмите «Выйти».\n"


def read(text: str) -> Article:
    found, _ = read_text(clean(text), "guide/proba", "proba.txt")
    assert isinstance(found, Article)
    return found


def outline(text: str) -> list[object]:
    """The blocks of a dump, shortly: "## Heading", "paragraph", ["-", item, …]; an item with blocks is a tuple."""
    return [brief(block) for block in read(text).body]


def brief(block: object) -> object:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(inline):
            return inline.text
        case ItemList():
            return [f"{block.start}." if block.ordered else "-", *map(brief, block.items)]
        case Item(inline, blocks):
            return (inline.text, *map(brief, blocks)) if blocks else inline.text
    raise AssertionError(block)


def letters(text: str) -> str:
    return "".join(filter(str.isalpha, text))


# Lines


@pytest.mark.parametrize("bullet", ["- ", "* ", "• ", "– ", "— ", "· ", "◦ ", "▪ ", "•", "-\t", "-\u00a0"])
def test_line_with_a_bullet_is_an_item(bullet: str):
    assert outline(f"Сделайте так:\n{bullet}нажмите;\n{bullet}подождите.\n") == [
        "Сделайте так:",
        ["-", "нажмите;", "подождите."],
    ]


@pytest.mark.parametrize("number", ["{}. ", "{}) "])
def test_line_with_a_number_is_a_numbered_item(number: str):
    text = "Сделайте так:\n" + "".join(number.format(n) + f"Шаг {n}.\n" for n in (1, 2))
    assert outline(text) == ["Сделайте так:", ["1.", "Шаг 1.", "Шаг 2."]]


def test_numbered_list_that_goes_on_after_a_text_keeps_its_numbers():
    assert outline("Шаги:\n1. Раз.\nПодождите минуту.\n2. Два.\n")[1:] == [
        ["1.", "Раз."],
        "Подождите минуту.",
        ["2.", "Два."],
    ]


@pytest.mark.parametrize("text", ["5.7 вышла весной.", "2024. Год перемен.", "-5 градусов.", "1.Шаг без пробела."])
def test_number_or_dash_without_a_mark_is_text(text: str):
    assert outline(f"Новости.\n{text}\n") == ["Новости.", text]


def test_indentation_nests_items():
    text = "Шаги:\n1. Раз.\n   - а;\n     * б;\n   - в.\n2. Два.\n"
    assert outline(text)[1] == ["1.", ("Раз.", ["-", ("а;", ["-", "б;"]), "в."]), "Два."]


def test_tab_indents_as_far_as_four_spaces():
    assert outline("Шаги:\n- Раз.\n\t- а;\n    - б.\n")[1] == ["-", ("Раз.", ["-", "а;", "б."])]


def test_bullet_right_under_a_number_belongs_to_it():
    assert outline("Шаги:\n1. Раз:\n- а;\n- б.\n2. Два.\n")[1] == ["1.", ("Раз:", ["-", "а;", "б."]), "Два."]


def test_numbers_within_numbers_nest():
    assert outline("Шаги:\n1. Раз.\n1.1. Сначала.\n1.2. Потом.\n2. Два.\n")[1] == [
        "1.",
        ("Раз.", ["1.", "Сначала.", "Потом."]),
        "Два.",
    ]


def test_lists_of_another_kind_stand_apart():
    assert outline("Шаги:\n- а;\n- б.\n1. Раз.\n")[1:] == [["-", "а;", "б."], ["1.", "Раз."]]


def test_items_deeper_than_eight_lists_stand_in_the_eighth():
    (block,) = read("".join(" " * depth + f"- пункт {depth};\n" for depth in range(30))).body
    depth = 0
    while isinstance(block, ItemList):
        depth += 1
        last = block.items[-1]
        block = last.blocks[0] if last.blocks else None
    assert depth == 8
    assert last.inline.text == "пункт 29;"


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("Нажмите\nна кнопку.", "Нажмите на кнопку."),
        ("Введите «да»\n, затем нажмите «Войти».", "Введите «да», затем нажмите «Войти»."),
        ("Откройте страницу (справа\n) и подождите.", "Откройте страницу (справа) и подождите."),
    ],
)
def test_line_that_begins_within_a_sentence_continues_the_line_before(text: str, joined: str):
    assert outline(f"Это важно.\n{text}\n") == ["Это важно.", joined]
    assert outline(f"Это важно.\n- {text}\n") == ["Это важно.", ["-", joined]]


def test_name_that_begins_in_lower_case_does_not_continue_a_line():
    assert outline("Нужен телефон.\niOS подойдёт.\n") == ["Нужен телефон.", "iOS подойдёт."]


def test_line_after_a_blank_one_continues_nothing():
    assert outline("Нажмите кнопку.\n\nи подождите.\n") == ["Нажмите кнопку.", "и подождите."]


def test_every_line_is_a_paragraph():
    assert outline("Раз.\nДва.\n\nТри.\n") == ["Раз.", "Два.", "Три."]


def test_wrapped_paragraph_is_one_paragraph():
    row = "Почта хранится на сервере организации и видна только сотрудникам отдела"
    text = f"О почте\n\n{row}\nБезопасность. Остальным она закрыта.\n\nКонец.\n"
    assert outline(text) == [f"{row} Безопасность. Остальным она закрыта.", "Конец."]
    # Without blank lines nothing tells a wrapped row from a line.
    assert len(outline(text.replace("\n\n", "\n"))) == 3


def test_text_set_deeper_than_an_item_belongs_to_it():
    text = "Шаги:\n1. Раз.\n   Подождите.\n\n   Ещё подождите.\n2. Два.\nКонец.\n"
    assert outline(text)[1:] == [["1.", ("Раз.", "Подождите.", "Ещё подождите."), "Два."], "Конец."]


@pytest.mark.parametrize("lone", ["-\n", "•\n", "  *  \n", "-------\n", "=====\n"])
def test_bullet_without_text_and_drawn_line_are_dropped(lone: str):
    assert outline(f"Раз.\n{lone}Два.\n") == ["Раз.", "Два."]


def test_number_alone_on_its_line_has_its_text_on_the_next():
    assert outline("Шаги:\n1.\nНажмите.\n2.\nПодождите.\n")[1] == ["1.", "Нажмите.", "Подождите."]


# Lost line breaks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Приложение готово.Войдите в него.", ["Приложение готово.", "Войдите в него."]),
        ("Нажмите «Да».Подождите.", ["Нажмите «Да».", "Подождите."]),
        ("Всё просто (правда).«Почта» готова.", ["Всё просто (правда).", "«Почта» готова."]),
        ("Отлично!Подождите…Потом войдите.", ["Отлично!", "Подождите…", "Потом войдите."]),
        ("Попробуйте так:Выйдите и войдите.", ["Попробуйте так:", "Выйдите и войдите."]),
    ],
)
def test_sentence_end_glued_to_a_capital_is_a_lost_line_break(text: str, expected: list[str]):
    assert outline(f"Справка\n{text}\n") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Офис: г.Москва, ул.Лесная.",
        "Звоните: тел.Приёмной, доб.Два.",
        "Имени А.С.Пушкина, проф.Иванова.",
        "Версия 5.Новая вышла в 18 ч.Вечера.",
        "Сайт pochta.example.org/Вход.html открыт.",
        "Файл настройка.xml и Node.js.",
    ],
)
def test_abbreviation_initial_and_address_are_no_sentence_end(text: str):
    assert outline(f"Это важно.\n{text}\n") == ["Это важно.", text]


def test_bullet_glued_to_a_colon_or_semicolon_opens_an_item():
    text = "Сделайте так:- Выйдите;- Войдите.\n- Подождите.\n"
    assert outline(text) == ["Сделайте так:", ["-", "Выйдите;", "Войдите.", "Подождите."]]
    assert outline("Это важно.\n1. Сделайте так:- Выйдите;- Войдите.\n2. Всё.\n")[1] == [
        "1.",
        ("Сделайте так:", ["-", "Выйдите;", "Войдите."]),
        "Всё.",
    ]


def test_bullet_after_a_stop_opens_the_next_item_of_a_list():
    assert outline("Это важно.\n- Выйдите. - войдите; - подождите.\n")[1] == ["-", "Выйдите.", "войдите;", "подождите."]
    assert outline("Это важно. - Подождите.\n") == ["Это важно. - Подождите."]


def test_text_between_two_items_on_the_line_of_the_second_belongs_to_the_first():
    text = "Способы:\n- напишите;\nАдрес стоит внизу. - позвоните;\n- приходите.\n"
    assert outline(text)[1] == ["-", ("напишите;", "Адрес стоит внизу."), "позвоните;", "приходите."]


def test_text_glued_to_an_item_belongs_to_it():
    assert outline("Шаги:\n1. Выйдите.Подождите.\n2. Войдите.\n")[1] == ["1.", ("Выйдите.", "Подождите."), "Войдите."]


# Navigation and title


def test_names_of_the_navigation_open_their_parts():
    article = read(NAVIGATION + PARTS)
    assert article.title == "Справка"
    assert article.body == (
        Heading(2, "Вход", "", 4),
        Paragraph(Inline("Нажмите «Войти».", "Нажмите «Войти».")),
        Heading(2, "Выход", "", 6),
        Paragraph(Inline("Нажмите «Выйти».", "Нажмите «Выйти».")),
    )


def test_name_is_known_in_other_case_spacing_number_and_punctuation():
    text = "Справка\n1. Ещё раз о входе\n2. Выход\nЕЩЕ  РАЗ О ВХОДЕ:\nРаз.\n2. Выход\nДва.\n"
    assert outline(text) == ["## ЕЩЕ РАЗ О ВХОДЕ", "Раз.", "## Выход", "Два."]


def test_indentation_of_the_navigation_gives_the_levels():
    text = "Справка\n- Вход\n   - С паролем\n   - Без пароля\n- Выход\n"
    text += "Вход\nОбщее.\nС паролем\nРаз.\nБез пароля\nДва.\nВыход\nТри.\n"
    assert outline(text) == [
        "## Вход",
        "Общее.",
        "### С паролем",
        "Раз.",
        "### Без пароля",
        "Два.",
        "## Выход",
        "Три.",
    ]


def test_deep_navigation_keeps_to_six_levels():
    names = [f"Раздел {n}" for n in range(9)]
    text = "".join(" " * n + f"- {name}\n" for n, name in enumerate(names))
    text += "".join(f"{name}\nПодробности\nТекст {name}.\n" for name in names)
    assert max(block.level for block in read(text).body if isinstance(block, Heading)) == 6


def test_navigation_without_bullets_counts_from_three_names():
    below = "Вход\nРаз.\nВыход\nДва.\nПрофиль\nТри.\nПодробно\nЧетыре.\n"
    parts = ["## Вход", "Раз.", "## Выход", "Два.", "## Профиль", "Три.", "### Подробно", "Четыре."]
    assert outline("Справка\nВход\nВыход\nПрофиль\n" + below) == parts
    assert outline("Вход\nВыход\nПрофиль\n" + below) == parts
    assert outline("Справка\nВход\nВыход\n" + below)[-2] == "## Подробно"  # below the title, not below a part


def test_list_of_which_less_than_half_stands_again_is_no_navigation():
    text = "Справка\nУмеет почта многое:\n- Письма\n- Метки\n- Папки\n- Правила\n- Вход\nПисьма\nРаз.\n"
    assert outline(text)[1] == ["-", "Письма", "Метки", "Папки", "Правила", "Вход"]


def test_names_in_another_order_are_no_navigation():
    assert outline("Справка\n- Выход\n- Вход\n" + PARTS)[0] == ["-", "Выход", "Вход"]


def test_list_that_stands_far_below_the_head_is_no_navigation():
    text = "Справка\n" + "".join(f"Предложение {n}.\n" for n in range(20)) + "- Вход\n- Выход\n" + PARTS
    assert ["-", "Вход", "Выход"] in outline(text)


def test_of_two_navigations_the_one_with_more_parts_counts():
    text = "Справка\n- Главная\n- Вход\n- Выход\nСодержание\n- Вход\n- Письма\n- Выход\n"
    text += "Вход\nРаз.\nПисьма\nДва.\nВыход\nТри.\n"
    assert outline(text) == ["## Вход", "Раз.", "## Письма", "Два.", "## Выход", "Три."]


def test_menu_of_the_site_is_left_out_and_sentences_of_the_head_stay():
    text = "Почта\nЗдесь собраны ответы.\nРазделы\n- Новости\n- Тарифы\nПочта умеет:\n- Письма\n- Метки\n"
    assert outline(text + NAVIGATION + PARTS)[:4] == [
        "Здесь собраны ответы.",
        "Почта умеет:",
        ["-", "Письма", "Метки"],
        "## Вход",
    ]


def test_text_between_navigation_and_first_part_is_the_top():
    article = read(NAVIGATION + "Начните отсюда.\n" + PARTS)
    assert next((section.level, section.text) for section in split_article(article)) == (1, "Начните отсюда.")


def test_name_without_text_is_named_in_a_warning():
    text = "Справка\n- Вход\n- Выход\n- Пустое\n- Чужое\n" + PARTS + "Пустое\n"
    found, findings = read_text(text, "proba", "proba.txt")
    assert [str(finding) for finding in findings] == [
        "proba.txt:2: warning: 2 of 4 names in the contents open no text («Пустое», «Чужое»); expected each as a line "
        "above its text; correct that line or leave the name out"
    ]
    assert isinstance(found, Article)
    assert [block.text for block in found.body if isinstance(block, Heading)] == ["Вход", "Выход"]


def test_navigation_without_any_text_below_is_text_itself():
    assert outline("Справка\n- Вход\n- Выход\nВход\nВыход\n") == [["-", "Вход", "Выход"], "Вход", "Выход"]


def test_title_is_the_name_that_the_menu_has_too_or_the_first_title():
    assert read("К содержанию\n- Главная\n- Справка\nКратко о входе.\n" + NAVIGATION + PARTS).title == "Справка"
    assert read("Справка\nКратко.\nСодержание\n- Вход\n- Выход\n" + PARTS).title == "Справка"
    assert read("Мы используем cookie.\nСправка\nТекст.\n").title == "Справка"
    assert read("Раз.\nДва.\nТри.\nСправка\nТекст.\n").title == "proba"


# Sub-headings


@pytest.mark.parametrize(
    "heading",
    ["Забыли пароль?", "«Почта» на телефоне", "2 способа войти", "📱 Телефон", "iOS и iPadOS", "Настройки > Вид"],
)
def test_title_above_text_is_a_sub_heading(heading: str):
    assert outline(NAVIGATION + PARTS + f"{heading}\nТекст.\n")[-2:] == [f"### {heading}", "Текст."]
    assert outline(f"Справка\nВступление.\n{heading}\n- а;\n- б.\n") == [
        "Вступление.",
        f"## {heading}",
        ["-", "а;", "б."],
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Готово.",
        "Внимание!",
        "Порядок действий:",
        "Нажмите кнопку, см. ссылку",
        "Слово " * 10 + "слово",
        "Очень" * 20,
        "(Примечание",
        "12:30",
    ],
)
def test_sentence_is_no_sub_heading(line: str):
    assert outline(f"Справка\nВступление.\n{line}\nТекст.\n") == ["Вступление.", line.strip(), "Текст."]


def test_last_of_several_titles_above_text_is_the_sub_heading():
    assert outline("Справка\nВступление.\nПервое\nВторое\nТекст.\n") == ["Вступление.", "Первое", "## Второе", "Текст."]


def test_title_after_a_line_that_breaks_off_is_none():
    assert outline(
        "Справка\nЧтобы войти, нажмите, подождите и откройте снова (всё подряд) меню,\nНастройки\nТекст.\n"
    ) == [
        "Чтобы войти, нажмите, подождите и откройте снова (всё подряд) меню,",
        "Настройки",
        "Текст.",
    ]


def test_titles_after_a_colon_are_a_list_and_a_single_one_is_a_sub_heading():
    assert outline("Справка\nПочта умеет:\nПисьма\nМетки\nТекст.\n") == ["Почта умеет:", "Письма", "Метки", "Текст."]
    assert outline("Справка\nНапример:\nПисьма\nТекст.\n") == ["Например:", "## Письма", "Текст."]


def test_title_with_nothing_below_is_text():
    assert outline("Справка\nТекст.\nВерсия для печати\n") == ["Текст.", "Версия для печати"]


# Repeats


def test_long_sentence_stands_where_it_stood_last():
    long = "Это предложение длиннее сорока знаков, и оно повторяется."
    text = NAVIGATION + f"Вход\n{long}\nНажмите.\nВыход\n{long}\nВыйдите.\n"
    assert outline(text) == ["## Вход", "Нажмите.", "## Выход", long, "Выйдите."]


def test_short_line_and_list_stand_once_within_their_part():
    text = NAVIGATION + "Вход\nКоротко.\n- а;\n- б.\nПодробно\nКоротко.\n- а;\n- б.\nВыход\nКоротко.\n- а;\n- б.\n"
    once = ["Коротко.", ["-", "а;", "б."]]
    assert outline(text) == ["## Вход", "### Подробно", *once, "## Выход", *once]


def test_sub_headings_may_have_the_same_text():
    text = (
        NAVIGATION + "Вход\nНа Android\nРешение.\n1. Раз.\n2. Два.\nНа iOS\nРешение.\n1. Раз.\n2. Два.\nВыход\nТекст.\n"
    )
    same = ["Решение.", ["1.", "Раз.", "Два."]]
    assert outline(text)[1:7] == ["### На Android", *same, "### На iOS", *same]


def test_line_that_introduces_a_list_stays():
    line = "Чтобы изменить настройки уведомлений, сделайте так:"
    text = NAVIGATION + f"Вход\n{line}\n- а;\n- б.\nВыход\n{line}\n- в;\n- г.\n"
    assert outline(text) == ["## Вход", line, ["-", "а;", "б."], "## Выход", line, ["-", "в;", "г."]]


def test_single_items_may_repeat():
    assert outline("Шаги:\n- а;\n- а;\nЕщё раз.\n- а;\n") == ["Шаги:", ["-", "а;", "а;"], "Ещё раз.", ["-", "а;"]]


def test_heading_whose_text_stands_below_goes_unless_a_deeper_one_is_under_it():
    long = "Это предложение длиннее сорока знаков, и оно повторяется."
    text = NAVIGATION + f"Вход\n{long}\nВыход\nПодробно\n{long}\n"
    found, findings = read_text(text, "proba", "proba.txt")
    assert isinstance(found, Article)
    assert [brief(block) for block in found.body] == ["## Выход", "### Подробно", long]
    assert len(findings) == 1


# The article as a whole


@pytest.mark.parametrize("text", ["", "\n\n", " - \n* \n", "123\n45.\n", "!!!"])
def test_text_without_letters_is_left_out(text: str):
    assert read_text(text, "proba", "proba.txt") == (LeftOut("proba.txt", "no text"), [])


def test_single_line_is_title_and_text():
    article = read("Справка\n")
    assert (article.article_id, article.title, article.source) == ("guide/proba", "Справка", "proba.txt")
    assert outline("Справка\n") == ["Справка"]


def test_markup_in_the_text_is_shown_as_text():
    (block,) = read("Раз & <b>два</b>.\n").body
    assert block == Paragraph(Inline("Раз & <b>два</b>.", "Раз &amp; &lt;b&gt;два&lt;/b&gt;."))


@pytest.mark.parametrize("name", sorted(path.stem for path in DUMPS.glob("*.txt")))
def test_dump_falls_into_the_sections_of_its_golden_file(name: str):
    text = (DUMPS / f"{name}.txt").read_text(encoding="utf-8")
    article, _ = read_text(clean(text), name, f"{name}.txt")
    assert isinstance(article, Article)
    found = json.loads(json.dumps([asdict(section) for section in split_article(article)]))
    golden = DUMPS / f"{name}.golden.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert found == json.loads(golden.read_text(encoding="utf-8"))


# Any text

FRAGMENTS = [
    "- ",
    "* ",
    "1. ",
    "2) ",
    "1.1. ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    ":- ",
    "; - ",
    ". - ",
    ".",
    ":",
    "!",
    ",",
    "«",
    "»",
]
FRAGMENTS += [
    "Вход",
    "Выход\n",
    "Настройки",
    "слово",
    "готово.Время",
    "и так",
    "iOS",
    "❓",
    "Это длинное предложение, " * 2,
]


@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=60).map("".join).map(clean))
def test_any_text_is_read_whole_or_left_out_for_want_of_letters(text: str):
    found, findings = read_text(text, "proba", "proba.txt")
    if isinstance(found, LeftOut):
        assert letters(text) == ""
        return
    sections = split_article(found)
    shown = "".join(section.headings[-1] + section.text for section in sections if section.level > 1)
    shown += "".join(section.text for section in sections if section.level == 1)
    assert sections
    assert letters(shown) or letters(found.title) in letters(text)
    headings = [block for block in found.body if isinstance(block, Heading)]
    assert all(2 <= heading.level <= 6 for heading in headings)
    assert all(one.line <= other.line for one, other in pairwise(headings))
    assert not any(finding.is_error for finding in findings)
    body = "".join(map(str, flat([brief(block) for block in found.body])))
    assert Counter(letters(body)) <= Counter(letters(text))


def flat(outline: object) -> list[str]:
    return [outline] if isinstance(outline, str) else [text for part in outline for text in flat(part)]


SHAPES = {
    "titles": "Вход\n",
    "sentences": "Длинное предложение, которое повторяется много раз подряд.\n",
    "items": "- Вход\n",
    "nested items": "".join(" " * depth + "- пункт\n" for depth in range(50)),
    "one long line": "слово ",
    "glued sentences": "слово.Слово",
    "glued items": "- слово:- слово; - слово. - слово",
    "continued lines": "слово\n",
    "blank lines": "а\n\n \n",
    "stops": "..!?",
    "numbers": "1.",
    "spaces": " ",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_time_grows_with_the_length_of_the_text(shape: str):
    def text(length: int) -> str:
        return "Справка\n" + SHAPES[shape] * (length // len(SHAPES[shape]))

    assert_linear(lambda given: read_text(given, "proba", "proba.txt"), text(30_000), text(120_000))


def test_names_that_repeat_in_reverse_take_no_longer():
    def text(count: int) -> str:
        names = [f"Раздел {n}" for n in range(count)]
        return "\n".join([*names, *names[::-1], *(f"- {name}" for name in names), *names[::-1]])

    assert_linear(lambda given: read_text(given, "proba", "proba.txt"), text(1000), text(4000))


# A real page


@pytest.fixture(scope="module")
def real() -> tuple[list[str], Article]:
    if not REAL.is_file():
        pytest.skip("the dump of a real page is not here (../shared/data)")
    text = clean(REAL.read_text(encoding="utf-8"))
    article, findings = read_text(text, "proba", "proba.txt")
    assert isinstance(article, Article)
    assert findings == []
    return text.split("\n"), article


def parts_of(lines: list[str]) -> list[str]:
    """The names of the navigation of a dump, found in another way: a list that stands again as lines, whole."""
    runs = [list(run) for listed, run in groupby(lines, lambda line: line.startswith("- ")) if listed]
    (names,) = [run for run in runs if all(line[2:] in lines for line in run)]
    return [name[2:] for name in names]


def test_real_page_falls_into_the_parts_that_its_navigation_names(real):
    lines, article = real
    assert [block.text for block in article.body if isinstance(block, Heading) and block.level == 2] == parts_of(lines)
    levels = "".join(str(block.level) for block in article.body if isinstance(block, Heading))
    assert levels == "2" + "233" + "2" + "3" * 7 + "2" + "23"


def test_lists_of_a_real_page_stand_in_their_parts(real):
    lines, article = real
    shown = {
        part: letters("".join(section.text for section in split_article(article) if part in section.headings))
        for part in parts_of(lines)
    }
    part = ""
    for line in lines[lines.index(parts_of(lines)[0]) :]:
        part = line if line in shown else part
        if line.startswith("- "):
            assert letters(line) in shown[part]


def test_every_long_line_of_a_real_page_stands_once(real):
    lines, article = real
    shown = letters("".join(map(str, flat([brief(block) for block in article.body]))))
    long = [line for line in lines[lines.index(parts_of(lines)[0]) :] if len(line) >= 40]
    assert {line: shown.count(letters(line)) for line in long} == dict.fromkeys(long, 1)
