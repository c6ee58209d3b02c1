"""Other people's help on the site: its ids and anchors hold what our own never do, and every address leads there."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from helpers import HashEncoder, build_index

from indexer.artifact import Artifact, load
from server.app import create_app

# A word of its own in each, by which it is found.
PAGES = {
    "Вход и выход.md": "# Вход\n\nОткройте приложение.\n\n## Как войти по номеру\n\nВведите номер, ласточка.\n",
    "c#.md": "# Язык\n\n## Чем помочь {#что-это}\n\nОткройте редактор, снегирь.\n",
    "100%.html": "<h1>Место</h1><h2 id='полно'>Диск полон</h2><p>Удалите старые файлы, синица.</p>",
    "как войти?.html": "<h1>Код</h1><h2><a name='a&b=\"c\"'></a>Код не пришёл</h2><p>Подождите минуту, зяблик.</p>",
    "%41.txt": "Звонки\n\nНажмите трубку, чтобы ответить, дрозд.\n",
    "a+b&c=d;e.md": "# Знаки\n\n## Знак % в имени\n\nЗамените его, чечётка.\n",
    "сервер/установка/index.html": "<h1>Установка</h1><h2 id='шаг/1'>Первый шаг</h2><p>Скачайте архив, скворец.</p>",
    "сервер/<b>.md": "# Имя <Ваше>\n\n## Вид &lt;i&gt; {#<i>}\n\nНаклоните буквы, щегол.\n",
    'a"b.md': "# Кавычки\n\n## C#\n\nВыберите язык, свиристель.\n\n## C#\n\nЗакройте окно, поползень.\n",
    "ступени.html": "".join(
        f"<h{level}>Ступень {level}</h{level}><p>Поднимитесь на {level}, {word}.</p>"
        for level, word in enumerate(["грач", "галка", "сорока", "сойка", "ворона", "кедровка"], start=1)
    )
    + "<h1>Итог</h1><p>Спуститесь, дятел.</p>",
}
WORDS = [word for text in PAGES.values() for word in re.findall(r"(?:,|\d,) ([а-яё]+)\.", text)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("foreign")
    for name, text in PAGES.items():
        path = folder / "help" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    build_index(folder / "help", folder / "index")
    return folder / "index"


@pytest.fixture(scope="module")
def foreign(index: Path) -> Artifact:
    return load(index)


@pytest.fixture(scope="module")
def client(index: Path) -> Iterator[FlaskClient]:
    with create_app(index, HashEncoder()).test_client() as client:
        yield client


def ids_of(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'<(?:section|main|footer|span)[^>]* id="([^"]*)"', page)]


def sections_of(page: str) -> dict[str, str]:
    """Id -> the text of the section, as a browser shows it."""
    found = re.findall(r'<section id="([^"]*)"[^>]*>(.*?)</section>', page, re.DOTALL)
    return {html.unescape(name): html.unescape(re.sub(r"<[^>]+>", "", text)) for name, text in found}


def follow(client: FlaskClient, url: str) -> tuple[str, str]:
    """The page that a link leads to, and the id that a browser looks for in it."""
    parts = urlsplit(html.unescape(url))
    assert parts.query == ""
    response = client.get(parts.path)
    assert response.status_code == 200, url
    return response.text, unquote(parts.fragment)


def test_every_file_is_an_article_with_its_path_as_id(foreign: Artifact):
    assert {head.article_id for head in foreign.articles} == {str(Path(name).with_suffix("")) for name in PAGES}
    assert len(WORDS) == 17


def test_every_address_of_an_article_leads_to_it(client: FlaskClient, foreign: Artifact):
    listed = {article["article_id"]: article for article in client.get("/v1/articles").json["articles"]}
    assert listed.keys() == {head.article_id for head in foreign.articles}
    for head in foreign.articles:
        url = listed[head.article_id]["url"]
        assert re.fullmatch(r"/articles/[\w/.~%-]+", url, re.ASCII)
        assert f"<h1>{html.escape(head.title)}</h1>" in follow(client, url)[0]
        assert client.get(f"/v1{url}").json["article_id"] == head.article_id


def test_every_section_is_to_be_had_by_its_id(client: FlaskClient, foreign: Artifact):
    for section in foreign.sections:
        reply = client.get("/v1/sections", query_string={"id": section.section_id})
        assert reply.status_code == 200
        assert (reply.json["section_id"], reply.json["headings"]) == (section.section_id, list(section.headings))
        page, anchor = follow(client, reply.json["url"])
        assert anchor == section.anchor
        assert ids_of(page).count(anchor) == 1


@pytest.mark.parametrize("word", WORDS)
def test_hit_leads_to_the_section_that_holds_the_word(client: FlaskClient, foreign: Artifact, word: str):
    (expected,) = (section for section in foreign.sections if word in section.text)
    hit = client.get("/v1/search", query_string={"q": word, "mode": "lexical"}).json["hits"][0]
    assert hit["section_id"] == expected.section_id
    page, anchor = follow(client, hit["url"])
    assert anchor in ids_of(page)
    assert word in sections_of(page)[anchor]


def test_links_of_the_results_page_lead_to_sections(client: FlaskClient, foreign: Artifact):
    wanted = "откройте нажмите введите удалите скачайте замените наклоните выберите подождите поднимитесь"
    links = re.findall(r'<h2><a href="([^"]*)"', client.get("/", query_string={"q": wanted}).text)
    assert len(links) == 10
    for link in links:
        page, anchor = follow(client, link)
        assert anchor in ids_of(page)


def test_contents_of_a_page_lead_to_its_sections(client: FlaskClient, foreign: Artifact):
    page = client.get("/articles/ступени").text
    links = re.findall(r'<li class="level-\d" *><a href="#([^"]*)">([^<]*)</a>', page)
    assert [text for _, text in links] == [*(f"Ступень {level}" for level in range(2, 7)), "Итог"]
    assert all(html.unescape(unquote(anchor)) in ids_of(page) for anchor, _ in links)


def test_headings_of_every_level_are_shown_with_their_text(client: FlaskClient, foreign: Artifact):
    levels = [section.level for section in foreign.sections if section.article_id == "ступени"]
    assert levels == [1, 3, 4, 5, 6, 7, 2]
    page = client.get("/articles/ступени").text
    for level in range(2, 7):
        assert re.search(rf"<h[2-6]>Ступень {level} <a class=\"anchor\"", page)
        assert f"Поднимитесь на {level}" in sections_of(page)[f"ступень-{level}"]


def test_markup_in_names_stays_text(client: FlaskClient, foreign: Artifact):
    page = client.get("/articles/сервер/<b>").text
    assert "<h2>Вид &lt;i&gt; <a" in page
    assert 'id="&lt;i&gt;"' in page
    assert "<i>" not in page


def test_start_page_without_topics_has_the_search_alone(client: FlaskClient):
    page = client.get("/").text
    assert 'name="q"' in page
    assert "Чем помочь?" in page
    assert "Темы" not in page
    assert "Например" not in page


def test_unknown_article_of_such_a_name_is_said_not_to_be_there(client: FlaskClient):
    assert client.get("/articles/c%23%23").status_code == 404
    assert client.get("/v1/sections", query_string={"id": "c#"}).status_code == 404
