"""Other people's judgments: their form is told from the file, nothing of them or of ours is lost or misread."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evaluation.__main__ as cli
from evaluation.beir import qrels_table
from evaluation.foreign_judgments import read_queries, read_source
from evaluation.importing import import_judgments
from evaluation.judgments import JudgmentError, Query, read_judged

LOGIN, CODE = "как войти,\nесли забыл пароль", "не приходит код"


def id_of(text: str) -> str:
    return "q-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def write(folder: Path, text: str, name: str = "source", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lines_of(*records: dict[str, object]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


QUEPID = f'query,docid,rating\n"{LOGIN}",sign-in#phone,3.0\n"{LOGIN}",sign-in#qr,0.0\n{CODE},sign-in#sms,2\n'


@pytest.mark.parametrize(
    ("text", "encoding", "form"),
    [
        (QUEPID, "utf-8", "table, comma"),
        (QUEPID, "utf-8-sig", "table, comma"),
        (QUEPID.replace("\n", "\r\n"), "utf-8", "table, comma"),
    ],
)
def test_quepids_table_is_read_with_ids_made_from_its_texts(tmp_path: Path, text: str, encoding: str, form: str):
    found = import_judgments(write(tmp_path, text, encoding=encoding), tmp_path / "new", "tuning")
    assert (found.form, found.judgments, found.queries, found.added) == (form, 3, 2, 2)
    assert found.grades == {0: 1, 2: 1, 3: 1}
    judged = read_judged(tmp_path / "new")
    assert judged.queries == (Query(id_of(LOGIN), LOGIN), Query(id_of(CODE), CODE))
    assert judged.qrels == {
        id_of(LOGIN): {"sign-in#phone": 3, "sign-in#qr": 0},
        id_of(CODE): {"sign-in#sms": 2},
    }
    assert (tmp_path / "new" / "qrels" / "tuning.tsv").read_bytes().startswith(b"query-id\tcorpus-id\tscore\n")


# "CSV UTF-8", "CSV" and "Unicode text".
@pytest.mark.parametrize(
    ("encoding", "delimiter", "form"),
    [
        ("utf-8-sig", ";", "table, semicolon"),
        ("cp1251", ";", "table, semicolon, windows-1251"),
        ("utf-16", "\t", "table, tab, utf-16"),
    ],
)
def test_tables_that_excel_saves_in_russian_are_read(tmp_path: Path, encoding: str, delimiter: str, form: str):
    text = f'Query;DocID;Rating\r\n"{LOGIN}";sign-in#phone;"3,0"\r\nпривет, не приходит код;sign-in#sms;1\r\n;;\r\n'
    source = write(tmp_path, text.replace(";", delimiter), encoding=encoding)
    found = import_judgments(source, tmp_path / "new", "tuning")
    assert found.form == form
    judged = read_judged(tmp_path / "new")
    assert [query.text for query in judged.queries] == [LOGIN, "привет, не приходит код"]
    assert list(judged.qrels.values()) == [{"sign-in#phone": 3}, {"sign-in#sms": 1}]


@pytest.mark.parametrize(
    "header",
    [
        "query_id,docid,rating",
        "qid,doc_id,grade",
        "query-id,corpus-id,score",
        " Query ID , Document ,Relevance",
        "queryid,section_id,judgment",
        "QID,docno,judgement",
    ],
)
def test_columns_go_by_any_of_the_usual_names_in_any_order(tmp_path: Path, header: str):
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        rows = [header.split(","), ["q1", "a", "1"], ["q2", "b", "0"]]
        text = "".join(",".join(["заметка", *(row[place] for place in order)]) + "\n" for row in rows)
        found = read_source(write(tmp_path, text))
        assert [(row.query_id, row.query, row.document, row.grade) for row in found.rows] == [
            ("q1", "", "a", 1),
            ("q2", "", "b", 0),
        ]


def test_trec_qrels_keep_their_ids_and_take_grades_below_0_as_0(tmp_path: Path):
    source = write(tmp_path, "1 0 GX000-00 2\r\n\r\n1\tQ0\tGX000-01  -2\n 2 0 a\u00a0b 1.0\n2 0 c -1\n2 0 d -2\n")
    found = import_judgments(source, tmp_path / "new", "test")
    assert read_source(source).form == "TREC qrels"
    assert (tmp_path / "new" / "qrels" / "test.tsv").read_text(encoding="utf-8") == (
        "query-id\tcorpus-id\tscore\n1\tGX000-00\t2\n1\tGX000-01\t0\n2\ta\u00a0b\t1\n2\tc\t0\n2\td\t0\n"
    )
    assert found.grades == {0: 3, 1: 1, 2: 1}
    assert found.negative == {-2: 2, -1: 1}
    # Nobody said what the queries are: judgments alone.
    assert (found.without_text, found.added) == (2, 0)
    assert not (tmp_path / "new" / "queries.jsonl").exists()


QRELS = st.dictionaries(
    st.text("ab1-_", min_size=1, max_size=4),
    st.dictionaries(st.text('xя#/"', min_size=1, max_size=4), st.integers(0, 4), min_size=1, max_size=4),
    min_size=1,
    max_size=4,
)


@settings(max_examples=25)
@given(QRELS)
def test_the_same_judgments_are_read_from_every_form(
    tmp_path_factory: pytest.TempPathFactory, qrels: dict[str, dict[str, int]]
):
    folder = tmp_path_factory.mktemp("forms")
    rows = [(query_id, docid, grade) for query_id, of in qrels.items() for docid, grade in of.items()]
    quoted = [(f'"{query_id}"', '"' + docid.replace('"', '""') + '"', grade) for query_id, docid, grade in rows]
    queries = write(folder, "".join(f"{query_id}\tтекст {query_id}\n" for query_id in qrels), "queries.tsv")
    for name, text in {
        "trec": "".join(f"{query_id} 0 {docid} {grade}\n" for query_id, docid, grade in rows),
        "beir": qrels_table(qrels),
        "csv": "grade;qid;docid\n" + "".join(f"{grade};{query_id};{docid}\n" for query_id, docid, grade in quoted),
    }.items():
        found = import_judgments(write(folder, text), folder / "new", name, queries)
        judged = read_judged(folder / "new", name)
        assert judged.qrels == qrels
        assert {query.text for query in judged.queries} == {f"текст {query_id}" for query_id in qrels}
        assert found.added == (len(qrels) if name == "trec" else 0)


def test_rows_that_quepid_writes_for_what_nobody_rated_are_counted_and_left_out(tmp_path: Path):
    # A text alone; a document without a rating; a sign before = + - @, against formulas in Excel.
    source = write(tmp_path, 'query,docid,rating\nпогода\nкурс,a,\n" -5 ошибка",b,1\n')
    found = import_judgments(source, tmp_path / "new", "tuning")
    assert (found.ungraded, found.judgments, found.added) == (2, 1, 1)
    assert [query.text for query in read_judged(tmp_path / "new").queries] == ["-5 ошибка"]


def test_the_same_row_again_is_counted_and_another_grade_is_refused(tmp_path: Path):
    text = "qid,docid,grade\nq1,a,1\nq1,a,1\nq2,a,2\n"
    found = import_judgments(write(tmp_path, text), tmp_path / "new", "tuning")
    assert (found.repeated, found.judgments) == (1, 2)
    source = write(tmp_path, text + "q1,a,0\n")
    with pytest.raises(JudgmentError, match=r"source:5: a has grade 0 for query q1, 1 at .*source:2; expected one"):
        import_judgments(source, tmp_path / "other", "tuning")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1 0 a 1\nq1 0 b\n", ":2: 3 fields; expected four"),
        ("q1 0 a 1\nq1 0 b c 1\n", ":2: 5 fields; expected four"),
        ("q1 0 a 1\n\nq1 0 b 0.5\n", ":3: grade '0.5'; expected a whole number"),
        ("q1\ta\t1\n", ": its first line is neither"),
        ("q1 Q0 a 1 12.5 run\n", ": its first line is neither"),
        ("qid,rating\nq1,1\n", ": no column for the document; expected one of docid, doc-id"),
        ("docid,rating\na,1\n", ": no column for the query; expected one of query"),
        ("qid,docid\nq1,a\n", ": no column for the grade; expected one of rating"),
        ("qid,docid,rating,score\nq1,a,1,12.5\n", ": 2 columns for the grade; expected one"),
        ("qid,docid,rating\nq1,a,-1\n", ":2: grade -1; expected 0 or more"),
        ("qid,docid,rating\nq1,a,2.5\n", ":2: grade '2.5'; expected a whole number"),
        ("qid,docid,rating\nq1,a,good\n", ":2: grade 'good'; expected a whole number"),
        (
            "query,docid,rating\nвход, код,a,1\n",
            ":2: 4 cells in 3 columns; expected as many; quote a cell that has a comma",
        ),
        ("query,docid,rating\n,a,1\n", ":2: a grade without query"),
        ("query,docid,rating\nвход,,1\n", ":2: a grade without document"),
        # An open quote would swallow the rows after it.
        (
            'query,docid,rating\nкод,a,1\n"вход\nв чат,a,1\nкод,b,1\n',
            ":3: unexpected end of data; expected quotes in pairs",
        ),
        ('query,docid,rating\n"вход\nв чат",a,1\n"вход" в чат,b,1\n', ":4: ',' expected after '\"'"),
        ("query,docid,rating\n", ": no judgments in it"),
        ("", ": is empty or no readable text"),
        ("qid,docid,rating\nq1,\x00\x01\x02\x03,1\n", ": is empty or no readable text"),
        (
            "qid,query,docid,rating\nq1,вход,a,1\nq1,выход,b,1\n",
            ":3: query q1 is 'выход', elsewhere 'вход'; expected one",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_nothing_is_written(tmp_path: Path, text: str, message: str):
    source = write(tmp_path, text)
    with pytest.raises(JudgmentError) as raised:
        import_judgments(source, tmp_path / "new", "tuning")
    assert str(raised.value).startswith(f"{source}{message}")
    assert not (tmp_path / "new").exists()


def test_missing_source_is_named(tmp_path: Path):
    with pytest.raises(JudgmentError, match="source: cannot be read"):
        import_judgments(tmp_path / "source", tmp_path / "new", "tuning")


@pytest.mark.parametrize(
    "text",
    [
        lines_of({"_id": "q1", "text": "вход"}, {"_id": "q2", "text": "код, пароль"}),
        "q1\tвход\n\nq2\tкод, пароль\n",
        'q1,вход\nq2,"код, пароль"\n',
        "q1;вход\r\nq2;код, пароль\r\n",
        'text,query_id\nвход,q1\n"код, пароль",q2\n',
        "_id\ttext\nq1\tвход\nq2\tкод, пароль\n",
        "topic;query;qid\nсвязь;вход;q1\n;код, пароль;q2\n",
    ],
)
def test_file_of_queries_may_be_jsonl_or_a_table(tmp_path: Path, text: str):
    path = write(tmp_path, text, encoding="utf-8-sig")
    assert read_queries(path) == {"q1": Query("q1", "вход"), "q2": Query("q2", "код, пароль")}


def test_file_of_queries_keeps_what_it_knows_of_them(tmp_path: Path):
    known = {"kind": "question", "answerable": False}
    records = ({"_id": "q1", "text": "вход", **known}, {"_id": "q2", "text": "вход", "metadata": known})
    found = read_queries(write(tmp_path, lines_of(*records)))
    assert list(found.values()) == [Query(name, "вход", "question", "", False) for name in ("q1", "q2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1\n", ":1: .* expected a query's id and its text"),
        ("q1,вход, пароль\n", ":1: 3 cells in 2 columns"),
        ("q1\tвход\nq1\tвыход\n", ":2: query q1 has another text before"),
        ("qid,topic\nq1,вход\n", ": columns qid, topic; expected query_id and query"),
        ('{"_id": "q1"}\n', r":1: KeyError\('text'\)"),
        ('{"_id": "q1", "text": null}\n', ":1: .* expected"),
    ],
)
def test_file_of_queries_that_is_none_is_named(tmp_path: Path, text: str, message: str):
    with pytest.raises(JudgmentError, match=f"source{message}"):
        read_queries(write(tmp_path, text))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a split, two judged queries and one that has no answer; its last line is not ended."""
    folder = tmp_path / "own"
    records = (
        {"_id": "q1", "text": "вход", "kind": "keywords", "about": "sign-in"},
        {"_id": "q2", "text": "код"},
        {"_id": "q3", "text": "погода", "answerable": False, "split": "old"},
    )
    write(folder, lines_of(*records).rstrip("\n"), "queries.jsonl")
    write(folder, "query-id\tcorpus-id\tscore\nq1\ta\t1\nq2\tb\t1\n", "qrels/old.tsv")
    return folder


def test_new_judgments_join_what_is_there(folder: Path, tmp_path: Path):
    # The text of q1 is known, so its id is; only the other query is new. Lines that were there stay as they were.
    before, there = (folder / "queries.jsonl").read_bytes(), read_judged(folder, "old")
    source = write(tmp_path, "query,docid,rating\nвход,c,2\nвыход,d,1\n")
    assert import_judgments(source, folder, "new").added == 1
    assert (folder / "queries.jsonl").read_bytes().startswith(before + b"\n")
    assert read_judged(folder, "old") == there
    judged = read_judged(folder, "new")
    assert judged.qrels == {"q1": {"c": 2}, id_of("выход"): {"d": 1}}
    assert judged.queries == (Query("q1", "вход", "keywords"), Query(id_of("выход"), "выход"))
    assert sorted(path.name for path in folder.rglob("*.*")) == ["new.tsv", "old.tsv", "queries.jsonl"]


def test_column_of_queries_may_hold_known_ids(folder: Path, tmp_path: Path):
    source = write(tmp_path, "query,docid,rating\nq1,c,2\nq2,d,1\n")
    assert import_judgments(source, folder, "new").added == 0
    assert read_judged(folder, "new").qrels == {"q1": {"c": 2}, "q2": {"d": 1}}
    # Then it holds no texts, which would make «q9» a query of its own.
    with pytest.raises(JudgmentError, match=r"query q9 \(1 in all\) has no text"):
        import_judgments(write(tmp_path, "query,docid,rating\nq1,c,2\nq9,d,1\n"), folder, "newer")


def test_text_of_two_known_queries_is_refused(folder: Path, tmp_path: Path):
    queries = write(tmp_path, "q7\tвход\n", "queries.tsv")
    with pytest.raises(JudgmentError, match="source:2: the text of queries q1 and q7; expected that of one"):
        import_judgments(write(tmp_path, "query,docid,rating\nвход,c,2\n"), folder, "new", queries)


@pytest.mark.parametrize(
    ("source", "queries", "split", "message"),
    [
        ("q1 0 a 1\n", None, "old", r"old\.tsv: is there already; expected a new split"),
        ("q1 0 a 1\n", None, "../old", r"split '\.\./old' is no name of a file"),
        (
            "q1 0 a 1\nq8 0 a 1\nq9 0 a 1\n",
            None,
            "new",
            r"query q8 \(2 in all\) has no text in it, in .*queries\.jsonl;",
        ),
        ("q1 0 a 1\nq8 0 a 1\n", "q7\tа\n", "new", r"query q8 \(1 in all\) .*queries\.jsonl or in .*queries\.tsv;"),
        (
            "q1 0 a 1\n",
            "q1\tвыход\n",
            "new",
            r"queries\.jsonl: query q1 has text 'вход', now 'выход'; expected the same",
        ),
        ("qid,query,docid,rating\nq1,выход,a,1\n", None, "new", "query q1 has text 'вход', now 'выход'"),
        ("qid,query,docid,rating\nq7,а,a,1\n", "q7\tб\n", "new", r"source:2: query q7 is 'а', elsewhere 'б'"),
        ("query,docid,rating\nвыход,a,1\n", "q1\tвыход\n", "new", "query q1 has text 'вход', now 'выход'"),
        ("q1 0 a 1\n", '{"_id": "q1", "text": "вход", "kind": "error"}', "new", "has kind 'keywords', now 'error'"),
        ("q3 0 a 1\n", None, "new", "source: query q3 is judged, and known to have no answer"),
        ("q7 0 a 1\n", '{"_id": "q7", "text": "а", "answerable": false}', "new", "query q7 is judged, and known to"),
    ],
)
def test_contradiction_is_refused_and_nothing_is_written(
    folder: Path, tmp_path: Path, source: str, queries: str | None, split: str, message: str
):
    before = contents(folder)
    given_queries = write(tmp_path, queries, "queries.tsv") if queries else None
    with pytest.raises(JudgmentError, match=message):
        import_judgments(write(tmp_path, source), folder, split, given_queries)
    assert contents(folder) == before


@pytest.mark.parametrize("damage", ['{"_id"', '{"_id": "q1", "text": "вход"}'])
def test_damaged_queries_are_left_as_they_are(folder: Path, tmp_path: Path, damage: str):
    path = folder / "queries.jsonl"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + damage, encoding="utf-8")
    before = contents(folder)
    with pytest.raises(JudgmentError, match=r"queries\.jsonl"):
        import_judgments(write(tmp_path, "q1 0 a 1\n"), folder, "new")
    assert contents(folder) == before


def test_queries_that_are_not_judged_are_not_taken(tmp_path: Path):
    queries = write(tmp_path, "q1\tвход\nq2\tкод\n", "queries.tsv")
    found = import_judgments(write(tmp_path, "q2 0 a 1\n"), tmp_path / "new", "tuning", queries)
    assert (found.added, found.without_text) == (1, 0)
    assert "q1" not in (tmp_path / "new" / "queries.jsonl").read_text(encoding="utf-8")


def test_command_prints_what_came_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    source, out = write(tmp_path, "1 0 a 2\n1 0 b -2\n1 0 b -2\n"), tmp_path / "new"
    command = ["import-judgments", str(source), "--out", str(out), "--split"]
    assert cli.main([*command, "a"]) == 0
    assert capsys.readouterr().out == (
        f"{source}: TREC qrels\n"
        f"{out / 'qrels' / 'a.tsv'}: 2 judgments of 1 queries; grades 0: 1, 2: 1\n"
        "below 0, taken as 0 (judged, of no use): -2: 1\n"
        "rows that say the same again: 1\n"
        f"{out / 'queries.jsonl'}: 0 queries added\n"
        "1 queries have no text: put queries.jsonl beside qrels before you measure\n"
    )
    queries = write(tmp_path, "1\tвход\n", "queries.tsv")
    assert cli.main([*command, "b", "--queries", str(queries), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["qrels"] == str(out / "qrels" / "b.tsv")
    assert {name: printed[name] for name in ("form", "judgments", "added", "negative", "without_text")} == {
        "form": "TREC qrels",
        "judgments": 2,
        "added": 1,
        "negative": {"-2": 1},
        "without_text": 0,
    }
    write(tmp_path, "query,docid,rating\nвход\nвыход,a,1\n")
    assert cli.main([*command, "c"]) == 0
    assert "rows without a grade, left out: 1\n" in capsys.readouterr().out
    assert cli.main([*command, "c"]) == 1
    printed_again = capsys.readouterr()
    assert printed_again.out == ""
    assert printed_again.err.startswith(f"{out / 'qrels' / 'c.tsv'}: is there already")
