"""Attribute lines: `{platform=android,ios audience=admin}`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.readers.attributes import HEADING_KEYS, STEP_KEYS, TRAILING, parse


def test_names_have_their_values():
    assert parse("platform=android,ios audience=admin", HEADING_KEYS) == (
        {"platform": ("android", "ios"), "audience": ("admin",)},
        [],
    )


def test_quotation_marks_keep_spaces_and_commas_divide():
    assert parse('keywords="нет звука, тихо"', HEADING_KEYS) == ({"keywords": ("нет звука", "тихо")}, [])


@pytest.mark.parametrize("source", ["", "  "])
def test_nothing_between_the_braces_is_nothing(source: str):
    assert parse(source, HEADING_KEYS) == ({}, [])


@pytest.mark.parametrize(
    ("source", "allowed", "expected"),
    [
        ("plattform=web", HEADING_KEYS, 'attribute "plattform" is unknown here; expected one of platform, audience'),
        ("danger=signs_out", HEADING_KEYS, 'attribute "danger" is unknown here'),
        ("related=#a", STEP_KEYS, 'attribute "related" is unknown here; expected one of platform, audience, danger'),
        ("platform", HEADING_KEYS, 'attribute "platform" is empty; expected platform=value'),
        ("platform=", HEADING_KEYS, 'attribute "platform" is empty'),
        ("platform=,", HEADING_KEYS, 'attribute "platform" is empty'),
        ("platform=windows", HEADING_KEYS, 'platform "windows" is unknown; expected one of android, ios, web'),
        ("audience=users", STEP_KEYS, 'audience "users" is unknown; expected one of user, admin'),
        ("danger=hot", STEP_KEYS, 'danger "hot" is unknown; expected one of deletes_data, signs_out, needs_admin'),
        ("internal=yes", HEADING_KEYS, 'internal "yes" is unknown; expected one of true'),
        ("internal=true", STEP_KEYS, 'attribute "internal" is unknown here'),
        ('keywords="нет звука', HEADING_KEYS, "has an open quotation mark; expected name=value; close it"),
    ],
)
def test_mistake_says_what_was_found_and_expected(source: str, allowed: tuple[str, ...], expected: str):
    _, mistakes = parse(source, allowed)
    assert len(mistakes) == 1
    assert expected in mistakes[0]


def test_each_mistake_is_named():
    _, mistakes = parse("platform=windows,dos colour=red", HEADING_KEYS)
    assert [mistake.partition(" is ")[0] for mistake in mistakes] == [
        'platform "windows"',
        'platform "dos"',
        'attribute "colour"',
    ]


@pytest.mark.parametrize(
    ("step", "inside"),
    [
        ("Выйдите. {danger=signs_out}", "danger=signs_out"),
        ("Выйдите. {danger=signs_out platform=web}  ", "danger=signs_out platform=web"),
        ("Введите {имя}", None),
        ("Введите `{a=b}`", None),
        ("{a=b} в начале", None),
    ],
)
def test_attributes_of_a_step_stand_at_its_end(step: str, inside: str | None):
    found = TRAILING.search(step)
    assert (found and found[1]) == inside


@given(st.text())
def test_any_text_gives_values_or_mistakes(source: str):
    values, mistakes = parse(source, HEADING_KEYS)
    assert set(values) <= set(HEADING_KEYS)
    assert all(values.values())
    if source.strip(" \t\r\n"):
        assert values or mistakes
