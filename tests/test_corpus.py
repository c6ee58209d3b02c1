"""Our own help as a whole: every question has its section, every fact is used, every table is what it should be."""

import re
from pathlib import Path

import pytest

from indexer import knowledge, validate
from indexer.articles import read_articles
from indexer.sections import split_article

ROOT = Path(__file__).parents[1]
FACTS = ROOT.parent / "shared" / "facts"

QUESTIONS = [
    line.split("\t")
    for line in (Path(__file__).parent / "data" / "subquestions.tsv").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.fixture(scope="module")
def corpus():
    return read_articles(ROOT / "corpus")


@pytest.fixture(scope="module")
def sections(corpus):
    return {section.section_id: section for article in corpus.articles for section in split_article(article)}


def test_corpus_has_no_mistakes(corpus):
    assert [str(finding) for finding in validate.check(corpus) if finding.is_error] == []


def test_every_topic_has_an_article_and_two_featured_questions(corpus):
    topics = knowledge.read(ROOT / "corpus", "topics.toml", knowledge.Topics)
    featured = {topic.id: 0 for topic in topics.topic}
    for article in corpus.articles:
        featured[article.topic] += len(article.featured)
    assert len(featured) == 21
    assert {topic: number for topic, number in featured.items() if number < 2} == {}


def test_every_question_has_a_section_of_its_own(sections):
    assert len(QUESTIONS) == 135
    assert len({section_id for _, section_id in QUESTIONS}) == 135
    assert [section_id for _, section_id in QUESTIONS if sections[section_id].level != 2] == []


def test_a_section_is_long_enough_to_answer_and_short_enough_to_read(sections):
    lengths = {name: len(section.text.split()) for name, section in sections.items() if section.level > 1}
    assert {name: number for name, number in lengths.items() if not 15 <= number <= 400} == {}


def test_steps_that_harm_say_so_in_words(sections):
    """The words of a step name what its mark warns of."""
    words = {
        "signs_out": r"войти|вход|войд|выход|сесси|переуст|удал",
        "deletes_data": r"удал|стёр|стер|пропад|исчез|очист|потер",
        "needs_admin": r"админист|ИТ-служб|техподдерж|техническ|поддержк|организац",
    }
    silent = [
        f"{section.section_id}: {step.text}"
        for section in sections.values()
        for step in section.steps
        for danger in step.danger
        if not re.search(words[danger], " ".join([step.text, *step.substeps]), re.IGNORECASE)
    ]
    assert silent == []


def test_words_are_typed_as_a_good_editor_would(sections):
    slips = {
        r"!": "an exclamation mark",
        r" — ": "a space that may break before a dash",
        r'"': "a straight quotation mark",
        r"(?<!\w)(?:Вы|Вас|Вам|Ваш\w*)\b(?<!^)": "«вы» with a capital letter in the middle of a sentence",
        r"\d (?:ГБ|МБ|КБ)\b": "a space that may break within a quantity",
        r"\b(?:еще|ее|учетн\w+|зашел|пришел|нашел|объем\w*|отчет\w*|звезд\w+чк\w*|включен|отключен)\b": "е for ё",
        r"в случае если|осуществ|данн(?:ый|ая|ое) (?:раздел|пункт|функц)": "officialese",
    }
    found = []
    for section in sections.values():
        # What is quoted, and code, stands as the product or a program writes it.
        text = re.sub(r"«[^»]*»", "«»", section.text)
        for pattern, what in slips.items():
            for match in re.finditer(pattern, text):
                start = match.start()
                if "вы" in what and (start == 0 or re.search(r"(?:^|[.!?:]\s|\n(?:\d+\. |• )?)$", text[:start])):
                    continue
                found.append(f"{section.section_id}: {what}: …{text[max(0, start - 30) : start + 30]}…")
    assert found == []


def test_synonyms_are_many_and_go_both_ways():
    synonyms = knowledge.read(ROOT / "corpus", "synonyms.toml", knowledge.Synonyms)
    assert len(synonyms.two_way) >= 20
    assert len(synonyms.one_way) >= 20
    assert len(synonyms.two_way) + len(synonyms.one_way) >= 80


def test_no_address_is_invented():
    support = knowledge.read(ROOT / "corpus", "support.toml", knowledge.Support)
    assert [route.id for route in support.route if route.address] == []
    assert (support.hours["client"].weekdays, support.hours["client"].weekends) == (
        ("08:00", "21:00"),
        ("10:00", "18:00"),
    )
    assert len(support.status) == 12


@pytest.mark.skipif(not FACTS.is_dir(), reason="the facts that the help was written from are not here (../shared)")
def test_nearly_every_fact_is_cited_and_every_error_text_is_known(corpus):
    facts = {}
    for path in sorted(FACTS.glob("[0-9]*.md")):
        facts |= dict(
            re.findall(r"^- `([A-Z]+-\d+)` .*\[(?:source: )?([\w ]+)\]$", path.read_text("utf-8"), re.MULTILINE)
        )
    wanted = {name for name, origin in facts.items() if origin != "assumed"}
    cited = {name for article in corpus.articles for name in article.facts}
    assert len(wanted) > 480
    assert len(wanted & cited) >= 0.98 * len(wanted), sorted(wanted - cited)
    assert cited <= facts.keys()
    index = (FACTS / "README.md").read_text("utf-8").partition("## Указатель точных текстов ошибок")[2]
    texts = set(re.findall(r"^\| (.+?) \| [A-Z]+-\d", index, re.MULTILINE))
    errors = knowledge.read(ROOT / "corpus", "errors.toml", knowledge.KnownErrors)
    assert len(texts) == 59
    assert texts - {error.text for error in errors.error} == set()


@pytest.mark.model
def test_every_question_in_its_own_words_finds_its_section_in_the_top_three(real_searcher, sections):
    asked = [*QUESTIONS, *((sections[section_id].headings[-1], section_id) for _, section_id in QUESTIONS)]
    missed = {}
    for question, section_id in asked:
        found = [hit.section_id for hit in real_searcher.search(question, limit=3).hits]
        if section_id not in found:
            missed[question] = (section_id, found)
    assert missed == {}
