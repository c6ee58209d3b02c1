"""The block between the `---` lines: what it gives, and the line of each mistake."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.readers.front_matter import parse

GOOD = "title: Проба\ntopic: start\nupdated: 2026-11-22\n"


def test_fields_that_are_left_out_have_their_defaults():
    fields, mistakes = parse(GOOD)
    assert mistakes == []
    assert fields is not None
    assert (fields.title, fields.topic, fields.updated) == ("Проба", "start", datetime.date(2026, 11, 22))
    assert fields.order == 100
    assert (fields.platforms, fields.audiences, fields.keywords, fields.related) == ((), (), (), ())
    assert (fields.featured, fields.aliases, fields.facts) == ((), (), ())
    assert fields.internal is False


def test_every_field_is_read():
    fields, mistakes = parse(
        GOOD + "order: 7\nplatforms: [android, ios]\naudiences: [admin]\nkeywords: [ пуш , push]\n"
        "related: [files, sign-in#qr]\nfeatured: [a, b]\naliases: [old]\nfacts: [F-1]\ninternal: true\n"
    )
    assert mistakes == []
    assert fields is not None
    assert fields.order == 7
    assert fields.platforms == ("android", "ios")
    assert fields.audiences == ("admin",)
    assert fields.keywords == ("пуш", "push")
    assert fields.related == ("files", "sign-in#qr")
    assert fields.featured == ("a", "b")
    assert fields.aliases == ("old",)
    assert fields.facts == ("F-1",)
    assert fields.internal is True


def test_title_that_looks_like_a_date_is_a_title():
    fields, _ = parse(GOOD.replace("Проба", "2026-11-22"))
    assert fields is not None
    assert fields.title == "2026-11-22"


# Line 1 is the opening `---`, so the first field stands in line 2. An added line is line 5.
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", ["1: holds no fields"]),
        ("просто текст\n", ["1: holds no fields"]),
        ("- title\n", ["1: holds no fields"]),
        ("title: Проба\ntopic: start\n", ['1: "updated" is missing; expected a date such as 2026-11-22']),
        ("topic: start\n", ['1: "title" is missing', '1: "updated" is missing']),
        (GOOD.replace("Проба", "'  '"), ["2: \"title\" is '  '; expected the article's title as text"]),
        (GOOD.replace("Проба", "[a]"), ["2: \"title\" is ['a']"]),
        (GOOD.replace("Проба", "5"), ['2: "title" is 5']),
        (GOOD.replace("start", ""), ['3: "topic" is empty; expected a topic id']),
        (GOOD + "internal: наполовину\n", ["5: \"internal\" is 'наполовину'; expected true or false"]),
        (GOOD.replace("2026-11-22", "вчера"), ["4: \"updated\" is 'вчера'; expected a date such as 2026-11-22"]),
        (GOOD.replace("2026-11-22", "22.11.2026"), ["4: \"updated\" is '22.11.2026'"]),
        (GOOD.replace("2026-11-22", "2026-13-01"), ["4: \"updated\" is '2026-13-01'"]),
        (GOOD + "order: первая\n", ["5: \"order\" is 'первая'; expected a whole number"]),
        (GOOD + "order: 1.5\n", ['5: "order" is 1.5']),
        (GOOD + "platforms: [windows]\n", ["5: \"platforms\" is ['windows']; expected a list out of [android"]),
        (GOOD + "platforms: web\n", ["5: \"platforms\" is 'web'"]),
        (GOOD + "audiences: [all]\n", ["5: \"audiences\" is ['all']; expected a list out of [user, admin]"]),
        (GOOD + "keywords: пуш\n", ["5: \"keywords\" is 'пуш'; expected a list of texts: [one, two]"]),
        (GOOD + "keywords: [a, 5]\n", ['5: "keywords" is 5']),
        (GOOD + "keywords: [a, '']\n", ["5: \"keywords\" is ''"]),
        (GOOD + "featured: [a, b, c]\n", ["5: \"featured\" is ['a', 'b', 'c']; expected a list of at most two"]),
        (GOOD + "author: Анна\n", ['5: field "author" is unknown; expected one of title, topic']),
        (GOOD + "1: a\n", ['5: "1" is 1']),
        (GOOD + "title: Ещё\n", ["1: a field stands twice"]),
        (GOOD + "order: первая\nplatforms: [x]\n", ['5: "order"', '6: "platforms"']),
        ("title: a: b\n", ["2: not YAML (mapping values are not allowed here)"]),
        (GOOD + "keywords: [a, b\n", ["6: not YAML"]),
        (GOOD + "order: !!int x\n", ["1: not YAML"]),
        (GOOD + "keywords: " + 1000 * "[" + "\n", ["1: not YAML"]),
    ],
)
def test_mistake_is_named_with_its_line(source: str, expected: list[str]):
    fields, mistakes = parse(source)
    assert fields is None
    found = [f"{mistake.line}: {mistake.message}" for mistake in mistakes]
    assert len(found) == len(expected), found
    for text, part in zip(found, expected, strict=True):
        line, _, words = part.partition(": ")
        assert text.startswith(f"{line}: ")
        assert words in text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_gives_fields_or_mistakes(source: str):
    fields, mistakes = parse(source)
    assert (fields is None) == bool(mistakes)
