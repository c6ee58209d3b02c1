"""The gate: an index against a stored baseline."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import HashEncoder, build_index

import evaluation.__main__ as cli
from evaluation import gate
from evaluation.commands import gate as command
from evaluation.gate import Baseline, Check, Kept
from evaluation.judgments import JudgedSet, JudgmentError, Query
from indexer import artifact, generations

JUDGED = JudgedSet("own", (Query("q1", "первый"), Query("q2", "второй")), {"q1": {"a#1": 2}, "q2": {"b#1": 1}})
BEFORE = Baseline(
    commit="c",
    corpus_digest="d",
    model_fingerprint="f",
    set_digest="s",
    measures={"nDCG@10": 0.75, "hit@3": 0.5},
    queries={"q1": Kept(1.0, ("a#1", "b#1")), "q2": Kept(0.5, ("c#1", "b#1"))},
)


def test_measure_may_fall_by_its_margin_and_no_further():
    margin = gate.MARGINS["nDCG@10"]
    assert Check("nDCG@10", 0.7, 0.7 - margin + 1e-9, margin).holds
    assert not Check("nDCG@10", 0.7, 0.7 - margin - 1e-9, margin).holds


def test_one_measure_that_fell_fails_the_whole():
    now = replace(BEFORE, measures={"nDCG@10": 0.9, "hit@3": 0.4})
    found = gate.verdict(BEFORE, now, JUDGED)
    assert [check.holds for check in found.checks] == [True, False]
    assert not found.passed
    assert "hit@3         0.5000    0.4000    0.0200  REGRESSION" in gate.as_text(found)
    assert gate.as_text(found).endswith("FAILED")


def test_the_same_again_passes_without_flips():
    found = gate.verdict(BEFORE, BEFORE, JUDGED)
    assert found.passed
    assert found.flips == ()
    assert "0 queries better, 0 worse" in gate.as_text(found)


def test_flips_show_both_lists_greatest_loss_first():
    now = replace(BEFORE, queries={"q1": Kept(0.4, ("b#1",)), "q2": Kept(1.0, ())})
    found = gate.verdict(BEFORE, now, JUDGED)
    assert [flip.query_id for flip in found.flips] == ["q1", "q2"]
    text = gate.as_text(found)
    assert "q1  1.000 -> 0.400  первый\n  before  a#1, b#1\n  now     b#1\n" in text
    assert "q2" not in text  # that one became better
    assert "1 queries better, 1 worse" in text


def test_baseline_of_another_set_is_no_baseline():
    for now in (replace(BEFORE, set_digest="another"), replace(BEFORE, queries={"q1": BEFORE.queries["q1"]})):
        with pytest.raises(JudgmentError, match=r"queries or judgments changed since; .* gate --accept"):
            gate.verdict(BEFORE, now, JUDGED)


def test_baseline_is_read_as_it_was_written_a_line_a_query(tmp_path: Path):
    path = tmp_path / "baseline.json"
    gate.write_baseline(path, BEFORE)
    assert gate.read_baseline(path) == BEFORE
    lines = path.read_text(encoding="utf-8").splitlines()
    assert '  "q2": {"value": 0.5, "found": ["c#1", "b#1"]}' in lines


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 9}', '{"format": 1, "commit": 3}'])
def test_damaged_baseline_is_named_with_what_to_do(tmp_path: Path, text: str):
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(JudgmentError, match=r"baseline\.json: .*gate --accept"):
        gate.read_baseline(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Judged queries over the test corpus, one of them without an answer."""
    folder = tmp_path / "data"
    (folder / "qrels").mkdir(parents=True)
    queries = [
        {"_id": "q1", "text": "как сменить фото"},
        {"_id": "q2", "text": "айфон молчит"},
        {"_id": "n1", "text": "...", "answerable": False, "split": "tuning"},
    ]
    lines = "".join(json.dumps(query) + "\n" for query in queries)
    (folder / "queries.jsonl").write_text(lines, encoding="utf-8")
    qrels = "q1\tprofile#photo\t2\nq2\tnotifications#missing-ios\t2\n"
    (folder / "qrels" / "tuning.tsv").write_text(qrels, encoding="utf-8")
    return folder


@pytest.fixture
def arguments(
    data: Path, index_copy: Path, tmp_path: Path, encoder: HashEncoder, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    monkeypatch.setattr(command, "open_encoder", lambda loaded: encoder)
    return ["gate", "--index", str(index_copy), "--data", str(data), "--baseline", str(tmp_path / "baseline.json")]


def test_gate_passes_on_what_was_accepted_and_leaves_its_verdict_beside_the_generation(
    arguments: list[str], index_copy: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main(arguments) == 1
    assert "gate --accept" in capsys.readouterr().err
    assert cli.main([*arguments, "--accept"]) == 0
    printed = capsys.readouterr().out
    assert "nDCG@10" in printed
    assert "AUROC" in printed
    assert cli.main(arguments) == 0
    generation = artifact.current(index_copy)
    found = json.loads(generation.with_name(f"{generation.name}.gate.json").read_text(encoding="utf-8"))
    assert found["passed"] is True
    assert [check["measure"] for check in found["checks"]] == ["nDCG@10", "RR@10", "hit@3", "AUROC"]
    assert artifact.list_generations(index_copy) == [generation.name]  # the verdict is none


def test_generation_that_waits_is_gated_before_it_is_promoted(
    arguments: list[str], index_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert cli.main([*arguments, "--accept"]) == 0
    live = artifact.current(index_copy)
    waiting = f"2099-01-01T00-00-00-000000-{live.name[-8:]}"
    shutil.copytree(live, index_copy / "generations" / waiting)
    assert cli.main([*arguments, "--generation", waiting]) == 0
    assert (index_copy / "generations" / f"{waiting}.gate.json").is_file()
    assert generations.gate_verdict(index_copy, waiting) == "passed"  # what one package writes the other reads
    assert cli.main([*arguments, "--generation", "2000"]) == 1
    assert "no such generation" in capsys.readouterr().err


def test_gate_fails_on_a_regression_and_names_the_query(
    arguments: list[str], tmp_path: Path, index_copy: Path, capsys: pytest.CaptureFixture[str]
):
    assert cli.main([*arguments, "--accept"]) == 0
    path = tmp_path / "baseline.json"
    kept = gate.read_baseline(path)
    better = {name: min(1.0, value + 0.1) for name, value in kept.measures.items()} | {"nDCG@10": 1.2}
    queries = {name: replace(each, value=1.5) for name, each in kept.queries.items()}
    gate.write_baseline(path, replace(kept, measures=better, queries=queries))
    capsys.readouterr()
    assert cli.main([*arguments, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    assert {flip["query_id"] for flip in found["flips"]} == {"q1", "q2"}
    generation = artifact.current(index_copy)
    assert (
        json.loads(generation.with_name(f"{generation.name}.gate.json").read_text(encoding="utf-8"))["passed"] is False
    )


def test_verdict_goes_with_its_generation(arguments: list[str], index_copy: Path, corpus_folder: Path, tmp_path: Path):
    corpus = Path(shutil.copytree(corpus_folder, tmp_path / "corpus"))
    assert cli.main([*arguments, "--accept"]) == 0
    assert cli.main(arguments) == 0
    assert list((index_copy / "generations").glob("*.gate.json"))
    for _ in range(2):
        with (corpus / "articles" / "profile.md").open("a", encoding="utf-8") as file:
            file.write("\nЕщё строка.\n")
        build_index(corpus, index_copy)
    assert not list((index_copy / "generations").glob("*.gate.json"))


@pytest.mark.model
def test_our_own_help_answers_as_well_as_its_baseline(real_index: Path, capsys: pytest.CaptureFixture[str]):
    # The gate of CI. After a change that is meant: python -m evaluation gate --accept, and say why in the commit.
    code = cli.main(["gate", "--index", str(real_index)])
    printed = capsys.readouterr()
    assert code == 0, printed.out + printed.err
