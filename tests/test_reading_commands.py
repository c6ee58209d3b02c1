"""`evaluation calibrate` and `evaluation ablate`, over the test corpus."""

import csv
import json
from pathlib import Path

import pytest
from helpers import HashEncoder

import evaluation.__main__ as cli
from evaluation import systems
from evaluation.commands import ablate as ablate_command
from evaluation.judgments import digest, read_judged
from evaluation.significance import holm
from indexer.artifact import Artifact
from indexer.calibration import read_calibration
from server.search import Searcher

FOREIGN = ("шиншилла", "енот", "барсук", "куница", "выхухоль", "росомаха", "горностай", "бурундук")


@pytest.fixture
def searcher(artifact: Artifact, encoder: HashEncoder) -> Searcher:
    return Searcher(artifact, encoder)


@pytest.fixture
def folder(tmp_path: Path, artifact: Artifact) -> Path:
    """Queries of which the first forty are headings of the test corpus, and thirty are about animals."""
    folder = tmp_path / "own"
    (folder / "qrels").mkdir(parents=True)
    asked = [section for section in artifact.sections if section.level > 1][:40]
    queries = [{"_id": f"a{n}", "text": section.headings[-1]} for n, section in enumerate(asked)]
    pairs = [f"{one} и {other}" for one in FOREIGN for other in FOREIGN if one != other][:30]
    queries += [{"_id": f"n{n}", "text": text, "answerable": False, "split": "tuning"} for n, text in enumerate(pairs)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
    with (folder / "qrels" / "tuning.tsv").open("w", encoding="utf-8", newline="") as file:
        rows = ((f"a{n}", section.section_id, 2) for n, section in enumerate(asked))
        csv.writer(file, delimiter="\t").writerows([("query-id", "corpus-id", "score"), *rows])
    return folder


@pytest.fixture(autouse=True)
def opened(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "open_searcher", lambda corpus, reporter: searcher)


def test_calibrate_writes_what_a_build_takes_and_says_how_good_it_is(
    folder: Path, searcher: Searcher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "relevance.json"
    assert cli.main(["calibrate", "--data", str(folder), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert f"wrote {out}: threshold " in printed
    found = read_calibration(tmp_path)
    assert found
    calibration, _ = found
    assert calibration.model_fingerprint == searcher.encoder.fingerprint
    assert calibration.fitted_on == {"own, tuning": digest(read_judged(folder))}
    assert calibration.figures["AUROC"] > 0.9
    assert f"{calibration.figures['AUROC']:g}" in printed


def test_calibrate_gives_the_same_as_json(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "relevance.json"
    assert cli.main(["calibrate", "--data", str(folder), "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    found = read_calibration(tmp_path)
    assert found
    assert said == {"file": str(out), "threshold": found[0].threshold, "figures": found[0].figures}


def test_calibrate_without_enough_queries_says_what_is_needed(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if '"answerable": false' not in line]
    (folder / "queries.jsonl").write_text("\n".join(kept), encoding="utf-8")
    assert cli.main(["calibrate", "--data", str(folder), "--out", str(tmp_path / "relevance.json")]) == 1
    assert "tuning: 0 queries without an answer; expected 20 or more" in capsys.readouterr().err
    assert not (tmp_path / "relevance.json").exists()


def test_ablate_tells_what_each_ability_is_worth(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(ablate_command, "JUDGED", folder)
    assert cli.main(["ablate", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["ability"] for row in rows} == {"layout", "translit", "typo", "synonym", "error"}
    on_layout = next(row for row in rows if row["set"] == "own, tuning, layout")
    assert on_layout["mean_b"] > on_layout["mean_a"] + 0.2
    on_clean = next(row for row in rows if row["ability"] == "layout" and row["set"] == "own, tuning")
    assert on_clean["mean_b"] == on_clean["mean_a"]
    assert [row["p_holm"] for row in rows] == pytest.approx(list(holm([row["p"] for row in rows])))


def test_ablate_prints_a_row_for_each_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(ablate_command, "JUDGED", folder)
    monkeypatch.setattr(ablate_command, "_COPIES", {"layout": ("layout",)})
    assert cli.main(["ablate"]) == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == ["layout", "layout"]
