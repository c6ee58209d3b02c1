"""The commands of `python -m evaluation`: results on stdout, a message alone on stderr where something is wrong."""

import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import HashEncoder

import evaluation.__main__ as cli
from evaluation import runs, systems, tune
from evaluation.judgments import JudgedSet, read_judged
from evaluation.systems import SystemFailure
from indexer.artifact import Artifact
from server.ranking import read_ranking
from server.search import Searcher

QUERIES = {
    "q1": "как сменить фото",
    "q2": "айфон молчит",
    "q3": "звук пропадает ночью",
}
QRELS = "query-id\tcorpus-id\tscore\nq1\tprofile#photo\t2\nq2\tnotifications#missing-ios\t2\nq3\tcalls#bad-sound\t1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Judged queries over the test corpus."""
    folder = tmp_path / "own"
    (folder / "qrels").mkdir(parents=True)
    lines = (json.dumps({"_id": name, "text": text}) + "\n" for name, text in QUERIES.items())
    (folder / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "qrels" / "tuning.tsv").write_text(QRELS, encoding="utf-8")
    return folder


@pytest.fixture
def searcher(artifact: Artifact, encoder: HashEncoder) -> Searcher:
    return Searcher(artifact, encoder)


@pytest.fixture
def opened(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders whose index was asked for; it is that of the test corpus each time."""
    folders: list[Path] = []

    def open_searcher(corpus: Path, reporter: object) -> Searcher:
        folders.append(corpus)
        return searcher

    monkeypatch.setattr(systems, "open_searcher", open_searcher)
    return folders


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query takes two milliseconds."""
    ticks = count()
    monkeypatch.setattr("evaluation.runs.time", SimpleNamespace(perf_counter=lambda: next(ticks) * 0.002))


def expected_rows(searcher: Searcher, judged: JudgedSet) -> dict[str, dict[str, float]]:
    compared = systems.local_systems(searcher, judged)
    two_milliseconds = {"p50, ms": pytest.approx(2.0)}
    return {system.name: runs.measure(runs.run(system, judged), judged) | two_milliseconds for system in compared}


def test_run_prints_a_row_a_system_and_how_far_the_hybrid_is_ahead(
    folder: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["run", "--data", str(folder)]) == 0
    printed = capsys.readouterr()
    head, columns, *rows, ahead = printed.out.splitlines()
    assert head == "own, tuning: 3 queries"
    assert re.split(r"\s{2,}", columns.strip()) == ["nDCG@10", "RR@10", "R@10", "hit@1", "hit@3", "p50, ms"]
    expected = expected_rows(searcher, read_judged(folder))
    assert [row.split() for row in rows] == [
        [name, *(f"{value:.4f}" for value in list(values.values())[:-1]), "2.0000"] for name, values in expected.items()
    ]
    lexical, semantic, hybrid = (values["nDCG@10"] for values in expected.values())
    assert ahead == f"hybrid over the better half, nDCG@10: {hybrid - max(lexical, semantic):+.4f}"
    assert "hybrid" in printed.err  # the bars


def test_run_gives_the_same_as_json(
    folder: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["run", "--data", str(folder), "--split", "tuning", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    expected = expected_rows(searcher, read_judged(folder))
    lexical, semantic, hybrid = (values["nDCG@10"] for values in expected.values())
    assert report == {
        "set": "own, tuning",
        "queries": 3,
        "systems": expected,
        "hybrid_ahead": pytest.approx(hybrid - max(lexical, semantic)),
    }


def test_run_searches_the_corpus_beside_the_queries_else_the_one_named_else_ours(folder: Path, opened: list[Path]):
    assert cli.main(["run", "--data", str(folder)]) == 0
    assert cli.main(["run", "--data", str(folder), "--corpus", "elsewhere"]) == 0
    (folder / "corpus.jsonl").write_text("", encoding="utf-8")
    assert cli.main(["run", "--data", str(folder)]) == 0
    assert cli.main(["run", "--data", str(folder), "--corpus", "elsewhere"]) == 0
    assert opened == [Path("corpus"), Path("elsewhere"), folder, Path("elsewhere")]


def test_run_on_whole_articles_compares_articles(folder: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]):
    (folder / "qrels" / "tuning.tsv").write_text("q1\tprofile\t1\n", encoding="utf-8")
    assert cli.main(["run", "--data", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["systems"]["hybrid"]["hit@1"] == 1.0


def test_judged_section_that_the_corpus_lacks_is_named(
    folder: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    (folder / "qrels" / "tuning.tsv").write_text(QRELS + "q3\tcalls#gone\t1\n", encoding="utf-8")
    assert cli.main(["run", "--data", str(folder), "--corpus", "elsewhere"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("own, tuning: judged calls#gone is not in elsewhere; expected")


def test_missing_folder_exits_1_with_the_message_alone(
    tmp_path: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["run", "--data", str(tmp_path / "nowhere")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"{tmp_path / 'nowhere' / 'qrels'}: has none; expected qrels/<split>.tsv; name a split with --split\n"
    )
    assert opened == []


def test_server_is_measured_in_place_of_an_index(
    folder: Path,
    opened: list[Path],
    searcher: Searcher,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(systems, "served_systems", lambda url, judged: systems.local_systems(searcher, judged))
    assert cli.main(["run", "--data", str(folder), "--url", "http://127.0.0.1:1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["systems"] == expected_rows(searcher, read_judged(folder))
    assert opened == []


def test_server_that_does_not_answer_exits_1_and_is_not_scored_0(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refuse(*arguments: object) -> None:
        raise SystemFailure("http://127.0.0.1:1: no answer")

    monkeypatch.setattr(systems, "_post_for_hits", refuse)
    assert cli.main(["run", "--data", str(folder), "--url", "http://127.0.0.1:1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "http://127.0.0.1:1: no answer"


@pytest.fixture
def tuned(folder: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Runs `tune` over the judged queries of `folder` on a grid of few settings; gives the settings file."""
    for name in ("_PATHS", "_KEYWORDS", "_ERRORS"):
        monkeypatch.setattr(tune, name, (1.0,))
    monkeypatch.setattr(tune, "_HEADINGS", (0.25, 2.0))
    monkeypatch.setattr(tune, "_WEIGHTS", (0.25, 0.5, 0.75))
    monkeypatch.setattr(tune, "_LEADS", (0.5,))
    monkeypatch.setattr(tune, "_ADMINS", (0.75,))
    monkeypatch.setattr(cli, "JUDGED", folder)
    monkeypatch.setattr(cli, "RANKING_FILE", folder / "ranking.toml")

    def run(*arguments: str) -> Path:
        assert cli.main(["tune", *arguments]) == 0
        return folder / "ranking.toml"

    return run


def test_tune_prints_the_best_settings_and_changes_nothing(
    tuned: Callable[..., Path], opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    assert not tuned("--corpus", "elsewhere").exists()
    assert opened == [Path("elsewhere")]
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("own, tuning: 3 queries, 20 settings;")  # 2 headings, each 3 normalisations of 3, and RRF
    smoothed = [float(row.split()[1]) for row in rows[:10]]
    assert smoothed == sorted(smoothed, reverse=True)
    assert "reciprocal_rank" in rows[10]


def test_tune_writes_its_first_choice_where_it_is_told_to(
    tuned: Callable[..., Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    path = tuned("--write")
    rows = capsys.readouterr().out.splitlines()
    assert rows[-1] == f"wrote {path}"
    chosen = read_ranking(path)
    assert f"{chosen.normalisation}, semantic {chosen.semantic_weight}, lead 0.5, admin 0.75;" in rows[1]
    assert (chosen.lead_factor, chosen.admin_factor) == (0.5, 0.75)
    assert f"heading {chosen.fields['heading']}" in rows[1]
    assert searcher.artifact.manifest.inputs.corpus_digest[:12] in path.read_text(encoding="utf-8")


def test_convert_xquad_writes_both_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    qas = [{"id": "1", "question": "Кто не спит?", "answers": [{"answer_start": 12, "text": "Мышь"}]}]
    source = tmp_path / "xquad.ru.json"
    paragraphs = [{"context": "Кошка спит. Мышь не спит.", "qas": qas}]
    source.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    out = tmp_path / "out"
    assert cli.main(["convert-xquad", str(source), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out / 'passages'}: 1 documents\n{out / 'sentences'}: 2 documents\n"
    assert read_judged(out / "sentences").qrels == {"1": {"00-0-1": 1}}


def test_convert_xquad_of_another_file_exits_1_with_the_message_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "other.json").write_text("[]", encoding="utf-8")
    assert cli.main(["convert-xquad", str(tmp_path / "other.json"), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"{tmp_path / 'other.json'}: TypeError")
    assert printed.err.count("\n") == 1


def test_wrong_usage_exits_2(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as exit_of:
        cli.main([])
    assert exit_of.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
