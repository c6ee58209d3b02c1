"""What `validate` finds beyond single files: each kind of finding in a corpus that is right but for it."""

import shutil
from pathlib import Path

import pytest
from helpers import FRONT_MATTER, build_index, write_corpus

from indexer.articles import Finding, read_articles
from indexer.validate import check

SUPPORT = """time_zone = "Europe/Moscow"
time_zone_label = "мск"
gather = ["Текст ошибки"]
[hours.desk]
text = "Будни"
[holidays]
country = "RU"
[[route]]
id = "portal"
name = "Портал"
audience = ["user"]
how = "Напишите."
address = "https://example.org"
hours = "desk"
[[ladder]]
text = "Обновите приложение."
[[status]]
name = "Открыто"
meaning = "Ждёт."
[[priority]]
names = ["High"]
meaning = "Срочно."
[feature_request]
intro = "Расскажите:"
ask = ["что"]
"""
# Its first heading stands in line 8, its steps in line 11.
ARTICLE = FRONT_MATTER + "Начало\n\n## Как войти {#enter}\n{platform=web}\n\n1. Нажмите «Войти».\n"


def findings_of(folder: Path, index: Path | None = None) -> list[Finding]:
    return check(read_articles(folder, form="" if (folder / "corpus.jsonl").exists() else "help"), index)


def found(tmp_path: Path, articles: dict[str, str] | None = None, **tables: str) -> list[str]:
    """The findings in a corpus, right but for these articles and tables; paths are given from its folder on."""
    corpus = write_corpus(tmp_path / "corpus", {"a": ARTICLE} | (articles or {}), **tables)
    return [str(finding).removeprefix(f"{corpus}/") for finding in findings_of(corpus)]


def with_field(field: str) -> str:
    """ARTICLE with a field more, in line 5."""
    return ARTICLE.replace("\n---\n", f"\n{field}\n---\n", 1)


def test_right_corpus_has_no_findings(tmp_path: Path):
    tables = {
        "errors": '[[error]]\ntext = "Войти"\nsection = "a#enter"\ndistinctive = false\n',
        "synonyms": '[[two_way]]\nwords = ["вход", "логин"]\n[[one_way]]\nfrom = ["войти"]\nto = ["вход"]\n',
        "support": SUPPORT,
    }
    articles = {"b": with_field("related: [a, a#enter]\naliases: [old]\nfeatured: [enter]") + "\n[сюда](a.md#enter)\n"}
    assert found(tmp_path, articles, **tables) == []


def test_test_corpus_has_one_warning(corpus_folder: Path):
    assert [str(finding) for finding in findings_of(corpus_folder)] == [
        f'{corpus_folder}/support.toml:31: warning: route "in-app" has no address; expected one from whoever runs the '
        "site; it is shown in words until then"
    ]


def test_mistakes_of_single_files_are_among_the_findings(tmp_path: Path):
    assert found(tmp_path, {"b": "без полей"})[0].startswith("articles/b.md:1: no front matter")


def test_beir_folder_has_the_findings_of_its_lines_alone(tmp_path: Path):
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "text": "a"}\n{}\n')
    assert [str(finding).partition(" ")[0] for finding in findings_of(tmp_path)] == [f"{tmp_path}/corpus.jsonl:2:"]


# Topics


def test_unknown_topic_is_found(tmp_path: Path):
    assert found(tmp_path, {"b": ARTICLE.replace("topic: start", "topic: stop")}) == [
        'articles/b.md:3: topic "stop" is unknown; expected one of start; correct it or add it to topics.toml'
    ]


def test_missing_list_of_topics_is_found_once(tmp_path: Path):
    corpus = write_corpus(tmp_path / "corpus", {"a": ARTICLE})
    (corpus / "topics.toml").unlink()
    assert [str(finding) for finding in findings_of(corpus)] == [
        f"{corpus}/topics.toml: is missing; expected the list of topics; add it"
    ]


def test_broken_list_of_topics_is_found_once(tmp_path: Path):
    (finding,) = found(tmp_path, topics='[[topic]]\nid = "start"\n')
    assert finding.startswith('topics.toml:1: "title" is missing')


# Links


@pytest.mark.parametrize(
    ("article", "expected"),
    [
        (with_field("related: [nothing]"), '5: link to "nothing"; expected an article or article#section that exists'),
        (with_field("related: [a#nothing]"), '5: link to "a#nothing"'),
        (with_field('related: ["#nothing"]'), '5: link to "b#nothing"'),
        (ARTICLE.replace("platform=web", "related=#nothing"), '9: link to "b#nothing"'),
        (ARTICLE.replace("platform=web", "related=a#enter,nothing"), '9: link to "nothing"'),
        (ARTICLE + "\n[сюда](nothing.md)\n", '13: link to "nothing"'),
        (ARTICLE + "\n[сюда](a.md#nothing)\n", '13: link to "a#nothing"'),
        (ARTICLE.replace("Войти", "[Войти](#nothing)"), '11: link to "b#nothing"'),
        (
            with_field("featured: [enter, nothing]"),
            '5: featured section "nothing"; expected a section of b (enter, top)',
        ),
        (with_field('featured: ["a#enter"]'), '5: featured section "a#enter"; expected a section of b (enter, top)'),
    ],
)
def test_dead_link_is_found_where_it_stands(tmp_path: Path, article: str, expected: str):
    (finding,) = found(tmp_path, {"b": article})
    assert finding.startswith(f"articles/b.md:{expected}")
    assert "correct" in finding.rpartition("; ")[2]


# Aliases


@pytest.mark.parametrize(
    ("articles", "alias", "taken_by"),
    [
        ({"b": with_field("aliases: [a]")}, "a", "articles/a.md"),
        ({"b": with_field("aliases: [b]")}, "b", "articles/b.md"),
        ({"b": ARTICLE.replace("platform=web", "alias=top")}, "b#top", "section b#top"),
        ({"b": ARTICLE.replace("platform=web", "alias=a#enter")}, "a#enter", "section a#enter"),
        ({"b": with_field("aliases: [old]"), "c": with_field("aliases: [old]")}, "old", "articles/b.md"),
        (
            {name: ARTICLE.replace("platform=web", "alias=old#x") for name in ("b", "c")},
            "old#x",
            "articles/b.md",
        ),
    ],
)
def test_alias_that_is_taken_is_found(tmp_path: Path, articles: dict[str, str], alias: str, taken_by: str):
    (finding,) = found(tmp_path, articles)
    corpus = f"{tmp_path}/corpus/" if taken_by.startswith("articles/") else ""
    assert finding == (
        f'articles/{max(articles)}.md: alias "{alias}" is taken by {corpus}{taken_by}; '
        "expected an id nobody has; remove it"
    )


# Known errors


@pytest.mark.parametrize(
    ("text", "section", "expected"),
    [
        ("Выйти", "a#enter", '"Выйти" does not stand in a#enter (it stands in no section)'),
        ("Начало", "a#enter", '"Начало" does not stand in a#enter (it stands in a#top)'),
        ("войти»", "a#enter", '"войти»" does not stand in a#enter'),
        ("Войти", "a#nothing", 'section "a#nothing" does not exist; expected article#section'),
        ("Войти", "a", 'section "a" does not exist'),
    ],
)
def test_error_text_that_its_section_does_not_hold_is_found(tmp_path: Path, text: str, section: str, expected: str):
    errors = f'# Ошибки\n[[error]]\ntext = "{text}"\nsection = "{section}"\ndistinctive = true\n'
    (finding,) = found(tmp_path, errors=errors)
    assert finding.startswith(f"errors.toml:3: {expected}")


def test_error_text_may_stand_in_a_heading_and_over_a_line_end(tmp_path: Path):
    error = '[[error]]\ntext = "{}"\nsection = "b#x"\ndistinctive = true\n'
    article = FRONT_MATTER + "## Ошибка «Нет сети» {#x}\n\nПишет: «Сервер\nне отвечает».\n"
    assert found(tmp_path, {"b": article}, errors=error.format("Нет сети") + error.format("Сервер не отвечает")) == []


def test_error_text_that_stands_twice_is_found(tmp_path: Path):
    error = '[[error]]\ntext = "Войти"\nsection = "a#enter"\ndistinctive = true\n'
    assert found(tmp_path, errors=2 * error) == [
        'errors.toml:2: "Войти" stands twice; expected each text once; remove one'
    ]


# Synonyms


@pytest.mark.parametrize(
    ("synonyms", "word", "kind"),
    [
        ('[[two_way]]\nwords = ["а", "б"]\n[[two_way]]\nwords = ["в", "Б"]\n', "Б", "two_way"),
        ('[[two_way]]\nwords = ["а", "а"]\n', "а", "two_way"),
        ('[[one_way]]\nfrom = ["а"]\nto = ["б"]\n[[one_way]]\nfrom = ["а"]\nto = ["в"]\n', "а", "one_way"),
    ],
)
def test_synonym_in_two_groups_is_found(tmp_path: Path, synonyms: str, word: str, kind: str):
    (finding,) = found(tmp_path, synonyms=synonyms)
    assert finding.startswith("synonyms.toml:")
    assert finding.endswith(f'"{word}" stands in two {kind} groups; expected it in one; join the groups')


def test_synonym_may_stand_in_a_group_of_each_kind(tmp_path: Path):
    synonyms = '[[two_way]]\nwords = ["а", "б"]\n[[one_way]]\nfrom = ["а"]\nto = ["в"]\n'
    assert found(tmp_path, synonyms=synonyms) == []


def test_two_way_group_of_one_word_is_found(tmp_path: Path):
    assert found(tmp_path, synonyms='[[two_way]]\nwords = ["а"]\n') == [
        "synonyms.toml: a two_way group of fewer than two words; expected at least two; complete it"
    ]


# Support


def test_route_without_an_address_is_only_warned_of(tmp_path: Path):
    corpus = write_corpus(tmp_path / "c", {"a": ARTICLE}, support=SUPPORT.replace("https://example.org", ""))
    (finding,) = findings_of(corpus)
    assert not finding.is_error
    assert finding.place == f"{corpus}/support.toml:9"
    assert 'route "portal" has no address' in finding.message


def test_hours_that_are_not_defined_are_found(tmp_path: Path):
    assert found(tmp_path, support=SUPPORT.replace('hours = "desk"', 'hours = "night"')) == [
        'support.toml:9: hours "night" are not defined; expected one of desk; correct it'
    ]


def test_broken_contacts_are_found(tmp_path: Path):
    (finding,) = found(tmp_path, support=SUPPORT.replace('address = "https://example.org"\n', ""))
    assert finding.startswith('support.toml:8: "address" is missing')


# Addresses live for ever


@pytest.fixture(scope="module")
def last_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of articles a (sections top, enter) and b (the same)."""
    folder = tmp_path_factory.mktemp("last")
    build_index(write_corpus(folder / "corpus", {"a": ARTICLE, "b": ARTICLE}), folder / "index")
    return folder / "index"


def vanished(tmp_path: Path, index: Path, articles: dict[str, str]) -> list[str]:
    """The ids that vanished when these articles took the place of a and b."""
    findings = findings_of(write_corpus(tmp_path / "now", articles), index)
    assert all("of the last index is gone" in finding.message and finding.is_error for finding in findings)
    return [finding.message.split('"')[1] for finding in findings]


RENAMED = ARTICLE.replace("{#enter}", "{#sign-in}")


@pytest.mark.parametrize(
    ("articles", "gone"),
    [
        ({"a": ARTICLE, "b": ARTICLE}, []),
        ({"a": ARTICLE, "b": RENAMED}, ["b#enter"]),
        ({"a": ARTICLE, "b": RENAMED.replace("platform=web", "alias=enter")}, []),
        ({"a": RENAMED.replace("platform=web", "alias=enter,b#enter,b#top")}, []),
        ({"a": ARTICLE}, ["b#top", "b#enter"]),
        ({"a": ARTICLE, "c": ARTICLE}, ["b#top", "b#enter"]),
        ({"a": ARTICLE, "c": with_field("aliases: [b]")}, []),
        ({"a": ARTICLE, "b": FRONT_MATTER + "## Как войти {#enter}\n\nТ\n"}, ["b#top"]),
    ],
    ids=[
        "nothing changed",
        "section renamed",
        "section renamed, with its alias",
        "sections moved to another article, with their aliases",
        "article removed",
        "article renamed",
        "article renamed, with its alias",
        "opening removed",
    ],
)
def test_vanished_address_is_found_until_an_alias_keeps_it(
    tmp_path: Path, last_index: Path, articles: dict[str, str], gone: list[str]
):
    assert vanished(tmp_path, last_index, articles) == gone


def test_vanished_address_comes_with_its_cure(tmp_path: Path, last_index: Path):
    (finding,) = findings_of(write_corpus(tmp_path / "now", {"a": ARTICLE, "b": RENAMED}), last_index)
    assert finding.place == f"{tmp_path}/now/articles/b.md"
    assert "add alias=enter to the section (or aliases to the article) that took its place" in finding.message


def test_missing_and_damaged_index_are_nothing_to_compare_with(tmp_path: Path, last_index: Path):
    corpus = write_corpus(tmp_path / "now", {"a": ARTICLE})
    assert findings_of(corpus, tmp_path / "nowhere") == []
    damaged = shutil.copytree(last_index, tmp_path / "damaged", symlinks=True)
    (damaged / "current" / "sections.jsonl").write_text("{")
    assert findings_of(corpus, damaged) == []


def test_link_to_an_earlier_id_is_told_the_present_one(tmp_path: Path):
    article = with_field("related: [b#old]")
    renamed = ARTICLE.replace("{platform=web}", "{platform=web alias=old}")
    (finding,) = findings_of(write_corpus(tmp_path, {"a": article, "b": renamed}))
    assert 'it is "b#enter" now' in finding.message


def test_what_points_to_an_article_that_could_not_be_read_is_not_to_blame(tmp_path: Path):
    articles = {"a": with_field("related: [b#enter]"), "b": ARTICLE.replace("2026-11-22", "вчера")}
    (finding,) = findings_of(write_corpus(tmp_path, articles))
    assert finding.place.endswith("b.md:4")


def test_findings_stand_in_the_order_of_files_and_lines(tmp_path: Path):
    article = with_field("related: [nothing]") + "\n## Ещё {#more}\n\n[туда](gone.md)\n\n## Ещё {#more}\n"
    found = [finding.place.rpartition(":")[2] for finding in findings_of(write_corpus(tmp_path, {"a": article}))]
    assert found == sorted(found, key=int)
    assert len(found) >= 3
