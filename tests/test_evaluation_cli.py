"""The commands of `python -m evaluation`: results on stdout, a message alone on stderr where something is wrong."""

import json
import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import HashEncoder, measured

import evaluation.__main__ as cli
from evaluation import perturb, runs, systems, tune
from evaluation.commands import compare as compare_command
from evaluation.commands import judge as judge_command
from evaluation.commands import opening
from evaluation.commands import run as run_command
from evaluation.commands import tune as tune_command
from evaluation.judgments import JudgedSet, digest, read_judged
from evaluation.measures import judged_at
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
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder as the one of our own queries."""
    for module in (opening, run_command, judge_command, tune_command):
        monkeypatch.setattr(module, "JUDGED", folder)
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


def expected_rows(
    searcher: Searcher, judged: JudgedSet, compared: list[systems.System] | None = None
) -> dict[str, dict[str, float]]:
    compared = compared or systems.local_systems(searcher, judged) + systems.ablations(searcher, judged)
    rows = {}
    for system in compared:
        found = runs.run(system, judged)
        share = judged_at(10, found.rankings, judged.qrels)
        rows[system.name] = measured(found, judged) | {"Judged@10": share, "p50, ms": 2.0}
    return rows


def test_run_prints_a_row_a_system_and_how_far_the_hybrid_is_ahead(
    folder: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["run", "--data", str(folder)]) == 0
    printed = capsys.readouterr()
    head, columns, *rows, ahead, end = printed.out.splitlines()
    assert end == ""
    assert head == "own, tuning: 3 queries"
    names = re.split(r"\s{2,}", columns.strip())
    assert names == ["nDCG@10", "RR@10", "R@10", "hit@1", "hit@3", "Judged@10", "p50, ms"]
    expected = expected_rows(searcher, read_judged(folder))
    assert [re.split(r"\s{2,}", row)[0] for row in rows] == list(expected)
    for row, values in zip(rows, expected.values(), strict=True):
        printed_values = map(float, re.split(r"\s{2,}", row)[1:])
        assert dict(zip(names, printed_values, strict=True)) == pytest.approx(values, abs=1e-4)
    lexical, semantic, hybrid = (values["nDCG@10"] for values in list(expected.values())[:3])
    assert ahead == f"hybrid over the better half, nDCG@10: {hybrid - max(lexical, semantic):+.4f}"
    assert "hybrid" in printed.err  # the bars


def test_run_gives_the_same_as_json(
    folder: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["run", "--data", str(folder), "--split", "tuning", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["sets"]
    expected = expected_rows(searcher, read_judged(folder))
    lexical, semantic, hybrid = (values["nDCG@10"] for values in list(expected.values())[:3])
    assert {name: pytest.approx(values) for name, values in report.pop("systems").items()} == expected
    ahead = report.pop("hybrid_ahead")
    assert ahead == pytest.approx(hybrid - max(lexical, semantic))
    assert report == {"set": "own, tuning", "queries": 3, "answerability": {}}


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
    assert json.loads(capsys.readouterr().out)["sets"][0]["systems"]["hybrid"]["hit@1"] == 1.0


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
    judged = read_judged(folder)
    expected = expected_rows(searcher, judged, systems.local_systems(searcher, judged))
    found = json.loads(capsys.readouterr().out)["sets"][0]["systems"]
    assert {name: pytest.approx(values) for name, values in found.items()} == expected
    assert opened == []


def test_server_that_does_not_answer_exits_1_and_is_not_scored_0(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def refuse(*arguments: object) -> None:
        raise SystemFailure("http://127.0.0.1:1: no answer")

    monkeypatch.setattr(systems, "_post", refuse)
    assert cli.main(["run", "--data", str(folder), "--url", "http://127.0.0.1:1"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "http://127.0.0.1:1: no answer"


@pytest.fixture
def tuned(own: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Runs `tune` over the judged queries of `folder` on a grid of few settings; gives the settings file."""
    for name in ("_PATHS", "_KEYWORDS", "_ERRORS"):
        monkeypatch.setattr(tune, name, (1.0,))
    monkeypatch.setattr(tune, "_HEADINGS", (0.25, 2.0))
    monkeypatch.setattr(tune, "_WEIGHTS", (0.25, 0.5, 0.75))
    monkeypatch.setattr(tune, "_LEADS", (0.5,))
    monkeypatch.setattr(tune, "_ADMINS", (0.75,))
    monkeypatch.setattr(tune, "_SYNONYMS", (1.0,))
    monkeypatch.setattr(tune, "_ASKED_BY_ADMINS", (1.0,))
    monkeypatch.setattr(tune, "_OTHER_PLATFORMS", (1.0,))
    monkeypatch.setattr(tune_command, "RANKING_FILE", own / "ranking.toml")

    def run(*arguments: str) -> Path:
        assert cli.main(["tune", *arguments]) == 0
        return own / "ranking.toml"

    return run


def test_tune_prints_the_best_settings_and_changes_nothing(
    tuned: Callable[..., Path], opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    assert not tuned("--corpus", "elsewhere").exists()
    assert opened == [Path("elsewhere")]
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("own, tuning with copies: 6 queries, 24 settings;")  # 2 headings, each 4 normalisations of 3
    smoothed = [float(row.split()[1]) for row in rows[:10]]
    assert smoothed == sorted(smoothed, reverse=True)
    assert all(any(name in row for row in rows) for name in tune._NORMALISATIONS)  # the best of each, at least


def test_tune_writes_its_first_choice_where_it_is_told_to(
    tuned: Callable[..., Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    path = tuned("--write")
    rows = capsys.readouterr().out.splitlines()
    assert rows[-1] == f"wrote {path}"
    chosen = read_ranking(path)
    factors = "lead 0.5, admin 0.75, asked 1.0, other platforms 1.0, questions 0.0 and 0.0,"
    assert f"{chosen.normalisation}, semantic {chosen.semantic_weight}, {factors}" in rows[1]
    assert f"odds {chosen.relevance_power}, synonyms 1.0;" in rows[1]
    assert (chosen.lead_factor, chosen.admin_factor) == (0.5, 0.75)
    assert f"heading {chosen.fields['heading']}" in rows[1]
    assert searcher.artifact.manifest.inputs.corpus_digest[:12] in path.read_text(encoding="utf-8")


def test_perturbed_copies_are_measured_on_the_same_judgments(
    folder: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["run", "--data", str(folder), "--perturb", "capitals", "--perturb", "layout", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["sets"]
    assert [each["set"] for each in found] == ["own, tuning", "own, tuning, capitals", "own, tuning, layout"]
    plain, capitals, layout = (each["systems"]["lexical"]["nDCG@10"] for each in found)
    assert capitals == pytest.approx(plain)
    assert layout == pytest.approx(plain)  # read as it was meant
    assert [each["systems"]["hybrid"].get("nDCG@10 of clean") for each in found] == [None, *[pytest.approx(1.0)] * 2]


def test_without_options_everything_is_measured(
    own: Path,
    opened: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", "--json"]) == 0
    printed = capsys.readouterr()
    changeable = [kind for kind in perturb.KINDS if perturb.perturb(read_judged(own).answerable, kind)]
    assert set(perturb.KINDS) - set(changeable) == {"no-yo", "error-noise"}  # no ё in these queries, no error
    copies = [f"own, tuning, {kind}" for kind in changeable]
    assert [each["set"] for each in json.loads(printed.out)["sets"]] == ["own, tuning", *copies]
    assert "rus-XQuAD is left out: build/xquad-ru is not there; take xquad.ru.json" in printed.err
    for name in ("sentences", "passages"):
        folder = Path("build/xquad-ru") / name
        (folder / "qrels").mkdir(parents=True)
        (folder / "queries.jsonl").write_text('{"_id": "1", "text": "как сменить фото"}\n', encoding="utf-8")
        (folder / "qrels" / "test.tsv").write_text("1\tprofile\t1\n", encoding="utf-8")
        (folder / "corpus.jsonl").write_text("", encoding="utf-8")
    opened.clear()
    assert cli.main(["run", "--json"]) == 0
    names = [each["set"] for each in json.loads(capsys.readouterr().out)["sets"]]
    assert names == ["own, tuning", *copies, "sentences, test", "passages, test"]
    # An index is opened once, however many sets are about it.
    assert opened == [Path("corpus"), Path("build/xquad-ru/sentences"), Path("build/xquad-ru/passages")]


def test_run_of_one_system_leaves_out_the_others(folder: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]):
    run = ["run", "--data", str(folder), "--json", "--system"]
    assert cli.main([*run, "lexical"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    assert list(found["systems"]) == ["lexical"]
    assert found["hybrid_ahead"] is None
    assert cli.main([*run, "magic"]) == 1
    assert "system 'magic' is unknown; expected one of lexical, semantic, hybrid" in capsys.readouterr().err


def test_queries_without_an_answer_are_told_from_the_others_by_relevance(
    folder: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    none = {"_id": "n1", "text": "!!!", "answerable": False, "split": "tuning"}
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(none) + "\n")
    assert cli.main(["run", "--data", str(folder), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    confidences = [searcher.search(text, limit=1).relevance for text in QUERIES.values()]
    decided = found["answerability"]
    assert decided.pop("ECE") == pytest.approx(sum(1 - each for each in confidences) / 4)  # 0 for «!!!» is right
    assert decided == {"AUROC": 1.0, "balanced accuracy": 1.0, "false refusals": 0, "false answers": 0}
    assert cli.main(["run", "--data", str(folder)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("answerable from not"))
    assert line.startswith("answerable from not, 3 and 1 queries: AUROC 1.0000, balanced accuracy 1.0000, ")


@pytest.fixture
def both_splits(own: Path) -> Path:
    """Our own queries, with a test split of one query."""
    (own / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq2\tprofile#photo\t1\n", encoding="utf-8")
    return own


def test_test_split_is_measured_with_final_alone_and_logged(
    both_splits: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    run = ["run", "--data", str(both_splits), "--split", "test", "--json"]
    for unlogged in (run, ["compare", "lexical", "hybrid", *run[1:]]):
        assert cli.main(unlogged) == 1
        assert "is not for development; expected --split tuning" in capsys.readouterr().err
    assert cli.main([*run, "--final", "--url", "http://127.0.0.1:1"]) == 1
    assert "expected no --report or --final with it" in capsys.readouterr().err
    assert not (both_splits / "final.jsonl").exists()
    for lines in (1, 2):
        assert cli.main([*run, "--final"]) == 0
        logged = (both_splits / "final.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(logged) == lines
    entry = json.loads(logged[-1])
    assert entry["set"] == "own, test"
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    reached = printed["sets"][0]["systems"]["hybrid"]["RR@10"]
    assert entry["systems"]["hybrid"]["RR@10"] == pytest.approx(reached, abs=1e-4)
    assert entry["set_digest"] == digest(read_judged(both_splits, "test"))
    assert entry["settings"]["ranking"]["fields"] == dict(read_ranking().fields)
    assert cli.main([*run, "--final", "--perturb", "capitals"]) == 0
    logged = (both_splits / "final.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["set"] for line in logged[2:]] == ["own, test", "own, test, capitals"]


def test_final_run_measures_the_steps_of_answers_and_logs_them(
    both_splits: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    (both_splits / "nuggets").mkdir(exist_ok=True)
    step = searcher.sections["profile#photo"].steps[0].text
    table = f"query-id\tcorpus-id\tvital|okay\tstep\nq2\tprofile#photo\tvital\t{step}\n"
    (both_splits / "nuggets" / "test.tsv").write_text(table, encoding="utf-8")
    assert cli.main(["run", "--data", str(both_splits), "--split", "test", "--final"]) == 0
    (line,) = (both_splits / "final.jsonl").read_text(encoding="utf-8").splitlines()
    steps = json.loads(line)["steps"]
    assert (steps["queries"], steps["citations"], steps["wrong_platform"]) == (1, 1.0, 0)
    assert f"  recall          {steps['recall']:.4g}" in capsys.readouterr().out


def test_report_is_written_beside_earlier_ones(folder: Path, opened: list[Path], tmp_path: Path):
    for number in (1, 2):
        assert cli.main(["run", "--data", str(folder), "--report", str(tmp_path / "reports")]) == 0
        assert len(list((tmp_path / "reports").glob("*.html"))) == number
    assert "own, tuning" in next((tmp_path / "reports").glob("*.html")).read_text(encoding="utf-8")


def test_compare_tells_who_wins_and_shows_the_worst_flips(
    folder: Path, opened: list[Path], searcher: Searcher, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["compare", "hybrid", "lexical", "--data", str(folder), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["sets"]
    rows = expected_rows(searcher, read_judged(folder))
    difference = rows["lexical"]["nDCG@10"] - rows["hybrid"]["nDCG@10"]
    assert found["comparison"]["difference"] == pytest.approx(difference)
    changed = found["comparison"]["wins"] + found["comparison"]["losses"]
    assert len(found["flips"]) == changed
    assert cli.main(["compare", "hybrid", "lexical", "--data", str(folder)]) == 0
    assert "lexical wins" in capsys.readouterr().out


def test_compare_on_perturbed_copies_and_on_queries_without_an_answer(
    folder: Path,
    opened: list[Path],
    searcher: Searcher,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(compare_command, "published", lambda corpus, adapted: searcher)
    with (folder / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"_id": "n1", "text": "!!!", "answerable": false, "split": "tuning"}\n')
    run = ["compare", "hybrid, model as published", "hybrid", "--data", str(folder), "--perturb", "capitals"]
    assert cli.main([*run, "--json"]) == 0
    clean, capitals = json.loads(capsys.readouterr().out)["sets"]
    assert (clean["set"], capitals["set"]) == ("own, tuning", "own, tuning, capitals")
    assert clean["AUROC"]["auroc_b"] == 1.0
    assert clean["AUROC"]["difference"] == 0.0
    assert capitals["AUROC"] is None  # copies are made of the queries that have an answer
    assert cli.main(run) == 0
    assert "telling answerable queries from others, AUROC: 1.0000 and 1.0000, " in capsys.readouterr().out


def test_compare_on_the_test_split_is_logged(both_splits: Path, opened: list[Path]):
    compare = ["compare", "lexical", "hybrid", "--data", str(both_splits), "--split", "test", "--final"]
    assert cli.main(compare) == 0
    (line,) = (both_splits / "final.jsonl").read_text(encoding="utf-8").splitlines()
    logged = json.loads(line)
    assert list(logged["systems"]) == ["lexical", "hybrid"]
    assert logged["comparison"]["measure"] == "nDCG@10"
    assert set(logged["comparison"]["comparison"]) >= {"difference", "low", "high", "p"}


def test_compare_of_a_system_with_itself_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["compare", "hybrid", "hybrid", "--data", str(folder)]) == 1
    assert "hybrid twice; expected two systems" in capsys.readouterr().err


def test_compare_of_an_unknown_system_names_those_there_are(
    folder: Path, opened: list[Path], capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["compare", "hybrid", "magic", "--data", str(folder)]) == 1
    assert "system 'magic' is unknown; expected one of lexical, semantic, hybrid" in capsys.readouterr().err


def test_judgments_are_exported_as_they_were_imported(
    both_splits: Path, opened: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (both_splits / "reasons.tsv").write_text("query-id\tcorpus-id\treason\n", encoding="utf-8")
    out = tmp_path / "out"
    assert cli.main(["judge", "--store", str(tmp_path / "new" / "j.sqlite"), "--export", str(out)]) == 0
    assert sorted((out / "tuning.tsv").read_text(encoding="utf-8").splitlines()) == sorted(QRELS.splitlines())
    assert "3 judgments" in capsys.readouterr().out


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
