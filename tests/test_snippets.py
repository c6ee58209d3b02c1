"""Excerpts with the found words marked by lemma."""

from hypothesis import given
from hypothesis import strategies as st

from indexer.lemmas import Lemmatizer
from indexer.words import clean
from server.snippets import LENGTH, Snippet, Snippets

snippets = Snippets(Lemmatizer())

LONG = (
    "Сначала проверьте сеть. " * 20
    + "Если уведомления не приходят, снимите ограничения батареи для приложения. "
    + "Потом перезапустите телефон. " * 20
)


def marked(snippet: Snippet) -> list[str]:
    return [snippet.text[start:stop] for start, stop in snippet.highlights]


def snippet_of(text: str, query: str) -> Snippet:
    return snippets.snippet(text, snippets.query_lemmas(query))


def test_other_forms_of_the_words_are_marked():
    assert marked(snippet_of("Включите уведомление в настройках телефона.", "уведомления телефон")) == [
        "уведомление",
        "телефона",
    ]


def test_prepositions_and_particles_are_not_marked():
    assert marked(snippet_of("Не входите в чат и не пишите в него.", "не в и чат")) == ["чат"]


def test_ё_and_е_are_one_letter():
    assert marked(snippet_of("Он ещё учётную запись не завёл.", "учетная запись")) == ["учётную", "запись"]


def test_the_part_that_holds_the_words_is_shown_with_dots_on_both_sides():
    snippet = snippet_of(LONG, "не приходят уведомления батарея")
    assert "снимите ограничения батареи" in snippet.text
    assert snippet.text.startswith("… ")
    assert snippet.text.endswith(" …")
    assert marked(snippet) == ["уведомления", "приходят", "батареи"]


def test_of_parts_that_hold_as_many_words_the_first_is_shown():
    text = "Откройте чат. " + "Прочее не важно. " * 20 + "Закройте чат. " + "Прочее не важно. " * 20 + "Удалите канал."
    assert marked(snippet_of(text, "чат")) == ["чат"]
    assert snippet_of(text, "чат").text.startswith("Откройте чат.")
    assert snippet_of(text, "канал и шиншилла").text.endswith("Удалите канал.")


LINES = st.sampled_from(["чат", "канал", "звонок", "слово", "слово " * 12 + "тут"])


@given(st.lists(LINES, min_size=1, max_size=40))
def test_no_other_part_holds_more_words_of_the_query(lines):
    shown = set(marked(snippet_of("\n".join(lines), "чат канал звонок")))
    for first in range(len(lines)):
        part = lines[first]
        for line in lines[first + 1 :]:
            if len(f"{part} {line}") > LENGTH:
                break
            part = f"{part} {line}"
        assert len({"чат", "канал", "звонок"}.intersection(part.split())) <= len(shown)


def test_without_common_words_the_beginning_is_shown():
    snippet = snippet_of(LONG, "шиншилла")
    assert snippet.text.startswith("Сначала")
    assert snippet.highlights == ()


def test_a_short_text_is_shown_whole_in_one_line():
    assert snippet_of("Откройте чат.\n1. Нажмите имя.", "чат").text == "Откройте чат. 1. Нажмите имя."


def test_one_endless_sentence_is_cut_at_words():
    text = "слово " * 300 + "уведомление " + "слово " * 300
    snippet = snippet_of(text, "уведомления")
    assert marked(snippet) == ["уведомление"]
    assert len(snippet.text) <= LENGTH + 4
    assert set(snippet.text.strip("… ").split()) == {"слово", "уведомление"}


@given(st.text(max_size=2000), st.text(max_size=60))
def test_highlights_are_words_inside_the_snippet_in_order(text, query):
    snippet = snippet_of(clean(text), clean(query))
    ends = [0, *(place for pair in snippet.highlights for place in pair)]
    assert all(start < stop for start, stop in snippet.highlights)
    assert ends == sorted(ends)
    assert ends[-1] <= len(snippet.text)
    assert "\n" not in snippet.text
