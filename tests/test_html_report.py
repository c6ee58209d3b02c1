"""The report: a page with the numbers it was given, JSON that reads back, and nothing overwritten."""

import json
import re
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from lxml import etree, html
from sklearn.metrics import roc_curve

from evaluation import plots, tables
from evaluation.html_report import render, write_report
from evaluation.results import Provenance, Results, ResultsError, SetResult, SystemResult, read_json, to_json

PROVENANCE = Provenance(
    commit="0123456789abcdef0123456789abcdef01234567+changes",
    created="2026-11-22T23:15:00+03:00",
    corpus_digest="c0" * 32,
    model="multilingual-e5-small",
    model_fingerprint="f1" * 32,
    settings={"normalisation": "zscore", "fields": {"heading": 0.5}},
    sets={"own, tuning": "d2" * 32},
    versions={"bm25s": "0.3.16"},
    machine="Some Processor, 2 cores",
)
LEXICAL = SystemResult(
    system="lexical",
    measures={"nDCG@10": 0.61234, "RR@10": 0.7, "Judged@10": 0.9, "p50, ms": 2.04},
    by_kind={"keywords": {"nDCG@10": 0.5, "RR@10": 0.7}, "жалоба": {"nDCG@10": 0.1111}},
    by_topic={"Чаты": {"nDCG@10": 0.31}},
    per_query={
        "q1": {"nDCG@10": 1.0},
        "q2": {"nDCG@10": 0.0},
        "q3": {"nDCG@10": 0.25},
        "q4": {"nDCG@10": 0.5},
    },
    milliseconds={"q1": 1.0, "q2": 2.0, "q3": 3.0, "q4": 4.0, "q5": 105.0},
)
HYBRID = SystemResult(
    system="hybrid",
    measures={"nDCG@10": 0.73456, "RR@10": 0.70001, "Judged@10": 0.8, "p50, ms": 19.66},
    by_kind={"keywords": {"nDCG@10": 0.6}, "жалоба": {"nDCG@10": 0.0999}},
    by_topic={"Чаты": {"nDCG@10": 0.3}},
    per_query={
        "q1": {"nDCG@10": 1.0},
        "q2": {"nDCG@10": 0.0},
        "q3": {"nDCG@10": 0.0},
        "q4": {"nDCG@10": 0.875},
    },
    milliseconds={},
)
TEXTS = {
    "q1": "сменить фото",
    "q2": 'не открывается <script>alert("1")</script> & всё',
    "q3": "Ошибка\n  at Chat.Open()",
    "q4": "где чат",
}
# Two false answers of three, one false refusal of four.
ANSWERABILITY = (
    (0.95, True, True),
    (0.85, True, True),
    (0.35, True, False),
    (0.85, True, True),
    (0.15, False, False),
    (0.85, False, True),
    (0.55, False, True),
)
TUNING = SetResult(
    name="own, tuning",
    queries=4,
    unanswerable=3,
    systems=(LEXICAL, HYBRID),
    texts=TEXTS,
    answerability=ANSWERABILITY,
    kinds={"q1": "keywords", "q2": "keywords", "q3": "keywords", "q4": "жалоба", "n1": "жалоба"},
    topics={"q1": "Чаты"},
)
RESULTS = Results(PROVENANCE, (TUNING,))


def with_set(**changes: object) -> Results:
    return Results(PROVENANCE, (replace(TUNING, **changes),))


def page_of(results: Results) -> html.HtmlElement:
    return html.document_fromstring(render(results))


def rows_of(page: html.HtmlElement, label: str) -> list[list[str]]:
    (table,) = page.xpath(f'//div[@aria-label="{label}"]//table')
    return [[cell.text_content() for cell in row.xpath("th | td")] for row in table.xpath(".//tr")]


def best_of(page: html.HtmlElement, label: str) -> list[str]:
    return [cell.text for cell in page.xpath(f'//div[@aria-label="{label}"]//td[@class="best"]')]


def captions_of(page: html.HtmlElement) -> list[str]:
    return page.xpath("//figcaption/strong/text()")


def test_a_row_a_system_and_a_column_a_measure_with_the_best_marked():
    page = page_of(RESULTS)
    assert rows_of(page, "Measures, by system") == [
        ["system", "nDCG@10", "RR@10", "Judged@10", "p50, ms ↓"],
        ["lexical", "0.6123", "0.7000", "0.9000", "2.0"],
        ["hybrid", "0.7346", "0.7000", "0.8000", "19.7"],
    ]
    # RR@10 looks equal, Judged@10 has no better, of milliseconds fewer are better.
    assert best_of(page, "Measures, by system") == ["2.0", "0.7346"]


def test_kinds_and_topics_have_the_number_of_measured_queries():
    page = page_of(RESULTS)
    assert rows_of(page, "nDCG@10, by kind") == [
        ["kind", "queries", "lexical", "hybrid"],
        ["keywords", "3", "0.5000", "0.6000"],
        ["жалоба", "1", "0.1111", "0.0999"],
    ]
    assert best_of(page, "nDCG@10, by kind") == ["0.6000", "0.1111"]
    assert rows_of(page, "RR@10, by kind")[1:] == [["keywords", "3", "0.7000", "–"], ["жалоба", "1", "–", "–"]]
    assert rows_of(page, "nDCG@10, by topic")[1:] == [["Чаты", "1", "0.3100", "0.3000"]]


def test_without_kinds_of_queries_no_numbers_of_them_are_shown():
    assert rows_of(page_of(with_set(kinds={})), "nDCG@10, by kind")[0] == ["kind", "lexical", "hybrid"]


def test_worst_queries_are_the_last_systems_and_those_come_first_that_another_found():
    assert rows_of(page_of(RESULTS), "Worst queries") == [
        ["query", "id", "kind", "nDCG@10", "best other"],
        [TEXTS["q3"], "q3", "keywords", "0.0000", "0.2500 lexical"],
        [TEXTS["q2"], "q2", "keywords", "0.0000", "0.0000 lexical"],
        [TEXTS["q4"], "q4", "жалоба", "0.8750", "0.5000 lexical"],
    ]


def test_worst_queries_are_at_most_so_many():
    values = {f"q{number:02}": {"nDCG@10": number / 100} for number in range(40)}
    found = tables.worst(replace(TUNING, systems=(replace(HYBRID, per_query=values),)), "nDCG@10")
    assert [query.query_id for query in found] == [f"q{number:02}" for number in range(tables.WORST)]
    assert {query.best_other for query in found} == {"–"}


def test_best_other_system_is_the_first_of_equals():
    others = [replace(LEXICAL, system=name, per_query={"q": {"RR": value}}) for name, value in (("a", 0), ("b", 0.5))]
    others.append(replace(others[1], system="c"))
    (query,) = tables.worst(
        replace(TUNING, systems=(*others, replace(HYBRID, per_query={"q": {"RR": 0.2}}))), measure="RR"
    )
    assert query.best_other == "0.5000 b"


def test_latency_has_percentiles_of_what_was_timed():
    page = page_of(RESULTS)
    # By hand: of five values p95 lies 0.8 of the way from the fourth to the fifth, p99 0.96 of it.
    assert rows_of(page, "Milliseconds, by system") == [
        ["system", "queries", "p50", "p95", "p99"],
        ["lexical", "5", "3.0", "84.8", "101.0"],
    ]


def test_provenance_stands_first():
    page = page_of(RESULTS)
    assert page.xpath("//section/@id") == ["provenance", "set-1"]
    text = page.xpath('//section[@id="provenance"]')[0].text_content()
    for value in (
        PROVENANCE.commit,
        PROVENANCE.created,
        PROVENANCE.corpus_digest,
        PROVENANCE.model,
        PROVENANCE.model_fingerprint,
        PROVENANCE.machine,
        '{"heading": 0.5}',
        "d2" * 32,
        "0.3.16",
    ):
        assert value in text
    assert "2026-11-22 20:15 UTC" in page.text_content()


def test_several_sets_are_set_side_by_side_first():
    other = replace(TUNING, name="typos", systems=(replace(HYBRID, measures={"nDCG@10": 0.5}), LEXICAL))
    sets = replace(PROVENANCE, sets=PROVENANCE.sets | {"typos": "e3" * 32})
    page = page_of(Results(sets, (TUNING, other)))
    assert page.xpath("//section/@id") == ["provenance", "overview", "set-1", "set-2"]
    assert rows_of(page, "nDCG@10, by set") == [
        ["set", "queries", "lexical", "hybrid"],
        ["own, tuning", "4", "0.6123", "0.7346"],
        ["typos", "4", "0.6123", "0.5000"],
    ]
    assert best_of(page, "nDCG@10, by set") == ["0.7346", "0.6123"]


def test_each_plot_has_a_title_a_picture_and_words_for_it():
    page = page_of(RESULTS)
    assert captions_of(page) == [
        "nDCG@10 by kind of query",
        "nDCG@10 by query: hybrid against lexical",
        "Reliability of hybrid",
        "Abstention of hybrid",
        "Latency",
    ]
    pictures = page.xpath('//figure/div[@role="img"][svg]')
    alts = [picture.get("aria-label") for picture in pictures]
    assert alts[0] == "Mean nDCG@10 of lexical, hybrid for each kind of query. hybrid: keywords 0.60, жалоба 0.10."
    assert "“hybrid” is better on 1, “lexical” on 1; they are equal on 2." in alts[1]
    assert "0.15: 0.00 of 1; 0.35: 1.00 of 1; 0.55: 0.00 of 1; 0.85: 0.67 of 3; 0.95: 1.00 of 1" in alts[2]
    assert "Answers 2 of 3 unanswerable queries (66.7%), refuses 1 of 4 answerable ones (25.0%)" in alts[3]
    assert "lexical" in alts[4] and "hybrid" not in alts[4]


@pytest.mark.parametrize("answerability", [(), ANSWERABILITY[:4], ANSWERABILITY[4:]])
def test_without_both_answerable_queries_and_others_the_page_leaves_those_plots_out(answerability: tuple):
    titles = captions_of(page_of(with_set(answerability=answerability)))
    assert titles == ["nDCG@10 by kind of query", "nDCG@10 by query: hybrid against lexical", "Latency"]


def test_a_single_system_without_kinds_and_times_has_no_plots_and_nothing_is_best():
    alone = replace(HYBRID, by_kind={}, by_topic={})
    page = page_of(with_set(systems=(alone,), answerability=()))
    assert captions_of(page) == []
    assert page.xpath('//td[@class="best"]') == []
    assert page.xpath("//nav//a/@href") == ["#provenance", "#set-1", "#set-1-worst"]


def test_a_set_on_which_nothing_was_measured_says_so():
    assert "Nothing was measured." in page_of(with_set(systems=())).text_content()
    nothing = SystemResult("hybrid", {}, {}, {}, {}, {})
    assert "Nothing was measured." in page_of(with_set(systems=(nothing,), answerability=())).text_content()


def test_scatter_is_against_the_best_of_the_others():
    third = replace(LEXICAL, system="semantic", measures={"nDCG@10": 0.7})
    plot = plots.scatter("key", (LEXICAL, third, LEXICAL, HYBRID), "nDCG@10")
    assert plot is not None
    assert plot.title == "nDCG@10 by query: hybrid against semantic"


def test_false_answers_fall_and_false_refusals_rise_with_the_threshold():
    by_hand = [(0.9, True, True), (0.5, True, True), (0.5, False, True), (0.1, False, False)]
    assert plots.abstention_curve(by_hand) == [(1.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.0, 1.0)]


def test_abstention_curve_agrees_with_the_roc_curve_of_scikit_learn():
    draw = np.random.default_rng(5)
    drawn = [(round(float(draw.random()), 1), bool(draw.random() < 0.6), True) for _ in range(80)]
    false_positives, true_positives, _ = roc_curve(
        [answerable for _, answerable, _ in drawn], [relevance for relevance, *_ in drawn], drop_intermediate=False
    )
    expected = np.column_stack([false_positives, 1 - true_positives])[::-1]
    np.testing.assert_allclose(plots.abstention_curve(drawn), expected, atol=1e-12)


def test_what_was_typed_is_shown_and_never_taken_for_markup():
    text = render(RESULTS)
    assert "<script" not in text
    assert "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt; &amp; всё" in text
    named = replace(HYBRID, system="<b>$\\frac$</b> --> &", by_kind={"<i>": {"nDCG@10": 0.5}})
    page = page_of(with_set(systems=(LEXICAL, named)))
    assert page.xpath("//b | //i") == []
    assert "<b>$\\frac$</b> --> &" in [row[0] for row in rows_of(page, "Measures, by system")]


def test_nothing_is_fetched_and_no_script_runs():
    text = render(RESULTS)
    page = html.document_fromstring(text)
    used = page.xpath("//@src | //@href | //@srcset | //@data | //@action | //@poster")
    assert len(used) > 100  # the glyphs
    ids = page.xpath("//@id")
    assert {use[0] for use in used} == {"#"}
    assert {use[1:] for use in used} <= set(ids)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {f"#{name}" for name in ids}
    assert "@import" not in text
    assert page.xpath("//script | //link | //iframe | //@*[starts-with(name(), 'on')]") == []
    assert set(re.findall(r"https?://[^\s\"<]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_plots_take_their_colours_from_the_page():
    text = render(RESULTS)
    plotted = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", plotted))
    assert {"--text", "--line", "--series-0", "--series-1"} <= used
    assert used <= set(re.findall(r"(--[a-z0-9-]+):", text))
    assert re.findall(r"(?:fill|stroke): #\w+", plotted) == []


def test_the_same_results_give_the_same_page_whatever_the_users_own_settings():
    first = render(RESULTS)
    with matplotlib.rc_context({"font.size": 20, "axes.linewidth": 5, "svg.hashsalt": None}):
        assert render(RESULTS) == first


def test_page_and_json_are_named_by_time_and_commit_and_never_overwritten(tmp_path: Path):
    stem = "2026-11-22T20-15-00Z-0123456789-changes"
    folder = tmp_path / "reports" / "new"
    assert write_report(RESULTS, folder) == folder / f"{stem}.html"
    assert write_report(with_set(texts={}), folder) == folder / f"{stem}-2.html"
    (folder / f"{stem}-3.html").write_text("somebody's")
    assert write_report(RESULTS, folder) == folder / f"{stem}-4.html"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [f"{stem}{number}{end}" for number in ("", "-2", "-4") for end in (".html", ".json")] + [f"{stem}-3.html"]
    )
    assert (folder / f"{stem}.html").read_text(encoding="utf-8") == render(RESULTS)
    assert (folder / f"{stem}-3.html").read_text() == "somebody's"
    assert read_json(folder / f"{stem}.json") == RESULTS
    assert read_json(folder / f"{stem}-2.json").sets[0].texts == {}


def test_a_report_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(path: Path, *arguments: object, **others: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(RESULTS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_json_reads_back_as_it_was(tmp_path: Path):
    path = tmp_path / "report.json"
    path.write_text(to_json(RESULTS), encoding="utf-8")
    assert read_json(path) == RESULTS
    assert to_json(read_json(path)) == to_json(RESULTS)


def edited(change: str, value: object) -> str:
    content = json.loads(to_json(RESULTS))
    *places, last = change.split("/")
    inner = content
    for place in places:
        inner = inner[int(place) if isinstance(inner, list) else place]
    inner[int(last) if isinstance(inner, list) else last] = value
    return json.dumps(content)


SYSTEM = "sets/0/systems/0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "JSONDecodeError("),
        ("[]", "expected a report's JSON with its format; make it again: python -m evaluation run"),
        ("{}", "KeyError('format')"),
        (edited("format", 2), "format 2, this version reads 1; make it again"),
        (edited("sets/0/queries", "4"), 'sets.0.queries is "4"; expected: Input should be a valid integer; make'),
        (
            edited(f"{SYSTEM}/measures/RR@10", None),
            "sets.0.systems.0.measures.RR@10 is null; expected: Input should be",
        ),
        (edited(f"{SYSTEM}/measures/RR@10", float("nan")), "measures.RR@10 is NaN; expected: Input should be a finite"),
        (
            edited(f"{SYSTEM}/milliseconds/q1", -1.0),
            "milliseconds.q1 is -1.0; expected: Input should be greater than or",
        ),
        (edited("sets/0/answerability/0/0", 1.5), "sets.0.answerability.0.0 is 1.5; expected: Input should be less"),
        (edited(f"{SYSTEM}/system", "hybrid"), 'two results for the system "hybrid"; expected one for each name'),
        (edited("provenance/sets", {}), 'no digest of the set "own, tuning"; expected one for each set'),
        (edited("provenance/created", "2026-11-22T23:15:00"), "expected a time with its zone"),
        (edited("provenance/created", "вчера"), "Invalid isoformat string"),
    ],
)
def test_json_that_is_not_of_the_form_is_refused_with_the_place(tmp_path: Path, text: str, expected: str):
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ResultsError) as error:
        read_json(path)
    assert str(error.value).startswith(f"{path}: ")
    assert expected in str(error.value)


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_json_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None):
    path = tmp_path / "report.json"
    if content:
        path.write_bytes(content)
    with pytest.raises(ResultsError, match=re.escape(f"{path}: cannot be read (")):
        read_json(path)


def test_results_that_could_not_be_read_back_are_not_written(tmp_path: Path):
    wrong = with_set(systems=(replace(LEXICAL, measures={"nDCG@10": float("nan")}),))
    with pytest.raises(ResultsError, match=r"results: sets\.0\.systems\.0\.measures\.nDCG@10 is NaN"):
        write_report(wrong, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_sets_of_one_name_are_refused():
    with pytest.raises(ValueError, match='two results for the set "own, tuning"'):
        Results(PROVENANCE, (TUNING, TUNING))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(RESULTS, tmp_path_factory.mktemp("reports"))


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_is_no_wider_than_the_window_and_tables_scroll_by_themselves(chromium, report: Path, width: int):
    context = chromium.new_context(viewport={"width": width, "height": 844}, java_script_enabled=True)
    page = context.new_page()
    wrong = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    for figure in page.locator("figure svg").all():
        box = figure.bounding_box()
        assert box["width"] > 280 and box["height"] > 100
    worst = page.get_by_role("region", name="Worst queries")
    scrolls = worst.evaluate("box => box.scrollWidth > box.clientWidth")
    assert scrolls == (width == 390)
    context.close()
    assert wrong == []


def test_pictures_are_well_formed():
    for svg in re.findall(r"<svg.*?</svg>", render(RESULTS), flags=re.DOTALL):
        etree.fromstring(svg)
