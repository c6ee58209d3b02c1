"""What the help lacks: found in votes and logs by hand-made cases, and printed by the command."""

import json
from dataclasses import replace

import pytest
from helpers import HashEncoder

import evaluation.__main__ as cli
from evaluation import systems
from evaluation.gaps import NO_ARTICLE, RANKED_LOW, UNHELPFUL, UNKEPT, folded, found_in, read_log
from evaluation.judgments import JudgmentError
from server.journal import FILE, Contents, Journal, LoggedQuery, Vote
from server.search import Searcher

SHOWN = ("a#top", "b#top", "c#top", "d#top", "e#top")


def contents(*asked):
    """Queries q0, q1 … of (text, answerable, sections, {section: outcome}), each a minute after the one before."""
    queries, votes = [], []
    for number, (text, answerable, sections, outcomes) in enumerate(asked):
        created = f"2026-11-22T10:{number:02}:00+00:00"
        queries.append(LoggedQuery(f"q{number}", created, text, answerable, 0.5, tuple(sections)))
        votes += [Vote(f"q{number}", section, outcome, "", created) for section, outcome in outcomes.items()]
    return Contents(tuple(queries), tuple(votes))


def found(kind, *asked):
    return [(asking.text, asking.sections) for asking in found_in(contents(*asked))[kind]]


@pytest.mark.parametrize(
    ("text", "same"),
    [("Как ВОЙТИ", "как войти"), (" как\n\tвойти ", "как войти"), ("\ufeffкак вой\u00adти", "как войти")],
)
def test_case_spacing_and_what_nobody_sees_make_no_other_text(text, same):
    assert folded(text) == folded(same) == same


def test_query_without_answer_or_sections_is_without_an_article():
    assert found(
        NO_ARTICLE,
        ("пропуск", False, (), {}),
        ("отпуск", True, (), {}),
        ("стикеры", False, SHOWN, {"b#top": "not_related"}),
        ("звук", True, SHOWN, {}),
    ) == [("пропуск", ()), ("отпуск", ()), ("стикеры", (("a#top", ""),))]


def test_text_that_was_answered_the_last_time_has_its_article():
    assert found(NO_ARTICLE, ("пропуск", False, (), {}), ("Пропуск", True, SHOWN, {})) == []
    assert found(NO_ARTICLE, ("пропуск", False, (), {}), ("пропуск", True, SHOWN, {}), ("ПРОПУСК", False, (), {})) == [
        ("пропуск", ()),
        ("ПРОПУСК", ()),
    ]


def test_queries_whose_text_is_not_kept_count_one_by_one_by_their_votes():
    asked = (
        ("", False, (), {}),  # says nothing
        ("", True, SHOWN, {"a#top": "outdated"}),
        ("", True, SHOWN, {"a#top": "solved"}),
        ("", True, SHOWN, {"e#top": "solved"}),
    )
    assert found(NO_ARTICLE, *asked) == []
    assert found(UNHELPFUL, *asked) == [(UNKEPT, (("a#top", "outdated"),))]
    assert found(RANKED_LOW, *asked) == [(UNKEPT, (("e#top", "place 5"),))]


def test_near_miss_that_solved_is_an_article():
    assert found(NO_ARTICLE, ("пропуск", False, SHOWN, {"b#top": "solved"})) == []


@pytest.mark.parametrize(
    ("solved", "place"), [("a#top", None), ("c#top", None), ("d#top", "place 4"), ("e#top", "place 5")]
)
def test_section_that_solves_is_ranked_low_from_place_4(solved, place):
    expected = [("звук", ((solved, place),))] if place else []
    assert found(RANKED_LOW, ("звук", True, SHOWN, {solved: "solved"})) == expected


def test_section_beyond_those_logged_stood_after_them():
    assert found(RANKED_LOW, ("звук", True, SHOWN, {"z#top": "solved"})) == [("звук", (("z#top", "place 6"),))]
    assert found(RANKED_LOW, ("звук", True, SHOWN[:2], {"z#top": "solved"})) == []


def test_first_of_several_that_solve_counts():
    assert found(RANKED_LOW, ("звук", True, SHOWN, {"d#top": "solved", "b#top": "solved"})) == []
    assert found(RANKED_LOW, ("звук", True, SHOWN, {"e#top": "solved", "d#top": "solved"})) == [
        ("звук", (("d#top", "place 4"),))
    ]


def test_votes_down_alone_rank_nothing_low():
    assert found(RANKED_LOW, ("звук", True, SHOWN, {"e#top": "outdated"})) == []


@pytest.mark.parametrize("outcome", ["not_related", "related_but_no_answer", "outdated"])
def test_shown_section_voted_down_is_unhelpful(outcome):
    assert found(UNHELPFUL, ("звук", True, SHOWN, {"b#top": outcome})) == [("звук", (("b#top", outcome),))]


def test_section_that_was_not_shown_or_an_answer_that_was_not_found_is_not_found_but_unhelpful():
    assert found(UNHELPFUL, ("звук", True, SHOWN, {"z#top": "outdated"})) == []
    assert found(UNHELPFUL, ("звук", False, SHOWN, {"a#top": "not_related"})) == []


def test_votes_down_of_somebody_whom_another_section_helped_do_not_count():
    assert found(UNHELPFUL, ("звук", True, SHOWN, {"a#top": "not_related", "b#top": "solved"})) == []


def test_solved_askings_of_the_text_outweigh_fewer_unhelpful_ones():
    down, up = ("звук", True, SHOWN, {"a#top": "not_related"}), ("ЗВУК", True, SHOWN, {"a#top": "solved"})
    other = ("другой", True, SHOWN, {"a#top": "solved"})
    assert found(UNHELPFUL, down, up, up, other) == []
    assert len(found(UNHELPFUL, down, up, other, other)) == 1
    assert len(found(UNHELPFUL, down, down, up)) == 2


def test_one_visitor_who_votes_three_sections_down_does_not_outweigh_two_helped():
    down = ("звук", True, SHOWN, dict.fromkeys(SHOWN[:3], "not_related"))
    up = ("звук", True, SHOWN, {"d#top": "solved"})
    assert found(UNHELPFUL, down, up, up) == []
    assert found(UNHELPFUL, down) == [("звук", tuple((section, "not_related") for section in SHOWN[:3]))]


# The log of another search box


def test_plain_log_is_a_query_a_line():
    assert read_log("как войти, если забыл\r\n\n  звук; тихо\nquery\n", "log") == [
        ("как войти, если забыл", 1),
        ("звук; тихо", 1),
        ("query", 1),
    ]
    assert read_log("", "log") == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_told_by_its_columns_in_any_order(delimiter):
    text = 'Count,"Query",page\n12,как войти,1\n\n3,"звук@ «тихо»\nи ""всё""",2\r\n'.replace(",", delimiter)
    assert read_log(text.replace("@", delimiter), "log") == [
        ("как войти", 12),
        (f'звук{delimiter} «тихо»\nи "всё"', 3),
    ]


@pytest.mark.parametrize("row", ["звук", "звук,два", "звук,0", "звук,-1", "звук,1.5", ",3", "звук,тихо,3", '"звук,3'])
def test_row_of_another_form_is_named(row):
    with pytest.raises(JudgmentError, match=r"^log\.csv:3: .*; expected 2 columns, with a query and a whole number"):
        read_log(f"query,count\nкак войти,1\n{row}\n", "log.csv")


# The command


@pytest.fixture
def searcher(artifact, encoder: HashEncoder) -> Searcher:
    return Searcher(artifact, encoder)


@pytest.fixture
def opened(searcher, monkeypatch):
    """The folders whose index was asked for; it is that of the test corpus each time."""
    folders = []

    def open_searcher(corpus, reporter):
        folders.append(str(corpus))
        return searcher

    monkeypatch.setattr(systems, "open_searcher", open_searcher)
    return folders


@pytest.fixture
def data(tmp_path):
    """Two journals: a gap of each kind, the first of two texts."""
    first, second = Journal(tmp_path / "first"), Journal(tmp_path / "second")
    shown = ["files#top", "chats#top", "profile#name", "profile#photo", "gone#top"]
    for journal, query_id, text, sections in [
        (first, "q1", "пропуск для гостя", []),
        (second, "q2", "Пропуск  для\nгостя", []),
        (first, "q3", "для гостя пропуск", []),
        (second, "q4", "сменить\nфото " + "очень " * 30, shown),
        (first, "q5", "звук пропадает", shown),
    ]:
        journal.add_query(query_id, text, answerable=bool(sections), relevance=0.5, sections=sections)
    second.add_feedback("q4", "profile#photo", "solved")
    first.add_feedback("q5", "gone#top", "outdated")
    first.add_feedback("q5", "profile#name", "not_related")
    first.close()
    second.close()
    return [str(tmp_path / "first"), str(tmp_path / "second")]


def test_gaps_of_several_journals_are_printed_by_kind(data, opened, capsys):
    assert cli.main(["gaps", *data, "--corpus", "elsewhere"]) == 0
    printed = capsys.readouterr()
    cut = ("сменить фото " + "очень " * 30)[:99] + "…"
    assert printed.out == (
        "queries 5, votes 3\n\n"
        "no article: askings 3, texts 2, groups 1\n"
        "     3  пропуск для гостя\n"
        "        для гостя пропуск\n\n"
        "ranked low: askings 1, texts 1, groups 1\n"
        f"     1  {cut}\n"
        "        -> profile#photo (Профиль и фото › Как сменить фото), place 4: 1\n\n"
        "found but voted unhelpful: askings 1, texts 1, groups 1\n"
        "     1  звук пропадает\n"
        "        -> gone#top (no longer in the help), outdated: 1\n"
        "        -> profile#name (Профиль и фото › Как сменить имя), not_related: 1\n"
    )
    assert opened == ["elsewhere"]
    assert "Group" in printed.err


def test_gaps_are_given_as_json(data, opened, capsys):
    assert cli.main(["gaps", *data, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["journals"] == {"queries": 5, "votes": 3}
    assert [(each["kind"], each["askings"], each["texts"]) for each in report["kinds"]] == [
        (NO_ARTICLE, 3, 2),
        (RANKED_LOW, 1, 1),
        (UNHELPFUL, 1, 1),
    ]
    assert report["kinds"][0]["groups"] == [
        {
            "name": "пропуск для гостя",
            "askings": 3,
            "texts": 2,
            "relevance": 0.5,
            "examples": ["для гостя пропуск"],
            "sections": [],
        }
    ]
    assert report["kinds"][1]["groups"][0]["name"] == "сменить\nфото " + "очень " * 30
    assert opened == ["corpus"]


def test_groups_asked_less_often_than_the_minimum_are_left_out(data, opened, capsys):
    assert cli.main(["gaps", *data, "--minimum", "3"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "groups" in line] == [
        "no article: askings 3, texts 2, groups 1",
        "ranked low: askings 0, texts 0, groups 0",
        "found but voted unhelpful: askings 0, texts 0, groups 0",
    ]


def test_letters_in_capitals_do_not_part_a_group(tmp_path, opened, encoder, monkeypatch):
    journal = Journal(tmp_path)
    journal.add_query("q1", "ПРОПУСК", answerable=False, relevance=0.0, sections=[])
    journal.close()
    encoded = []
    monkeypatch.setattr(HashEncoder, "encode_query", lambda self, text: encoded.append(text) or self._encode(text))
    assert cli.main(["gaps", str(tmp_path)]) == 0
    assert encoded == ["пропуск"]


def test_journal_without_gaps_opens_no_index(tmp_path, opened, capsys):
    Journal(tmp_path).close()
    assert cli.main(["gaps", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("queries 0, votes 0\n\nno article: askings 0, texts 0, groups 0\n")
    assert opened == []


def test_without_a_journal_it_is_said_where_one_would_be(tmp_path, opened, capsys):
    assert cli.main(["gaps"]) == 1
    assert cli.main(["gaps", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    unnamed, missing = printed.err.splitlines()
    assert unnamed.startswith(f"no journal is named; expected DATA/{FILE}, where DATA is the folder of a server's")
    assert missing.startswith(f"{tmp_path / FILE}: is not there; expected the journal of a server")
    assert printed.out == ""
    assert opened == []


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.csv"
    rows = "query;count\nкак сменить фото;7\nабракадабра;2\nКак сменить  фото;1\n???;9\nкак сменить фото;2\n"
    path.write_text(rows, encoding="utf-8-sig")
    return str(path)


def test_log_without_calibration_is_grouped_and_the_least_relevant_come_first(log, opened, searcher, capsys):
    assert cli.main(["gaps", "--queries", log]) == 0
    head, note, *rows = capsys.readouterr().out.splitlines()
    assert head == "least relevant: askings 12, texts 2, groups 2"
    assert note.startswith("relevance is not calibrated for this corpus")
    nonsense, photo = (searcher.search(text, limit=1) for text in ("абракадабра", "как сменить фото"))
    assert nonsense.relevance < photo.relevance
    assert rows[0] == f"     2  абракадабра  (relevance {nonsense.relevance:.2f})"
    assert f"    10  как сменить фото  (relevance {photo.relevance:.2f})" in rows
    assert rows[-1] == "        -> profile#photo (Профиль и фото › Как сменить фото)"


def test_printed_groups_are_limited(log, opened, capsys):
    assert cli.main(["gaps", "--queries", log, "--limit", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("and 1 more groups: --limit, --json\n")
    assert "фото" not in printed.replace("Профиль и фото", "")
    assert cli.main(["gaps", "--queries", log, "--limit", "1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["kinds"][0]["groups"]) == 2


def test_calibrated_log_joins_the_queries_without_an_article(log, data, opened, monkeypatch, capsys):
    search = Searcher.search

    def calibrated(self, query, **options):
        return replace(search(self, query, **options), answerable="фото" in query, calibrated=True)

    monkeypatch.setattr(Searcher, "search", calibrated)
    assert cli.main(["gaps", *data, "--queries", log]) == 0
    printed = capsys.readouterr().out
    assert "no article: askings 5, texts 3, groups 2\n     3  пропуск для гостя\n" in printed
    assert "     2  абракадабра\n" in printed
    assert "least relevant" not in printed
    assert cli.main(["gaps", "--queries", log]) == 0
    assert capsys.readouterr().out.startswith("no article: askings 2, texts 1, groups 1\n     2  абракадабра\n")


def test_what_would_move_the_cursor_is_not_printed(tmp_path, opened, capsys):
    path = tmp_path / "log.txt"
    path.write_text("стереть \x1b[2Jэкран\n", encoding="utf-8")
    assert cli.main(["gaps", "--queries", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "стереть [2Jэкран" in printed


@pytest.mark.parametrize("content", [None, "звук".encode("cp1251")])
def test_log_that_cannot_be_read_is_named(tmp_path, opened, capsys, content):
    path = tmp_path / "log.txt"
    if content:
        path.write_bytes(content)
    assert cli.main(["gaps", "--queries", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"{path}: cannot be read (")
    assert printed.err.endswith("; expected UTF-8 text; save it as such\n")
    assert printed.out == ""
