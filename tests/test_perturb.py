"""Perturbed queries: each kind against cases worked out by hand, and chance held to what the kind's name says."""

import ipaddress
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

import pytest
from helpers import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.judgments import JudgedSet, Query
from evaluation.perturb import KINDS, perturb, slips, with_copies
from server.reading.keyboard import NEIGHBOURS

TYPOS = [kind for kind in KINDS if kind.startswith("typo-")]
QUERIES = (
    Query("q1", "Не приходят уведомления на Android, звук включён и разрешения выданы", "complaint", "notifications"),
    Query("q2", "как ещё войти без пароля", "question"),
    Query("q3", "NET::ERR_CERT_DATE_INVALID подключение не защищено {код: 423}", "error", answerable=False),
    Query("q4", "сменить фото", "keywords"),
    Query("q5", "android push not working"),
)
ERROR = QUERIES[2]


def cases() -> list[object]:
    cases: list[object] = []
    for number, line in enumerate((DATA / "perturbations.tsv").read_text(encoding="utf-8").splitlines(), start=1):
        if not line.startswith("#"):
            kind, text, expected, reason = line.split("\t")
            name = f"line {number}: {kind}, {reason}"
            cases.append(pytest.param(*kind.partition("/")[::2], text, expected, id=name))
    return cases


@pytest.mark.parametrize(("kind", "query_kind", "text", "expected"), cases())
def test_copy_where_nothing_is_left_to_chance(kind: str, query_kind: str, text: str, expected: str):
    copies = perturb([Query("q", text, query_kind)], kind)
    assert [copy.text for copy in copies] == ([] if expected == "∅" else [expected])


def test_kinds_have_an_order_for_tables():
    assert KINDS == (
        "layout",
        "translit-phonetic",
        "translit-short",
        "translit-digits",
        "typo-drop",
        "typo-swap",
        "typo-neighbour",
        "typo-doubled",
        "no-yo",
        "no-space",
        "capitals",
        "error-noise",
    )


def test_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"kind is 'typo'; expected one of layout, .*, error-noise; name one"):
        perturb(QUERIES, "typo")


@pytest.mark.parametrize("kind", KINDS)
def test_copy_has_another_text_and_all_else_of_its_query(kind: str):
    originals = {query.query_id: query for query in QUERIES}
    copies = perturb(QUERIES, kind)
    assert copies
    assert [copy.query_id for copy in copies] == [name for name in originals if name in {c.query_id for c in copies}]
    for copy in copies:
        query = originals[copy.query_id]
        assert copy.text != query.text
        assert copy == Query(query.query_id, copy.text, query.kind, query.topic, query.answerable)


@pytest.mark.parametrize(
    ("kind", "question", "error"),
    [
        ("typo-drop", "как ещё воти без пароля", "подключене не защищен"),
        ("typo-swap", "как ещё войти без апроля", "подключеине не защиещно"),
        ("typo-neighbour", "как ещё аойти без пароля", "подключепие не защищкно"),
        ("typo-doubled", "как ещё войти без паролля", "подклюючение не заащищено"),
        ("no-space", "как ещё войти безпароля", "подключениене защищено"),
    ],
)
def test_chance_is_the_same_on_every_machine(kind: str, question: str, error: str):
    error = f"NET::ERR_CERT_DATE_INVALID {error} {{код: 423}}"
    assert [copy.text for copy in perturb(QUERIES[1:3], kind)] == [question, error]


def test_log_is_the_same_on_every_machine():
    [copy] = perturb(QUERIES, "error-noise")
    assert copy.text.split("\n") == [
        "[2026-09-23T23:08:08.031Z] request 2c38d6ed-53b9-4628-a85b-4386e9a5df88",
        ERROR.text,
        "    at send (https://node20.example.ru/static/app.023333a59d9c3d75.js:11:436)",
        "    at async run (https://node20.example.ru/static/app.023333a59d9c3d75.js:42:11)",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_copy_does_not_depend_on_the_queries_beside_it_nor_on_their_order(kind: str):
    together = perturb(QUERIES, kind)
    assert perturb(QUERIES[::-1], kind) == together[::-1]
    assert tuple(copy for query in QUERIES for copy in perturb([query], kind)) == together


@pytest.mark.parametrize("kind", [*TYPOS, "no-space", "error-noise"])
def test_seed_and_query_id_decide_what_chance_makes(kind: str):
    query = Query("q", "не удалось загрузить файл, повторите позже ещё раз", "error")
    assert len({perturb([query], kind, seed)[0].text for seed in range(20)}) > 3
    others = [Query(f"other{number}", query.text, query.kind) for number in range(20)]
    assert len({other.text for other in perturb(others, kind)}) > 3


def test_kinds_of_typo_do_not_hit_the_same_words():
    hit = {kind: {place for place, *_ in changed_words(QUERIES[0].text, kind)} for kind in TYPOS}
    assert len({frozenset(places) for places in hit.values()}) > 1


def changed_words(text: str, kind: str, seed: int = 1) -> list[tuple[int, str, str]]:
    """The place, the word and the typo wherever they differ; the number of words stays."""
    [copy] = perturb([Query("q", text)], kind, seed)
    words, typed = re.split(r"(\W+)", text), re.split(r"(\W+)", copy.text)
    return [(place, word, typo) for place, (word, typo) in enumerate(zip(words, typed, strict=True)) if word != typo]


def distance(word: str, typo: str) -> int:
    """Optimal string alignment: letters inserted, dropped, replaced or swapped (Boytsov, 2011), by its recurrence."""
    rows = [[i + j if i * j == 0 else 0 for j in range(len(typo) + 1)] for i in range(len(word) + 1)]
    for i in range(1, len(word) + 1):
        for j in range(1, len(typo) + 1):
            replaced = rows[i - 1][j - 1] + (word[i - 1] != typo[j - 1])
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replaced)
            if i > 1 and j > 1 and word[i - 2 : i] == typo[j - 2 : j][::-1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@pytest.mark.parametrize(
    ("word", "typo", "expected"), [("код", "код", 0), ("код", "окд", 1), ("код", "", 3), ("входа", "вохды", 2)]
)
def test_distance_of_these_tests_is_right(word: str, typo: str, expected: int):
    assert distance(word, typo) == expected


russian_words = st.lists(st.text("аеёийклнопртя", min_size=1, max_size=11), min_size=1, max_size=14)


@settings(max_examples=60)
@given(russian_words, st.sampled_from(TYPOS), st.integers(0, 9))
def test_typos_are_one_for_six_letters_one_a_word_of_at_least_four_letters(words: list[str], kind: str, seed: int):
    text = " ".join([*words, "окно", "ERR_A", "0x1A", "iPhone"])
    changed = changed_words(text, kind, seed)
    able = [word for word in [*words, "окно"] if len(word) >= 4 and slips(kind, word)]
    letters = sum(map(len, able))
    # 4 to 11 letters: one typo; 12 to 17: two; 18 and more: three; no more than there are words.
    assert len(changed) == min(1 if letters < 12 else 2 if letters < 18 else 3, len(able))
    for _, word, typo in changed:
        assert len(word) >= 4
        assert distance(word, typo) == 1
        assert len(typo) - len(word) == {"typo-drop": -1, "typo-doubled": 1}.get(kind, 0)
        if kind == "typo-swap":
            assert sorted(typo) == sorted(word)
        if kind == "typo-neighbour":
            [(meant, hit)] = [(a, b) for a, b in zip(word, typo, strict=True) if a != b]
            assert hit in NEIGHBOURS[meant]
        if kind == "typo-doubled":
            assert set(typo) == set(word)
            assert any(a == b for a, b in pairwise(typo))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("typo-drop", ["од", "Кд", "Ко"]),
        ("typo-swap", ["Окд", "Кдо"]),
        ("typo-doubled", ["Ккод", "Коод", "Кодд"]),
        # к is between у and е, over в and а; о between р and л, under г and ш, over т and ь; д under щ and з,
        # between л and ж, over б and ю.
        (
            "typo-neighbour",
            [f"{key}од" for key in "УЕВА"] + [f"К{key}д" for key in "рлгшть"] + [f"Ко{key}" for key in "щзлжбю"],
        ),
    ],
)
def test_slips_are_all_there_are_in_a_word(kind: str, expected: list[str]):
    assert sorted(slips(kind, "Код")) == sorted(expected)


def test_two_equal_letters_are_not_swapped():
    assert slips("typo-swap", "Ааб") == ["Аба"]


@pytest.mark.parametrize(
    ("key", "expected"), [("й", "цф"), ("п", "аренми"), ("ъ", "хэ"), ("э", "жхъ"), ("я", "чфы"), ("ю", "бдж")]
)
def test_neighbours_are_the_keys_that_touch(key: str, expected: str):
    assert set(NEIGHBOURS[key]) == set(expected)


def test_neighbours_are_mutual():
    assert all(key in NEIGHBOURS[other] for key, others in NEIGHBOURS.items() for other in others)
    assert set(NEIGHBOURS) == set("абвгдежзийклмнопрстуфхцчшщъыьэюя")


# Key by key, as on the keyboard: US plain and with Shift, Russian plain and with Shift.
KEYBOARD = """
`~ёЁ 2@2" 3#3№ 4$4; 6^6: 7&7? \\|\\/
qQйЙ wWцЦ eEуУ rRкК tTеЕ yYнН uUгГ iIшШ oOщЩ pPзЗ [{хХ ]}ъЪ
aAфФ sSыЫ dDвВ fFаА gGпП hHрР jJоО kKлЛ lLдД ;:жЖ '"эЭ
zZяЯ xXчЧ cCсС vVмМ bBиИ nNтТ mMьЬ ,<бБ .>юЮ /?.,
"""
KEYS = KEYBOARD.split()


@settings(max_examples=60)
@given(st.text("".join(key[2:] for key in KEYS if key[2].isalpha()) + ' .,;:?!"№%*()-+=/', min_size=1))
def test_the_same_keys_on_the_right_layout_give_the_query_back(text: str):
    back = {ord(us): ru for key in KEYS for us, ru in zip(key[:2], key[2:], strict=True)}
    text += "я"
    [copy] = perturb([Query("q", text)], "layout")
    assert copy.text.translate(back) == text
    assert not re.search("[а-яё]", copy.text, re.IGNORECASE)


@settings(max_examples=60)
@given(st.text("".join(key[:2] for key in KEYS if key[0].isalpha()) + " ", min_size=1))
def test_so_they_do_for_a_latin_query(text: str):
    there = {ord(ru): us for key in KEYS for us, ru in zip(key[:2], key[2:], strict=True)}
    text += "z"
    [copy] = perturb([Query("q", text)], "layout")
    assert copy.text.translate(there) == text
    assert not re.search("[a-z]", copy.text, re.IGNORECASE)


@settings(max_examples=40)
@given(st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюяЁЖЩЮ -,", min_size=1), st.sampled_from(KINDS[1:4]), st.integers(0, 9))
def test_translit_leaves_no_russian_letter_and_the_rest_as_it_is(text: str, kind: str, seed: int):
    [copy] = perturb([Query("q", text + "я")], kind, seed)
    assert re.sub("[^ ,-]", "", copy.text) == re.sub("[^ ,-]", "", text)
    assert re.fullmatch("[a-zA-Z46' ,-]+", copy.text)


def test_sh_is_written_one_way_in_a_query():
    written = {perturb([Query("q", "шлёшь ещё")], "translit-digits", seed)[0].text for seed in range(20)}
    assert written == {"wlew ewe", "6le6 e6e"}


@settings(max_examples=60)
@given(russian_words, st.integers(0, 9))
def test_a_third_of_the_spaces_is_missing_and_nothing_else(words: list[str], seed: int):
    text = " ".join(words)
    copies = perturb([Query("q", text)], "no-space", seed)
    gaps = len(words) - 1
    if gaps == 0:
        assert copies == ()
        return
    [copy] = copies
    assert copy.text.replace(" ", "") == "".join(words)
    assert text.count(" ") - copy.text.count(" ") == (1 if gaps < 6 else 2 if gaps < 9 else 3)


# The lines around an error, by where such lines come from.
NOISE = {
    "java": r"2026-.* WARN \[worker-\d+\] host=\S+ requestId=[0-9a-f]{16}|\tat [\w.]+/?[\w.]+\(\w+\.java:\d+\)",
    "javascript": r"\[2026-\S+Z\] request \S+|    at (async )?\w+ \(https://\S+\.js:\d+:\d+\)",
    "python": r'2026-.* \S+ app\[\d+\] trace=\w{16}|Traceback .*:|  File "/srv/app/\w+\.py", line \d+, in \w+',
    "dotnet": r"   at Example\.\S+\(.*\)( in Session\.cs:line \d+)?|Correlation ID: \S+|Timestamp: 2026-\S+Z",
    "logcat": r"\d\d-\d\d \S+  (\d+)  \1 (D ExampleNet: .*|E ExampleClient: TEXT)",
    "nginx": r"2026/\S+ \S+ \[error\] \d+#\d+: \*\d+ TEXT, client: \S+, server: \S+, upstream: \S+",
    "dialog": r"Идентификатор запроса: \S+|Метка времени: 2026-\S+Z|Узел: \S+",
}


def noisy_errors() -> Iterator[str]:
    for seed in range(80):
        [copy] = perturb([ERROR], "error-noise", seed)
        yield copy.text


def test_error_stands_word_for_word_among_lines_of_one_log():
    seen = set()
    for text in noisy_errors():
        assert text.count(ERROR.text) == 1
        lines = [line for line in text.replace(ERROR.text, "TEXT").split("\n") if line != "TEXT"]
        [source] = [name for name, form in NOISE.items() if all(re.fullmatch(form, line) for line in lines)]
        assert lines
        seen.add(source)
    assert seen == set(NOISE)


def test_noise_names_nobody_and_its_moments_and_ids_are_possible():
    ids, moments = set(), set()
    for text in noisy_errors():
        noise = text.replace(ERROR.text, "")
        assert "@" not in noise
        assert all(
            host.endswith(".example.ru") for host in re.findall(r"(?:host=|https://|Узел: |server: )([\w.]+)", noise)
        )
        for address in re.findall(r"\d+\.\d+\.\d+\.\d+", noise):
            assert ipaddress.ip_address(address) in ipaddress.ip_network("192.0.2.0/24")
        ids |= {uuid.UUID(found) for found in re.findall(r"\w{8}-\w{4}-\w{4}-\w{4}-\w{12}", noise)}
        moments |= set(re.findall(r"\d\d-\d\d[T ]\d\d:\d\d:\d\d|\d\d/\d\d/\d\d \d\d:\d\d:\d\d", noise))
    assert all(found.version == 4 and found.variant == uuid.RFC_4122 for found in ids)
    assert len(ids) > 10
    for moment in moments:
        month, day, *clock = re.split("[-/T :]", moment)[-5:]
        assert datetime(2026, int(month), int(day), *map(int, clock))
    assert len(moments) > 40


def test_every_query_has_a_copy_of_its_own_with_the_same_gold_and_all_kinds_come_in_turn():
    queries = tuple(Query(f"q{number}", f"не приходит код, ещё раз {number}", "error") for number in range(24))
    judged = JudgedSet("own", queries, {query.query_id: {f"a#{query.query_id}": 2} for query in queries})
    both = with_copies(judged)
    assert both.queries[:24] == queries
    copies = both.queries[24:]
    assert [copy.query_id for copy in copies] == [f"q{number}, {KINDS[number % len(KINDS)]}" for number in range(24)]
    for query, copy in zip(queries, copies, strict=True):
        assert copy.text != query.text
        assert both.qrels[copy.query_id] == judged.qrels[query.query_id]


def test_query_that_a_kind_cannot_change_takes_the_next():
    judged = JudgedSet("own", (Query("q", "Connection refused", "error"),), {"q": {"a#1": 1}})
    assert perturb(judged.queries, KINDS[0]) == ()
    (copy,) = with_copies(judged).queries[1:]
    assert copy.query_id == "q, error-noise"
    assert "Connection refused" in copy.text
