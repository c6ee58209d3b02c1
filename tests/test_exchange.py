"""Runs in TREC's form and BEIR folders: what is written is what other tools and we ourselves read."""

import csv
import json
import tempfile
from pathlib import Path

import ir_measures
import pytest
import pytrec_eval
from helpers import CORPUS, HashEncoder, build_index
from hypothesis import given, settings
from hypothesis import strategies as st

import evaluation.__main__ as cli
from evaluation import beir, experiment, runs, systems
from evaluation.exchange import read_run, trec_fields, write_run
from evaluation.judgments import JudgedSet, JudgmentError, Query, read_judged
from evaluation.runs import Run
from evaluation.writing import write_files
from indexer import artifact as artifacts
from indexer.articles import read_articles
from indexer.artifact import Artifact
from indexer.sections import Section, split_article
from server.search import Searcher

JUDGED = Path(__file__).parents[1] / "evaluation" / "judged"

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(
    lambda name: name.split() == [name] and name[0] != "\ufeff"
)
RANKINGS = st.dictionaries(IDS, st.lists(IDS, unique=True, max_size=12), max_size=4)


def run_file(folder: Path, *lines: str) -> Path:
    path = folder / "some.run"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_run_is_written_as_trec_has_it(tmp_path: Path):
    path = tmp_path / "new" / "a.run"
    assert write_run(Run("hybrid, surface words", {"q1": ["a#2", "a#1"], "q2": [], "q3": ["b"]}), path) == 3
    assert path.read_bytes() == (
        b"q1 Q0 a#2 1 2 hybrid,_surface_words\nq1 Q0 a#1 2 1 hybrid,_surface_words\nq3 Q0 b 1 1 hybrid,_surface_words\n"
    )
    assert [each.name for each in path.parent.iterdir()] == ["a.run"]


@settings(max_examples=50)
@given(RANKINGS)
def test_run_reads_back_with_the_same_rankings_here_and_elsewhere(rankings: dict[str, list[str]]):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.run"
        write_run(Run("a system", rankings), path)
        found = read_run(path)
        with path.open(encoding="utf-8", newline="\n") as file:
            elsewhere = pytrec_eval.parse_run(file)
    full = {query_id: ids for query_id, ids in rankings.items() if ids}
    assert found.rankings == full
    assert found.system == ("a_system" if full else "")
    assert {query_id: sorted(of, key=of.__getitem__, reverse=True) for query_id, of in elsewhere.items()} == full
    assert all(len(set(of.values())) == len(of) for of in elsewhere.values())


@pytest.mark.parametrize("name", ["a b", "a\tb", "a\n", "a\u00a0b", "a\u2028b", " a", "\ufeffa", ""])
def test_id_that_would_break_a_line_is_refused(tmp_path: Path, name: str):
    for rankings in ({name: ["a"]}, {"q": ["a", name]}):
        with pytest.raises(JudgmentError, match=r"a\.run: id '.*' is empty or has white space; .* rename it"):
            write_run(Run("lexical", rankings), tmp_path / "a.run")
    assert list(tmp_path.iterdir()) == []


def test_ranking_with_a_document_twice_is_not_written(tmp_path: Path):
    with pytest.raises(JudgmentError, match="query q has a document twice"):
        write_run(Run("lexical", {"q": ["a", "b", "a"]}), tmp_path / "a.run")


def test_run_is_replaced_by_force_alone(tmp_path: Path):
    path = run_file(tmp_path, "mine")
    with pytest.raises(JudgmentError, match=r"some\.run: is there already; expected a new file; .* --force"):
        write_run(Run("lexical", {"q": ["a"]}), path)
    assert path.read_text() == "mine\n"
    write_run(Run("lexical", {"q": ["a"]}), path, force=True)
    assert path.read_text() == "q Q0 a 1 1 lexical\n"


def test_files_are_written_all_or_none_and_leave_nothing_beside_them(tmp_path: Path):
    mine = run_file(tmp_path, "mine")
    with pytest.raises(UnicodeEncodeError):
        write_files({mine: "new", tmp_path / "b": "\ud800"})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine\n"]


def test_run_is_ordered_by_score_and_not_by_rank_or_line(tmp_path: Path):
    path = run_file(tmp_path, "q Q0 a 1 -3 t", "", "q\tQ0\tb\t2\t1e1\tt\r", "  p 0 x 1 0 t", "q Q0 c 3 9.5 t")
    assert read_run(path) == Run("t", {"q": ["b", "c", "a"], "p": ["x"]})


def test_ties_stand_as_trec_eval_has_them_the_last_of_the_alphabet_first(tmp_path: Path):
    # U+FFFF before U+1F600 in UTF-16, after it in UTF-8; 1e-12 is lost in single precision.
    ids = ["b", "\uffff", "я", "\U0001f600", "a"]
    scores = ["1", "1", "1.000000000001", "1", "1"]
    path = run_file(tmp_path, *(f"q Q0 {docid} 1 {score} t" for docid, score in zip(ids, scores, strict=True)))
    assert read_run(path).rankings == {"q": ["\U0001f600", "\uffff", "я", "b", "a"]}


def test_score_beyond_single_precision_is_infinite(tmp_path: Path):
    path = run_file(tmp_path, "q Q0 a 1 1e39 t", "q Q0 b 2 1e40 t", "q Q0 c 3 -inf t")
    assert read_run(path).rankings == {"q": ["b", "a", "c"]}


def test_no_break_space_is_part_of_an_id_and_a_byte_order_mark_is_not(tmp_path: Path):
    path = tmp_path / "some.run"
    path.write_text("q Q0 a\u00a0b 1 1 t\n", encoding="utf-8-sig")
    assert read_run(path).rankings == {"q": ["a\u00a0b"]}
    assert trec_fields("a\u2028b\fc\n") == ["a\u2028b", "c"]


def test_empty_file_is_a_run_that_found_nothing(tmp_path: Path):
    assert read_run(run_file(tmp_path)) == Run("", {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("q Q0 b 2 1", "5 fields; expected six, query-id Q0 docid rank score tag"),
        ("q Q0 b 2 1 hybrid, stems", "7 fields; expected six"),
        ("q Q0 b 2 high t", "score 'high'; expected a number"),
        ("q Q0 b 2 nan t", "score 'nan'; expected a number"),
        ("q Q0 a 2 1 t", "a again for query q; expected a document once a query"),
        ("q Q0 b 2 1 u", "tag u after t; expected one run a file"),
    ],
)
def test_malformed_line_is_named(tmp_path: Path, line: str, message: str):
    with pytest.raises(JudgmentError) as raised:
        read_run(run_file(tmp_path, "q Q0 a 1 2 t", "", line))
    assert str(raised.value).startswith(f"{tmp_path / 'some.run'}:3: {message}")


def test_run_in_another_encoding_or_nowhere_is_named(tmp_path: Path):
    (tmp_path / "some.run").write_bytes("q Q0 я 1 1 t".encode("cp1251"))
    for name in ("some.run", "none.run"):
        with pytest.raises(JudgmentError, match=rf"{name}: cannot be read .*; expected UTF-8 text"):
            read_run(tmp_path / name)


DOCUMENTS = ["a", "b", "c#1", "Я", "я", "\uffff", "\U0001f600", "d10", "d9", "d", "e", "f"]
# Few scores, some of them one in single precision: most rankings have ties.
SCORES = st.sampled_from([0.0, 1.0, 1.0 + 1e-9, -1.0, 2.5, 1e40, float(2**24), float(2**24 + 1)])


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["q1", "q2", "q3", "q4"]),
        st.dictionaries(st.sampled_from(DOCUMENTS), st.integers(0, 3), min_size=1),
        min_size=1,
    ),
    st.dictionaries(
        st.sampled_from(["q1", "q2", "q3", "q4", "unjudged"]), st.dictionaries(st.sampled_from(DOCUMENTS), SCORES)
    ),
)
def test_measures_of_a_run_from_a_file_are_those_of_trec_eval(
    qrels: dict[str, dict[str, int]], scores: dict[str, dict[str, float]]
):
    judged = JudgedSet("random", tuple(Query(query_id, "") for query_id in qrels), qrels)
    lines = [f"{query_id} Q0 {docid} 0 {score!r} t" for query_id, of in scores.items() for docid, score in of.items()]
    with tempfile.TemporaryDirectory() as folder:
        found = read_run(run_file(Path(folder), *lines))
        again = Path(folder) / "again.run"
        write_run(found, again)
        assert read_run(again).rankings == found.rankings
    names = {"nDCG@10": "ndcg_cut_10", "R@10": "recall_10", "hit@1": "success_1", "hit@3": "success_3"}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recall.10", "success.1,3", "recip_rank"})
    values = evaluator.evaluate(scores)
    expected = {
        ours: sum(of[theirs] for of in values.values()) / len(qrels) for ours, theirs in names.items()
    }  # what is not in `values` counts 0
    reciprocal = [of["recip_rank"] for of in values.values()]
    expected["RR@10"] = sum(value for value in reciprocal if value >= 1 / 10 - 1e-9) / len(qrels)
    measured = experiment.measure_system(found, judged).measures
    assert {name: measured[name] for name in expected} == pytest.approx(expected, abs=1e-6)


# BEIR folders.


@pytest.fixture(scope="module")
def sections() -> list[Section]:
    """Those of the test corpus."""
    return [section for article in read_articles(CORPUS).articles for section in split_article(article)]


TUNING = JudgedSet(
    "own, tuning",
    (
        Query("q1", "как сменить фото\nв профиле", "question", "profile"),
        Query("q2", 'айфон "молчит"', "complaint"),
        Query("q3", "погода", "keywords", "", answerable=False),
    ),
    {"q1": {"profile#photo": 2, "calls#bad-sound": 0}, "q2": {"notifications#missing-ios": 1}},
)
TEST = JudgedSet("own, test", (Query("q4", "звук пропадает"),), {"q4": {"calls#bad-sound": 2}})


def as_beir_loads(folder: Path, split: str) -> tuple[dict[str, object], dict[str, str], dict[str, dict[str, int]]]:
    """What GenericDataLoader(folder).load(split) of the package beir gives, after its source."""
    corpus, queries, qrels = {}, {}, {}
    with (folder / "corpus.jsonl").open(encoding="utf8") as file:
        for record in map(json.loads, file):
            corpus[record.get("_id")] = {"text": record.get("text"), "title": record.get("title")}
    with (folder / "queries.jsonl").open(encoding="utf8") as file:
        for record in map(json.loads, file):
            queries[record.get("_id")] = record.get("text")
    with (folder / "qrels" / f"{split}.tsv").open(encoding="utf8") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL)
        next(reader)
        for row in reader:
            qrels.setdefault(row[0], {})[row[1]] = int(row[2])
    return corpus, {query_id: queries[query_id] for query_id in qrels}, qrels


def test_exported_folder_loads_as_beir_loads_it(tmp_path: Path, sections: list[Section]):
    counts = beir.export_beir(sections, TUNING, "tuning", tmp_path)
    assert list(counts.values()) == [len(sections), 3, 3]
    assert [Path(name).is_file() for name in counts] == [True] * 3
    corpus, queries, qrels = as_beir_loads(tmp_path, "tuning")
    assert list(corpus) == [section.section_id for section in sections]
    (photo,) = (section for section in sections if section.section_id == "profile#photo")
    assert corpus["profile#photo"] == {"text": photo.text, "title": "Профиль и фото › Как сменить фото"}
    assert queries == {"q1": "как сменить фото\nв профиле", "q2": 'айфон "молчит"'}
    assert qrels == TUNING.qrels
    head = (tmp_path / "qrels" / "tuning.tsv").read_bytes().split(b"\n")[0]
    assert head == b"query-id\tcorpus-id\tscore"


def test_exported_queries_say_what_we_know_of_them(tmp_path: Path, sections: list[Section]):
    beir.export_beir(sections, TUNING, "tuning", tmp_path)
    lines = (tmp_path / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["metadata"] for line in lines] == [
        {"kind": "question", "topic": "profile", "answerable": True},
        {"kind": "complaint", "topic": "", "answerable": True},
        {"kind": "keywords", "topic": "", "answerable": False},
    ]
    document = json.loads((tmp_path / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert document["metadata"]["article_id"] == document["_id"].partition("#")[0]
    found = read_judged(tmp_path, "tuning")
    assert (found.queries, found.qrels) == (TUNING.queries, TUNING.qrels)


def test_second_split_joins_the_first(tmp_path: Path, sections: list[Section]):
    beir.export_beir(sections, TUNING, "tuning", tmp_path)
    before = (tmp_path / "queries.jsonl").read_bytes()
    beir.export_beir(sections, TEST, "test", tmp_path)
    assert (tmp_path / "queries.jsonl").read_bytes().startswith(before)
    assert read_judged(tmp_path, "tuning").queries == TUNING.queries
    assert read_judged(tmp_path, "test").queries == TEST.queries


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_replaced_without_force(tmp_path: Path, sections: list[Section]):
    beir.export_beir(sections, TUNING, "tuning", tmp_path)
    before = contents(tmp_path)
    other = JudgedSet("own, test", (Query("q1", "другое"),), {"q1": {"calls#bad-sound": 2}})
    for given_sections, judged, split, message in (
        (sections, TUNING, "tuning", r"tuning\.tsv: is there already"),
        (sections[::-1], TEST, "test", r"corpus\.jsonl: is there already"),
        (
            sections,
            other,
            "test",
            r"queries\.jsonl: query q1 has text 'как сменить .*', now 'другое'; expected the same",
        ),
    ):
        with pytest.raises(JudgmentError, match=message):
            beir.export_beir(given_sections, judged, split, tmp_path)
        assert contents(tmp_path) == before
    beir.export_beir(sections[::-1], other, "tuning", tmp_path, force=True)
    assert read_judged(tmp_path, "tuning").queries == (other.queries[0], TUNING.queries[2])
    corpus, _, qrels = as_beir_loads(tmp_path, "tuning")
    assert next(iter(corpus)) == sections[-1].section_id
    assert qrels == other.qrels
    assert "айфон" in (tmp_path / "queries.jsonl").read_text(encoding="utf-8")  # another's query stays


def test_judged_section_that_is_not_exported_is_named(tmp_path: Path, sections: list[Section]):
    judged = JudgedSet("own, tuning", (Query("q", "a"),), {"q": {"gone#top": 1}})
    with pytest.raises(JudgmentError, match="own, tuning: judged gone#top is no section of the corpus"):
        beir.export_beir(sections, judged, "tuning", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("split", ["", ".", "a/b", "../b", "a b", "a\t"])
def test_split_is_a_name_in_the_folder(tmp_path: Path, split: str):
    with pytest.raises(JudgmentError, match="is no name of a file"):
        beir.qrels_path(tmp_path, split)


def test_ids_that_need_quotes_read_back_and_those_of_two_lines_are_refused(tmp_path: Path):
    qrels = {'"q"': {'a "b" c': 1, "d\te": 0}}
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "a.tsv").write_text(beir.qrels_table(qrels), encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": '"q"', "text": "a"}), encoding="utf-8")
    assert read_judged(tmp_path).qrels == qrels
    for name in ("a\nb", "a\u2028b", ""):
        with pytest.raises(JudgmentError, match="is empty or has a line break"):
            beir.qrels_table({"q": {name: 1}})


# Commands.


@pytest.fixture
def opened(artifact: Artifact, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch) -> Searcher:
    """The searcher over the test corpus, in place of any that a command opens."""
    searcher = Searcher(artifact, encoder)
    monkeypatch.setattr(systems, "open_searcher", lambda corpus, reporter: searcher)
    return searcher


@pytest.fixture
def exported(tmp_path: Path, sections: list[Section]) -> Path:
    """The judged queries of this module as a folder, its corpus left out."""
    folder = tmp_path / "own"
    beir.export_beir(sections, TUNING, "tuning", folder)
    (folder / "corpus.jsonl").unlink()
    return folder


@pytest.mark.parametrize("name", ["lexical", "hybrid", "hybrid, surface words"])
def test_exported_run_measures_as_the_system_does(
    exported: Path, opened: Searcher, name: str, capsys: pytest.CaptureFixture[str]
):
    out = exported / "a.run"
    assert cli.main(["export-run", name, "--data", str(exported), "--out", str(out)]) == 0
    judged = read_judged(exported)
    (system,) = systems.named(systems.all_local(opened, judged), [name])
    expected = runs.run(system, judged)
    found = read_run(out)
    assert found.rankings == {query_id: ids for query_id, ids in expected.rankings.items() if ids}
    assert found.system == name.replace(" ", "_")
    measured = [experiment.measure_system(each, judged).measures for each in (found, expected)]
    assert measured[0] == measured[1]
    lines = sum(map(len, expected.rankings.values()))
    assert capsys.readouterr().out == f"{out}: {lines} lines, 2 queries of own, tuning\n"
    scored = list(ir_measures.read_trec_run(str(out)))
    assert [each.doc_id for each in scored if each.query_id == "q1"] == found.rankings["q1"]


def test_export_run_refuses_an_unknown_system_and_a_file_that_is_there(
    exported: Path, opened: Searcher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    out = exported / "a.run"
    command = ["export-run", "lexical", "--data", str(exported), "--out", str(out)]
    assert cli.main([*command[:1], "magic", *command[2:]]) == 1
    assert "system 'magic' is unknown" in capsys.readouterr().err
    assert not out.exists()
    out.write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr(systems, "all_local", lambda *arguments: pytest.fail("searched before it looked"))
        assert cli.main(command) == 1
    assert "a.run: is there already" in capsys.readouterr().err
    assert cli.main([*command, "--force"]) == 0
    assert len(read_run(out).rankings) == 2


def test_our_own_test_split_is_not_searched_for_a_run(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    assert cli.main(["export-run", "lexical", "--split", "test", "--out", str(tmp_path / "a.run")]) == 1
    assert "is not for development" in capsys.readouterr().err


def test_export_beir_of_our_own_help_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    corpus = str(JUDGED.parents[1] / "corpus")
    for split in ("tuning", "test"):
        assert cli.main(["export-beir", "--split", split, "--corpus", corpus, "--out", str(tmp_path)]) == 0
        ours, found = read_judged(JUDGED, split), read_judged(tmp_path, split)
        assert (found.queries, found.qrels) == (ours.queries, ours.qrels)
        documents, queries, qrels = as_beir_loads(tmp_path, split)
        assert ours.judged_ids <= documents.keys()
        assert queries == {query.query_id: query.text for query in ours.answerable}
        assert qrels == ours.qrels
        assert f"{tmp_path / 'corpus.jsonl'}: {len(documents)}\n" in capsys.readouterr().out


def test_export_beir_replaces_what_is_there_by_force_alone(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("evaluation.commands.exchange.JUDGED", exported)
    command = ["export-beir", "--corpus", str(CORPUS), "--out", str(tmp_path / "a")]
    assert [cli.main(command), cli.main(command), cli.main([*command, "--force"])] == [0, 1, 0]
    assert "tuning.tsv: is there already" in capsys.readouterr().err


def test_export_beir_of_a_damaged_corpus_names_its_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "corpus.jsonl").write_text('{"_id": "1", "text": "a"}\n{\n', encoding="utf-8")
    assert cli.main(["export-beir", "--corpus", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert f"{tmp_path / 'corpus.jsonl'}:2: is no record" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_exported_folder_is_measured_by_run(
    tmp_path: Path,
    sections: list[Section],
    encoder: HashEncoder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    # Its documents are articles to us, with ids that have "#" in them.
    folder = tmp_path / "own"
    beir.export_beir(sections, TUNING, "tuning", folder)

    def open_searcher(corpus: Path, reporter: object) -> Searcher:
        assert corpus == folder
        build_index(corpus, tmp_path / "index", encoder=encoder)
        return Searcher(artifacts.load(tmp_path / "index"), encoder)

    monkeypatch.setattr(systems, "open_searcher", open_searcher)
    assert cli.main(["run", "--data", str(folder), "--system", "lexical", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    assert (found["set"], found["queries"]) == ("own, tuning", 2)
    assert found["systems"]["lexical"]["R@10"] > 0
