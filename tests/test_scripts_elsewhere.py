"""Markup that runs scripts, where others than visitors of the help see it: in Chromium none of it runs there either.

In the element on another site, on the page of agents, where judges grade, in a report. No policy of a page is on, so
that it hides nothing; test_widget.py has the element under a strict one.
"""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from helpers import HashEncoder
from playwright.sync_api import expect
from serving import served
from test_html_report import PROVENANCE, TUNING
from test_scripts_in_articles import ACTIVE, VECTORS, WORD, check_harmless, hostile_index, watched, without_policy

from evaluation.agents import export_judgments
from evaluation.html_report import render
from evaluation.judging.app import create_judge_app
from evaluation.judging.store import Judgment, Store
from evaluation.judgments import Query
from evaluation.results import Results
from indexer.artifact import load
from server.app import create_app
from server.journal import Journal, read_journals

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[1]
IMAGE = "<img src=x onerror=alert(1)>"
LEADS_AWAY = ["javascript:alert(1)", "JaVa\tScRiPt:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x"]
FORMULAS = ("=cmd|'/c calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1")  # what a spreadsheet would work out


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_index(tmp_path_factory.mktemp("elsewhere"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def sites(index: Path, data: Path):
    """Addresses of a help whose articles are hostile, and of another site that shows its element."""
    addresses = []
    other = Flask("other")

    @other.get("/")
    def around():
        script = f'<script type="module" src="{addresses[0]}/static/widget.js"></script>'
        return f'<!doctype html><link rel="icon" href="data:,">{script}<support-search id="box"></support-search>'

    with (
        served(other) as around_it,
        served(without_policy(create_app(index, HashEncoder(), data, origins=[around_it]))) as help_address,
    ):
        addresses.append(help_address)
        yield help_address, around_it


@pytest.fixture
def elsewhere(chromium, sites):
    """The page of the other site."""
    with watched(chromium, sites[1], sites[0]) as opened:
        opened.goto("/")
        yield opened


@pytest.fixture
def agent(chromium, sites):
    with watched(chromium, sites[0]) as opened:
        yield opened


def ask(page, text):
    page.get_by_role("textbox", name="Поиск по справке").fill(text)
    with page.expect_response("**/v1/answer"):
        page.get_by_role("button", name="Найти").click()


def check_links(page, *sites):
    """Every link of the element leads to one of these sites."""
    links = page.locator("#box a").evaluate_all("links => links.map((each) => each.href)")
    assert links
    allowed = {urlsplit(site)[:2] for site in sites}
    assert [link for link in links if urlsplit(link)[:2] not in allowed] == []


def test_a_script_in_the_shadow_of_the_element_would_be_seen(elsewhere):
    """The tests below can fail."""
    elsewhere.evaluate(f"document.querySelector('#box').shadowRoot.querySelector('.results').innerHTML = '{IMAGE}'")
    expect(elsewhere.locator("html[data-ran]")).to_have_count(1)
    assert elsewhere.evaluate(ACTIVE) == ["onerror", "img"]


def test_answers_of_hostile_articles_run_nothing_in_the_element(elsewhere, sites):
    for start in range(0, len(VECTORS), 9):
        ask(elsewhere, " ".join([WORD, *VECTORS[start : start + 9]]))
        expect(elsewhere.locator("#box .card:not(.placeholder)")).to_be_visible()
        check_harmless(elsewhere)
        check_links(elsewhere, *sites)


def test_suggestions_of_hostile_headings_run_nothing_in_the_element(elsewhere, sites):
    elsewhere.get_by_role("textbox", name="Поиск по справке").press_sequentially("ласто")
    expect(elsewhere.get_by_role("option").filter(has_text=IMAGE).first).to_be_visible()
    check_harmless(elsewhere)


@pytest.mark.parametrize("place", range(0, len(VECTORS), 18))
def test_replies_of_vectors_alone_run_nothing_in_the_element(elsewhere, sites, place):
    """More than the server would ever send: each text of a reply is markup, each address of a route leads away."""
    hostile = " ".join(VECTORS[place : place + 18])
    hit = {
        "section_id": hostile,
        "title": hostile,
        "headings": [hostile, hostile],
        "snippet": hostile,
        "text": hostile,
        "url": f"/articles/{IMAGE}",
        "highlights": [[0, 9]],
        "relevance": 0.9,
    }
    step = {"text": hostile, "substeps": [hostile], "danger": [hostile], "section_id": hostile}
    routes = [{"name": hostile, "how": hostile, "hours": hostile, "address": address} for address in LEADS_AWAY]
    answer = {
        "answerable": True,
        "degraded": None,
        "quote": {"text": hostile, "section_id": hostile},
        "steps": [step],
        "alternatives": [hit],
        "escalation": {"routes": routes},
        "interpretation": {"read_as": hostile, "changes": [{"kind": "typo"}]},
    }
    suggestions = [{"text": hostile, "kind": kind, "url": f"/{IMAGE}"} for kind in ("error", "question", "section")]
    allowed = {"Access-Control-Allow-Origin": "*"}

    def reply(path, content, status=200):
        elsewhere.route(f"**{path}", lambda route: route.fulfill(json=content, headers=allowed, status=status))

    reply("/v1/suggest?*", {"suggestions": suggestions})
    reply("/v1/sections?*", hit)
    reply("/v1/search", {"answerable": False, "hits": [], "near_misses": [hit]})
    # A site that is not there before the other sends no request ahead of this one, since routes answer it.
    reply("/v1/answer", answer)
    elsewhere.get_by_role("textbox", name="Поиск по справке").press_sequentially("при")
    expect(elsewhere.get_by_role("option")).to_have_count(3)
    check_harmless(elsewhere)
    for found in (answer, answer | {"answerable": False, "quote": None, "steps": []}):
        reply("/v1/answer", found)
        ask(elsewhere, WORD)
        expect(elsewhere.locator("#box .card h2").first).to_be_visible()
        expect(elsewhere.locator("#box .routes li")).to_have_count(len(LEADS_AWAY))
        check_harmless(elsewhere)
        check_links(elsewhere, *sites)
    reply("/v1/answer", {"error": {"code": hostile, "message": hostile}}, 422)
    ask(elsewhere, WORD)
    expect(elsewhere.get_by_role("alert")).to_contain_text(hostile.split()[0])
    check_harmless(elsewhere)


def test_letters_to_customers_and_judgments_of_hostile_sections_run_nothing(agent, data):
    agent.goto("/agent")
    agent.locator("textarea[name=text]").fill(f"{WORD}\n{IMAGE}")
    agent.get_by_role("button", name="Разобрать").click()
    agent.locator(".found").first.get_by_role("checkbox").first.check()
    check_harmless(agent)
    agent.get_by_role("button", name="Собрать ответ").click()
    expect(agent.get_by_label("Текст ответа")).not_to_have_value("")
    check_harmless(agent)
    section = agent.locator(".found").first
    section.get_by_role("button", name="Раздел не подходит").click()
    expect(section.locator(".judged")).to_contain_text("не подходит")
    check_harmless(agent)
    assert IMAGE in read_journals([data]).judgments[0].query


def test_comments_of_votes_run_nothing_on_the_page_that_thanks(agent, data):
    agent.goto(f"/?q={WORD}")
    form = agent.locator("form[data-feedback]").first
    sent = {name: form.locator(f"[name={name}]").first.get_attribute("value") for name in ("query_id", "section_id")}
    for comment in ("".join(VECTORS)[:1000], f"\"'>{IMAGE}"):
        kept = agent.request.post("/v1/feedback", data={**sent, "outcome": "outdated", "comment": comment})
        assert kept.status == 201
        agent.goto(f"/?q={WORD}&voted=1")
        check_harmless(agent)


@pytest.fixture(scope="module")
def judging(index: Path, tmp_path_factory: pytest.TempPathFactory):
    """Where judges grade hostile sections for hostile queries, with hostile reasons."""
    sections = {section.section_id: section for section in load(index).sections}
    ids = list(sections)
    groups = {f"q{start}": ids[start : start + 60] for start in range(0, len(ids), 60)}
    queries = [
        Query(query_id, "\n".join(VECTORS[number::8]), IMAGE) for number, query_id in enumerate([*groups, f"'{IMAGE}"])
    ]
    store = Store(tmp_path_factory.mktemp("judging") / "judgments.sqlite")
    for query_id, group in groups.items():
        reasons = [VECTORS[number % len(VECTORS)].replace("\n", " ") for number in range(len(group))]
        graded = [Judgment(each, 1, reason[:300]) for each, reason in zip(group, reasons, strict=True)]
        store.save(query_id, graded)
    with served(without_policy(create_judge_app(queries, groups, sections, store))) as address:
        yield address, [query.query_id for query in queries]


def check_judging(page):
    """As check_harmless does; judge.js alone gives the whole page a style, which makes room for what sticks."""
    assert [each for each in page.evaluate(ACTIVE) if each != "style"] == []
    assert page.locator("body [style], body[style]").count() == 0
    assert page.evaluate("document.documentElement.dataset.ran") is None


def test_hostile_queries_sections_and_reasons_run_nothing_where_they_are_judged(chromium, judging):
    address, query_ids = judging
    with watched(chromium, address) as page:
        page.goto("/queries")
        check_harmless(page)
        for link in [each.get_attribute("href") for each in page.locator("ol.queries a").all()]:
            page.goto(link)
            check_judging(page)
        page.goto(f"/queries/{query_ids[0]}")
        reason = page.get_by_label("Причина").first
        assert reason.input_value() in VECTORS[0]
        reason.fill("")  # refused, and shown again with what is to be mended
        page.get_by_role("button", name="Сохранить и продолжить").last.click()
        expect(page.locator(".problem").first).not_to_be_empty()
        check_judging(page)


def test_hostile_queries_run_nothing_in_a_report(chromium, tmp_path):
    texts = {query_id: f"{text} {IMAGE} {' '.join(VECTORS)}" for query_id, text in TUNING.texts.items()}
    names = {"name": f"own, {IMAGE}", "texts": texts, "topics": {"q1": IMAGE}, "kinds": dict.fromkeys(texts, IMAGE)}
    systems = tuple(replace(each, system=f"{each.system} {IMAGE}") for each in TUNING.systems)
    hostile = replace(TUNING, systems=systems, **names)
    provenance = replace(PROVENANCE, model=IMAGE, sets={hostile.name: "d2" * 32})
    report = tmp_path / "report.html"
    report.write_text(render(Results(provenance, (hostile,))), encoding="utf-8")
    with watched(chromium, report.as_uri()) as page:
        page.goto(report.as_uri())
        expect(page.get_by_text(IMAGE).first).to_be_attached()
        found = page.evaluate(ACTIVE)
        assert [each for each in found if each not in ("style", "xlink:href")] == []
        assert page.evaluate("document.documentElement.dataset.ran") is None


def test_no_cell_of_an_exported_table_is_a_text_of_somebody_else(tmp_path):
    """What customers wrote goes into lines of JSON; a table holds digests, ids and grades, so no formula."""
    opened = Journal(tmp_path / "data")
    for text in (*FORMULAS, *VECTORS):
        opened.add_judgment(text, "files#top", 2)
    opened.close()
    paths = export_judgments(read_journals([tmp_path / "data"]).judgments, tmp_path / "out")
    tables = [path for path in paths if path.suffix == ".tsv"]
    assert tables
    for path in tables:
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8")), delimiter="\t"):
            assert [cell for cell in row if cell[:1] in set("=+-@\t\r")] == []
    lines = (tmp_path / "out" / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["text"] for line in lines} >= {FORMULAS[0], IMAGE}
