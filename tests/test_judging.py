"""Judging by hand: the pools, the file of judgments, its tables, and the page over HTTP and in real Chromium."""

import html
import re
import socket
import sqlite3
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import expect
from serving import served
from test_browser import CONTRAST, VIEWS
from werkzeug.datastructures import MultiDict
from werkzeug.serving import BaseWSGIServer

from evaluation.judging import store as stores
from evaluation.judging.app import create_judge_app, serve
from evaluation.judging.files import export, read_reasons
from evaluation.judging.pools import pool
from evaluation.judging.state import State, next_open, states
from evaluation.judging.store import Contents, Judgment, Store
from evaluation.judgments import JudgedSet, JudgmentError, Nugget, Query, read_judged

QUIET, CODE, NONE = (
    Query("q1", "как отключить <звук> ночью", "keywords"),
    Query("q2", "не приходят уведомления", "complaint"),
    Query("q3", "абракадабра", "question", answerable=False),
)
POOLS = {"q1": ("notifications#quiet", "calls#camera"), "q2": ("notifications#missing",), "q3": ()}
STEP, OTHER_STEP = "Откройте «Настройки» > «Уведомления».", "Включите «Показывать уведомления»."


# Pools


def test_pool_is_the_union_of_the_first_five_of_each_system():
    found = pool({"a": {"q": list("abcdefg")}, "b": {"q": list("gfexyz")}})
    assert sorted(found["q"]) == sorted("abcdegfxy")


def test_depth_is_how_far_down_a_ranking_is_looked():
    assert set(pool({"a": {"q": list("abc")}}, depth=2)["q"]) == {"a", "b"}
    with pytest.raises(ValueError, match="depth is 0"):
        pool({}, depth=0)


def test_query_that_only_one_system_was_asked_or_none_answered_has_its_pool():
    assert pool({"a": {"q": []}, "b": {"r": ["x"]}}) == {"q": (), "r": ("x",)}
    assert pool({}) == {}


def test_order_of_a_pool_tells_neither_system_nor_rank():
    a, b = {"q": list("abcde")}, {"q": list("vwxyz")}
    shown = pool({"a": a, "b": b})["q"]
    assert shown == pool({"b": {"q": list("zyxwv")}, "a": {"q": list("ecadb")}})["q"]
    assert shown != pool({"a": {"other": list("abcde")}, "b": {"other": list("vwxyz")}})["other"]
    # Of 400 queries, each of the ten places is the best section's about 40 times (binomial, 5 standard deviations).
    many = pool(
        {
            "a": {str(number): "abcde" for number in range(400)},
            "b": {str(number): "vwxyz" for number in range(400)},
        }
    )
    places = [ids.index("a") for ids in many.values()]
    assert all(10 <= places.count(place) <= 70 for place in range(10))


def test_system_that_joins_later_moves_none_of_the_others():
    before = pool({"a": {"q": list("abcde")}})["q"]
    after = pool({"a": {"q": list("abcde")}, "b": {"q": list("vwxyz")}})["q"]
    assert tuple(each for each in after if each in before) == before


# The file of judgments


@pytest.fixture
def path(tmp_path):
    return tmp_path / "judgments.sqlite"


@pytest.fixture
def store(path):
    return Store(path)


def test_what_is_saved_is_there_when_the_file_is_opened_again(store, path):
    nugget = Nugget("b#2", STEP, True)
    store.save("q1", [Judgment("b#2", 2, "прямо об этом"), Judgment("a#1", 0)], [nugget])
    found = Store(path).contents()
    assert list(found.judgments["q1"]) == ["a#1", "b#2"]
    judgment = found.judgments["q1"]["b#2"]
    assert (judgment.grade, judgment.reason) == (2, "прямо об этом")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", judgment.judged_at)
    assert found.nuggets == {"q1": (nugget,)}


def test_saving_the_same_once_more_changes_nothing_and_another_grade_changes_the_time(store, path):
    store.save("q1", [Judgment("a#1", 1, "часть")], [Nugget("a#1", STEP, False)])
    with sqlite3.connect(path) as db:
        db.execute("UPDATE judgments SET judged_at = 'then'")
    db.close()
    before = store.contents()
    store.save("q1", [Judgment("a#1", 1, "часть")], [Nugget("a#1", STEP, False)])
    assert store.contents() == before
    for changed in (Judgment("a#1", 2, "часть"), Judgment("a#1", 2, "всё")):
        store.save("q1", [changed])
        found = store.contents().judgments["q1"]["a#1"]
        assert replace(found, judged_at="") == changed
        assert found.judged_at > "2026"
        assert found.judged_at != "then"


def test_nuggets_of_a_judged_section_are_replaced_in_their_order_and_those_of_others_stay(store):
    store.save("q1", [Judgment("a#1", 2), Judgment("b#2", 2)], [Nugget("a#1", STEP, True), Nugget("b#2", STEP, True)])
    steps = (Nugget("a#1", "я", True), Nugget("a#1", "а", False))
    store.save("q1", [Judgment("a#1", 2)], [*steps, Nugget("b#2", "не судили", True)])
    assert store.contents().nuggets["q1"] == (*steps, Nugget("b#2", STEP, True))


def test_grade_other_than_0_1_2_is_refused():
    with pytest.raises(ValueError, match="grade 3; expected 0, 1 or 2"):
        Judgment("a#1", 3)


def test_nothing_of_a_form_is_kept_where_a_part_fails(store):
    def nuggets():
        yield Nugget("a#1", STEP, True)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.save("q1", [Judgment("a#1", 2)], nuggets())
    assert store.contents() == Contents({}, {})


JUDGED = JudgedSet("own", (QUIET,), {"q1": {"a#1": 2, "b#2": 0}}, {"q1": (Nugget("a#1", STEP, True),)})
REASONS = {"q1": {"a#1": "прямо\nоб этом"}}


def test_imported_judgments_need_no_judging_and_importing_them_again_takes_none(store):
    assert store.import_judged(JUDGED, REASONS) == 2
    found = store.contents()
    assert found.judgments["q1"] == {"a#1": Judgment("a#1", 2, "прямо об этом"), "b#2": Judgment("b#2", 0)}
    assert found.nuggets == JUDGED.nuggets
    assert store.import_judged(JUDGED, REASONS) == 0
    assert store.contents() == found


def test_what_was_judged_here_outlives_an_import_its_removed_nuggets_too(store):
    store.save("q1", [Judgment("a#1", 1, "не всё")])
    assert store.import_judged(JUDGED, REASONS) == 1
    found = store.contents()
    assert (found.judgments["q1"]["a#1"].grade, found.judgments["q1"]["a#1"].reason) == (1, "не всё")
    assert found.nuggets == {}


def test_import_with_a_wrong_score_takes_nothing_and_names_the_row(store):
    with pytest.raises(JudgmentError, match="own: q2 a#1: score 3; expected 0, 1 or 2"):
        store.import_judged(replace(JUDGED, qrels=JUDGED.qrels | {"q2": {"a#1": 3}}), {})
    assert store.contents() == Contents({}, {})


def test_file_that_another_program_writes_is_named_as_busy(store, path, monkeypatch):
    monkeypatch.setattr(stores, "_PATIENCE", 0.05)
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JudgmentError, match=f"{path}: another program is writing"):
        store.save("q1", [Judgment("a#1", 2)])
    other.close()
    store.save("q1", [Judgment("a#1", 2)])


def test_text_file_is_refused_and_stays_as_it_is(path):
    path.write_text("query-id\tcorpus-id\tscore\n" * 99, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(JudgmentError, match="not an SQLite file"):
        Store(path)
    assert path.read_bytes() == before


def test_database_of_another_program_is_refused_and_stays_as_it_is(path):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JudgmentError, match="another program's SQLite file"):
        Store(path)
    assert path.read_bytes() == before


def test_file_of_another_version_is_refused(store, path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(JudgmentError, match="version 2; expected 1"):
        Store(path)


def test_damaged_file_is_refused(store, path):
    store.save("q1", [Judgment(f"a#{number}", 2, "причина " * 20) for number in range(200)])
    data = bytearray(path.read_bytes())
    data[4096 * 3 :] = b"\xff" * len(data[4096 * 3 :])
    path.write_bytes(data)
    with pytest.raises(JudgmentError, match="damaged"):
        Store(path)


def test_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(JudgmentError, match=r"nowhere.* cannot be used .*check folder and rights"):
        Store(tmp_path / "nowhere" / "judgments.sqlite")


# Tables


@pytest.fixture
def tables(tmp_path):
    return (
        tmp_path / "own" / "qrels" / "t.tsv",
        tmp_path / "own" / "reasons.tsv",
        tmp_path / "own" / "nuggets" / "t.tsv",
    )


def test_export_writes_three_sorted_tables(store, tables):
    store.save("q2", [Judgment("c#3", 1, "часть")])
    store.save(
        "q1", [Judgment("b#2", 0), Judgment("a#1", 2, "всё")], [Nugget("a#1", "я", True), Nugget("a#1", "а", False)]
    )
    assert export(store.contents(), *tables) == 3
    qrels, reasons, nuggets = (table.read_text(encoding="utf-8") for table in tables)
    assert qrels == "query-id\tcorpus-id\tscore\nq1\ta#1\t2\nq1\tb#2\t0\nq2\tc#3\t1\n"
    assert reasons == "query-id\tcorpus-id\treason\nq1\ta#1\tвсё\nq2\tc#3\tчасть\n"
    assert nuggets == "query-id\tcorpus-id\tvital|okay\tstep\nq1\ta#1\tvital\tя\nq1\ta#1\tokay\tа\n"


def test_export_of_a_split_has_its_queries_only(store, tables):
    store.save("q1", [Judgment("a#1", 2, "всё")], [Nugget("a#1", STEP, True)])
    store.save("q2", [Judgment("c#3", 1, "часть")], [Nugget("c#3", STEP, True)])
    assert export(store.contents(), *tables, queries={"q2"}) == 1
    assert [line.split("\t")[0] for table in tables for line in table.read_text(encoding="utf-8").splitlines()] == [
        "query-id",
        "q2",
    ] * 3


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=2))
def test_whatever_is_typed_comes_back_from_the_tables(tmp_path_factory, typed):
    reason, step = typed
    folder = tmp_path_factory.mktemp("own")
    (folder / "queries.jsonl").write_text('{"_id": "q1", "text": "?"}\n', encoding="utf-8")
    first = Store(folder / "first.sqlite")
    first.save("q1", [Judgment("a#1", 2, reason)], [Nugget("a#1", step, True)])
    export(first.contents(), folder / "qrels" / "t.tsv", folder / "reasons.tsv", folder / "nuggets" / "t.tsv")
    second = Store(folder / "second.sqlite")
    second.import_judged(read_judged(folder, "t"), read_reasons(folder / "reasons.tsv"))
    kept = first.contents().judgments["q1"]["a#1"]
    assert kept.reason == " ".join(reason.splitlines()).strip()
    assert second.contents().judgments["q1"]["a#1"] == replace(kept, judged_at="")
    assert second.contents().nuggets == first.contents().nuggets


def test_failed_export_leaves_the_earlier_tables_and_nothing_beside_them(store, tables):
    store.save("q1", [Judgment("a#1", 2, "всё")])
    export(store.contents(), *tables)
    before = tables[0].read_text(encoding="utf-8")
    store.save("q1", [Judgment("a#1", 0)])
    tables[2].unlink()
    tables[2].parent.rmdir()
    tables[2].parent.write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(OSError, match="nuggets"):
        export(store.contents(), *tables)
    assert tables[0].read_text(encoding="utf-8") == before
    assert [file.name for file in tables[0].parent.iterdir()] == ["t.tsv"]


def test_reasons_of_another_form_name_file_and_line(tmp_path):
    path = tmp_path / "reasons.tsv"
    path.write_text("query-id\tcorpus-id\treason\nq1\ta#1\n", encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"reasons\.tsv:2: .*expected query-id, corpus-id, reason"):
        read_reasons(path)
    with pytest.raises(JudgmentError, match="cannot be read"):
        read_reasons(tmp_path / "none.tsv")


# How far


def test_query_is_done_when_each_pooled_section_is_judged():
    judged = {"q1": {"a": Judgment("a", 0), "elsewhere": Judgment("elsewhere", 2)}, "q2": {"b": Judgment("b", 1)}}
    found = states({"q1": ("a", "b"), "q2": ("b",), "q3": ()}, Contents(judged, {}))
    assert found == {"q1": State(1, 2), "q2": State(1, 1), "q3": State(0, 0)}
    assert [state.is_done for state in found.values()] == [False, True, True]


def test_next_query_is_the_next_open_one_and_then_the_first_one_left_behind():
    found = {"a": State(0, 1), "b": State(0, 1), "c": State(1, 1), "d": State(0, 1)}
    assert next_open(found) == "a"
    assert next_open(found, "b") == "d"
    assert next_open(found, "d") == "a"
    assert next_open({"a": State(0, 1), "b": State(1, 1)}, "a") is None
    assert next_open({}) is None


# The page over HTTP


@pytest.fixture
def app(store, sections_by_id):
    return create_judge_app([QUIET, CODE, NONE], POOLS, sections_by_id, store)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def send(client):
    """Sends the form of a query as the page has it, with these fields changed; gives the response."""

    def post(query_id, changed, **others):
        page = client.get(f"/queries/{query_id}").get_data(as_text=True)
        token = re.search(r'name="token" value="([^"]+)"', page)[1]
        return client.post(f"/queries/{query_id}", data=MultiDict({"token": token} | changed | others))

    return post


GRADES = {
    "grade:notifications#quiet": "2",
    "reason:notifications#quiet": "прямо об этом",
    "grade:calls#camera": "0",
    "reason:calls#camera": "",
}


def test_page_shows_the_query_its_sections_and_how_far_one_is(client):
    page = client.get("/queries/q1").get_data(as_text=True)
    text = html.unescape(re.sub(r"<[^>]+>|\s+", " ", page))
    assert "как отключить &lt;звук&gt; ночью" in page
    assert "Запрос 1 из 3 · ключевые слова" in text
    assert "оценено 1 из 3" in text  # q3 has nothing to judge
    assert "Включите «Тихие часы» и выберите время. Сообщения придут без звука." in text
    assert [page.index(f'name="grade:{each}"') for each in POOLS["q1"]] == sorted(
        page.index(f'name="grade:{each}"') for each in POOLS["q1"]
    )


def test_links_of_a_section_lead_nowhere_and_its_other_markup_stays(store, sections_by_id):
    linked = replace(
        sections_by_id["notifications#quiet"], html='<p><a href="/x">там</a> <abbr>и</abbr> <b>тут</b></p>'
    )
    app = create_judge_app([QUIET], {"q1": (linked.section_id,)}, {linked.section_id: linked}, store)
    page = app.test_client().get("/queries/q1").get_data(as_text=True)
    assert "<p><span>там</span> <abbr>и</abbr> <b>тут</b></p>" in page


def test_start_leads_to_the_first_query_that_is_not_judged(client, send, store):
    assert client.get("/").location == "/queries/q1"
    assert send("q1", GRADES).location == "/queries/q2"
    assert client.get("/").location == "/queries/q2"
    assert send("q2", {"grade:notifications#missing": "0"}).location == "/queries"
    assert client.get("/").location == "/queries"
    assert "Все запросы оценены" in client.get("/queries").get_data(as_text=True)
    found = store.contents().judgments
    assert (found["q1"]["notifications#quiet"].grade, found["q1"]["notifications#quiet"].reason) == (2, "прямо об этом")
    assert (found["q1"]["calls#camera"].grade, found["q2"]["notifications#missing"].grade) == (0, 0)


def test_imported_judgments_are_not_asked_again_and_one_outside_the_pool_can_be_corrected(client, store):
    grades = {"notifications#quiet": 2, "calls#camera": 0, "chats#create": 1, "help#gone": 2}
    store.import_judged(JudgedSet("own", (QUIET,), {"q1": grades}), {"q1": {"notifications#quiet": "из файла"}})
    assert client.get("/").location == "/queries/q2"
    page = client.get("/queries/q1").get_data(as_text=True)
    assert 'value="из файла"' in page
    assert re.search(r'name="grade:chats#create" value="1" checked', page)
    assert "help#gone" not in page


@pytest.mark.parametrize(("go", "target"), [("back", "q1"), ("on", "q3"), ("list", None), ("next", "q1"), ("?", "q1")])
def test_every_button_saves_and_leads_where_it_says(send, store, go, target):
    answer = send("q2", {"grade:notifications#missing": "0"}, go=go)
    assert answer.status_code == 303
    assert answer.location == (f"/queries/{target}" if target else "/queries")
    assert store.contents().judgments["q2"]["notifications#missing"].grade == 0


def test_first_has_no_query_before_it_and_last_none_behind(client):
    first, last = (client.get(f"/queries/{each}").get_data(as_text=True) for each in ("q1", "q3"))
    assert re.findall(r'value="(\w+)" disabled', first) == ["back"]
    assert re.findall(r'value="(\w+)" disabled', last) == ["on"]
    assert "ни одна система ничего не нашла" in last


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"reason:notifications#quiet": "  "}, "Напишите причину"),
        ({"grade:notifications#quiet": ""}, "Поставьте оценку"),
    ],
    ids=["grade without a reason", "reason without a grade"],
)
def test_form_that_lacks_something_is_not_saved_and_keeps_what_was_typed(send, store, changed, problem):
    answer = send("q1", GRADES | {"reason:calls#camera": "не о том"} | changed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "Не сохранено: нужно поправить 1\u00a0раздел." in page
    assert problem in page
    assert 'value="не о том"' in page
    assert page.count("autofocus") == 1
    assert store.contents() == Contents({}, {})


def test_steps_are_saved_as_nuggets_of_a_section_that_helps_and_go_with_its_grade(send, client, store):
    form = {
        "grade:notifications#missing": "2",
        "reason:notifications#missing": "да",
        f"step:notifications#missing:{STEP}": "okay",
        f"step:notifications#missing:{OTHER_STEP}": "vital",
    }
    send("q2", form)
    section_id = "notifications#missing"
    assert store.contents().nuggets["q2"] == (Nugget(section_id, STEP, False), Nugget(section_id, OTHER_STEP, True))
    assert len(re.findall(r"<option [^>]*selected", client.get("/queries/q2").get_data(as_text=True))) == 2
    send("q2", {"grade:notifications#missing": "0"})
    assert store.contents().nuggets == {}


def test_nugget_whose_words_the_help_has_no_more_is_shown_and_kept(send, client, store):
    gone = Nugget("notifications#missing", "Перезагрузите пейджер.", True)
    store.save("q2", [Judgment("notifications#missing", 1, "часть")], [gone])
    assert "Перезагрузите пейджер. <span" in client.get("/queries/q2").get_data(as_text=True)
    send("q2", {"grade:notifications#missing": "2"})
    assert store.contents().nuggets["q2"] == (gone,)


def test_value_that_the_page_does_not_offer_changes_nothing(send, store):
    send("q1", GRADES | {"grade:calls#camera": "7", "grade:chats#create": "2", "reason:chats#create": "не в пуле"})
    assert set(store.contents().judgments["q1"]) == {"notifications#quiet"}


@pytest.mark.parametrize("token", [None, "", "чужой"])
def test_form_without_our_token_is_not_saved_and_comes_back_as_typed(client, store, token):
    answer = client.post("/queries/q1", data=GRADES | ({} if token is None else {"token": token}))
    assert answer.status_code == 403
    assert "страница устарела" in answer.get_data(as_text=True)
    assert 'value="прямо об этом"' in answer.get_data(as_text=True)
    assert store.contents() == Contents({}, {})


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7:8000"])
def test_other_names_of_this_machine_are_refused(client, host):
    for address in ("/", "/queries/q1", "/static/judge.css"):
        answer = client.get(address, headers={"Host": host})
        assert answer.status_code == 400
        assert "уведомления" not in answer.get_data(as_text=True)
    assert client.get("/queries", headers={"Host": "localhost:8010"}).status_code == 200
    assert client.get("/queries", headers={"Host": "127.0.0.1:8010"}).status_code == 200


def test_locked_file_is_told_and_what_was_typed_stays_on_the_page(send, client, path, monkeypatch):
    monkeypatch.setattr(stores, "_PATIENCE", 0.05)
    other = sqlite3.connect(path)
    token = re.search(r'name="token" value="([^"]+)"', client.get("/queries/q1").get_data(as_text=True))[1]
    other.execute("BEGIN IMMEDIATE")  # reading goes on, writing does not
    answer = client.post("/queries/q1", data=GRADES | {"token": token})
    assert answer.status_code == 503
    assert "Не сохранено: файл с оценками занят" in answer.get_data(as_text=True)
    assert 'value="прямо об этом"' in answer.get_data(as_text=True)
    other.execute("COMMIT")
    other.execute("BEGIN EXCLUSIVE")  # nor does reading
    answer = client.post("/queries/q1", data=GRADES | {"token": token})
    assert answer.status_code == 503
    assert 'value="прямо об этом"' in answer.get_data(as_text=True)
    answer = client.get("/queries")
    assert answer.status_code == 503
    assert "Файл с оценками занят" in answer.get_data(as_text=True)
    other.close()


def test_list_names_all_queries_with_their_state(client, send):
    send("q1", {"grade:calls#camera": "0"})
    page = client.get("/queries").get_data(as_text=True)
    text = re.sub(r"<[^>]+>|\s+", " ", page)
    assert re.findall(r'href="/queries/(\w+)"', page) == ["q1", "q2", "q3"]
    assert "Оценено 1 из 3, начато 1." in text
    assert [text.index(state) for state in ("1 из 2", "не оценён", "нечего оценивать")] == sorted(
        text.index(state) for state in ("1 из 2", "не оценён", "нечего оценивать")
    )


def test_unknown_addresses_have_a_page_of_their_own(client):
    for answer in (
        client.get("/queries/q9"),
        client.post("/queries/q9"),
        client.get("/nothing"),
        client.get("/look//x"),
    ):
        assert answer.status_code == 404
        assert "Такой страницы или запроса нет." in answer.get_data(as_text=True)
    assert client.delete("/queries/q1").headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_ids_may_hold_any_signs(store, sections_by_id):
    odd = Query("a//b?c#d ё%2F", "вопрос")
    client = create_judge_app([odd], {odd.query_id: ("chats#create",)}, sections_by_id, store).test_client()
    address = client.get("/").location
    page = client.get(address).get_data(as_text=True)
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    client.post(address, data={"token": token, "grade:chats#create": "0"})
    assert list(store.contents().judgments) == [odd.query_id]


def test_everything_comes_from_here_and_nothing_is_cached(client):
    for address in ("/queries/q1", "/look/style.css", "/static/judge.js"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")


def test_pool_of_another_help_is_refused(store, sections_by_id):
    with pytest.raises(JudgmentError, match="pool of q1: gone#1 is not in the help"):
        create_judge_app([QUIET], {"q1": ("gone#1",)}, sections_by_id, store)


def test_serve_listens_on_the_loopback_interface_alone_and_ends_quietly(app, monkeypatch, capsys):
    asked = []

    def until_interrupted(self):
        asked.append(self.socket.getsockname())
        raise KeyboardInterrupt

    monkeypatch.setattr(BaseWSGIServer, "serve_forever", until_interrupted)
    serve(app, 0)
    ((host, port),) = asked
    assert host == "127.0.0.1"
    assert f"http://127.0.0.1:{port} " in capsys.readouterr().err


def test_taken_port_is_named(app):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(JudgmentError, match=f"127.0.0.1:{port}: cannot be listened on"):
            serve(app, port)


def test_two_tabs_that_save_at_once_lose_nothing(store):
    def judge(number):
        for place in range(10):
            store.save(f"q{number}", [Judgment(f"a#{place}", 1, "да")])

    threads = [threading.Thread(target=judge, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {query_id: len(found) for query_id, found in store.contents().judgments.items()} == {
        f"q{number}": 10 for number in range(4)
    }


# In Chromium


@pytest.mark.browser
def test_query_is_judged_with_keys_alone_and_again_without_javascript(chromium, app, store):
    with served(app) as address:
        context = chromium.new_context(base_url=address)
        page = context.new_page()
        wrong = []
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto("/")
        cards = page.locator(".judged")
        expect(cards.nth(0)).to_be_focused()
        press = page.keyboard.press
        press("1")
        press("2")  # the last one counts
        expect(page.get_by_text("Оценено 1 из 2")).to_be_visible()
        press("j")
        expect(cards.nth(1)).to_be_focused()
        press("k")
        expect(cards.nth(0)).to_be_focused()
        press("Enter")  # a reason is missing: it gets the focus
        expect(page.locator(".reason input").first).to_be_focused()
        expect(page.get_by_text("Напишите причину").first).to_be_visible()
        page.keyboard.type("12 jkn прямо об этом")
        press("ArrowDown")
        expect(cards.nth(1)).to_be_focused()
        press("0")
        press("Enter")
        page.wait_for_url("**/queries/q2")
        press("n")
        expect(page.get_by_role("status")).to_have_text("Шаги отмечают у разделов с оценкой 1 или 2")
        press("2")
        press("n")
        steps = page.locator(".steps button")
        expect(steps.nth(0)).to_be_focused()
        press("n")
        press("ArrowDown")
        expect(steps.nth(1)).to_be_focused()
        press("n")
        press("n")
        expect(steps.nth(1)).to_have_text("обязательный")
        page.locator(".steps label").first.click()
        expect(steps.nth(0)).to_have_text("обязательный")
        press("Escape")
        expect(cards.first).to_be_focused()
        # As the Russian layout has it: the key is the same, the letter is «к».
        page.evaluate(
            "document.activeElement"
            ".dispatchEvent(new KeyboardEvent('keydown', {code: 'KeyR', key: 'к', bubbles: true}))"
        )
        page.keyboard.type("да")
        press("Enter")
        page.wait_for_url("**/queries")
        expect(page.get_by_text("Все запросы оценены")).to_be_visible()
        assert wrong == []
        context.close()
        found = store.contents()
        assert {key: each.grade for key, each in found.judgments["q1"].items()} == {
            "notifications#quiet": 2,
            "calls#camera": 0,
        }
        assert found.judgments["q1"]["notifications#quiet"].reason == "12 jkn прямо об этом"
        assert [(nugget.step, nugget.vital) for nugget in found.nuggets["q2"]] == [(STEP, True), (OTHER_STEP, True)]

        context = chromium.new_context(base_url=address, java_script_enabled=False)
        page = context.new_page()
        page.goto("/queries/q2")
        page.get_by_label("1 отчасти").check(force=True)
        page.get_by_label(OTHER_STEP).select_option("okay")
        page.get_by_label("Причина").fill("часть")
        page.get_by_label("Причина").press("Enter")
        page.wait_for_url("**/queries")
        context.close()
        found = store.contents()
        assert (found.judgments["q2"]["notifications#missing"].grade, found.nuggets["q2"][1].vital) == (1, False)


@pytest.mark.browser
@pytest.mark.parametrize("view", ["desktop", "phone, dark", "small phone"])
def test_page_fits_the_screen_and_can_be_read(chromium, app, view):
    with served(app) as address:
        context = chromium.new_context(base_url=address, **VIEWS[view])
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())  # it asks before it drops the grade
        for at in ("/queries/q2", "/queries/q1", "/queries", "/nothing"):
            page.goto(at)
            if at == "/queries/q2":
                page.keyboard.press("2")
                page.keyboard.press("n")
                page.keyboard.press("n")
            assert page.evaluate("document.documentElement.scrollWidth") <= VIEWS[view]["viewport"]["width"], at
            assert page.evaluate(CONTRAST) == [], at
            for button in page.locator(
                "button:visible:not(.visually-hidden), .button, .grade label, .reason input"
            ).all():
                assert button.bounding_box()["height"] >= 44, at
        context.close()
