"""Anchors as visitors would type them."""

from random import Random

import pytest
from helpers import lemmatizer
from hypothesis import given
from hypothesis import strategies as st

from indexer.adaptation.augmentation import LONGEST, Augmentation, unpunctuated, with_typo
from indexer.knowledge import OneWay, Synonyms, TwoWay
from indexer.words import words

SYNONYMS = Synonyms(
    two_way=(TwoWay(words=("уведомление", "пуш", "push")),),
    one_way=(OneWay.model_validate({"from": ["смс"], "to": ["код подтверждения"]}),),
)


@pytest.fixture(scope="module")
def augmented() -> Augmentation:
    return Augmentation(SYNONYMS, lemmatizer())


def all_of(augmented: Augmentation, text: str) -> set[str]:
    return {augmented.with_synonym(text, Random(seed)) for seed in range(40)}


def test_a_word_in_any_form_gives_way_to_its_synonyms(augmented: Augmentation) -> None:
    assert all_of(augmented, "Не приходят уведомления.") == {"Не приходят пуш.", "Не приходят push."}


def test_a_phrase_gives_way_to_what_visitors_type_and_not_the_other_way_round(augmented: Augmentation) -> None:
    assert all_of(augmented, "Где мой код подтверждения?") == {"Где мой смс?"}
    assert all_of(augmented, "Где смс?") == {"Где смс?"}


def test_a_text_without_synonyms_stays(augmented: Augmentation) -> None:
    assert all_of(augmented, "Очистка кэша") == {"Очистка кэша"}
    assert all_of(Augmentation(Synonyms(), lemmatizer()), "Где уведомление?") == {"Где уведомление?"}


def test_keywords_leave_out_what_says_nothing_of_the_subject(augmented: Augmentation) -> None:
    assert augmented.keywords("Как и где очистить кэш на Android 5.7.1?", Random(1)) == "очистить кэш Android 5.7.1"


def test_an_error_text_keeps_its_words_and_letters(augmented: Augmentation) -> None:
    text = "Уведомление: ERR_CERT_DATE_INVALID, код 5.7.1 для Вас"
    expected = [word.text for word in words(text)]
    for seed in range(60):
        assert [word.text for word in words(augmented(text, Random(seed), exact=True))] == expected


def test_the_same_generator_gives_the_same_text_and_others_differ(augmented: Augmentation) -> None:
    text = "Почему на телефон не приходят уведомления о новых сообщениях?"
    assert augmented(text, Random(3)) == augmented(text, Random(3))
    assert len({augmented(text, Random(seed)) for seed in range(40)}) > 10


def test_a_long_sentence_is_cut_to_words_in_a_row(augmented: Augmentation) -> None:
    text = " ".join(f"слово{number}" for number in range(40))
    starts = set()
    for seed in range(30):
        found = [word.text for word in words(augmented(text, Random(seed), exact=True))]
        first = int(found[0].removeprefix("слово"))
        starts.add(first)
        assert found == [f"слово{number}" for number in range(first, first + LONGEST)]
    assert len(starts) > 5


@given(st.text(alphabet="абвгдеёжйфцэъ ,.-«»АЯ1a", min_size=1), st.integers(0, 1000))
def test_any_text_stays_a_text_with_words(text: str, seed: int) -> None:
    changed = Augmentation(SYNONYMS, lemmatizer())(text, Random(seed))
    assert bool(list(words(changed))) == bool(list(words(text)))


def test_a_typo_is_one_slip_in_one_long_russian_word() -> None:
    found = {with_typo("кэш, код Wi-Fi", Random(seed)) for seed in range(20)}
    assert found == {"кэш, код Wi-Fi"}  # nothing long enough, and a Latin word stays
    found = {with_typo("пароль", Random(seed)) for seed in range(400)}
    assert {"ароль", "ппароль", "апроль", "рароль"} <= found  # dropped, doubled, swapped, the key beside
    assert {len(each) - len("пароль") for each in found} == {-1, 0, 1}
    assert "пароль" not in found


def test_without_punctuation_codes_and_versions_stay_whole() -> None:
    assert unpunctuated("Нет Wi-Fi: ошибка «0x80070005», версия 5.7.1!", Random(1)) == (
        "Нет Wi-Fi ошибка 0x80070005 версия 5.7.1"
    )
