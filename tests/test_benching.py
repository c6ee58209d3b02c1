"""`bench` without an address: what it starts it stops, what it times takes turns, what it tells can be read."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker
from helpers import CORPUS, QuietReporter
from lxml import html
from tiny_model import PROMPTS, save_tiny_model

import evaluation.__main__ as cli
import server.__main__ as serving
from evaluation.benching import caller, empty, footprint, report, txtai_process, txtai_side
from evaluation.benching.findings import BARS, Findings, together
from evaluation.benching.latency import by_rounds, interleaved
from evaluation.benching.servers import our_server, started
from evaluation.benching.throughput import in_turn, ratio
from evaluation.systems import SystemFailure
from indexer.build import build

EMPTY = [sys.executable, "-m", "evaluation.benching.empty"]

ABOUT: dict[str, Any] = {
    "machine": "Abacus, 2 cores",
    "commit": "c0ffee",
    "created": "2026-11-22T20:15:00+00:00",
    "model": "m",
    "model_fingerprint": "f1",
    "encoder": "onnx, int8",
    "generation": "g",
    "sections": 3,
    "set": "own, tuning",
    "digest": "d2",
    "queries": 4,
    "seed": 1,
    "versions": {"torch": "2"},
    "settings": {"workers": 2},
}
FOUND = Findings(
    {"http_p50_over_onnx_fp32_encode_p50": 0.85, "unseen_per_second_over_txtai_api": None, "rss_mb": 400.0},
    {"HTTP search": (1.0, 2.0, 3.0), "ONNX fp32 encode": (4.0, 5.0, 6.0)},
    {"start until ready": {"seconds": [1.25, 2.5]}},
    ("no <txtai> here",),
)


# What is asked of the numbers.


def test_a_bar_says_whether_it_is_kept_and_how_much_of_it_was_used():
    at_most, at_least = replace(BARS[0], bar=4.0, at_most=True), replace(BARS[0], bar=4.0, at_most=False)
    assert [at_most.holds(number) for number in (2.0, 4.0, 8.0, None)] == [True, True, False, None]
    assert [at_least.holds(number) for number in (2.0, 4.0, 8.0, None)] == [False, True, True, None]
    assert (at_most.used(2.0), at_least.used(2.0)) == (0.5, 2.0)


def test_findings_of_several_parts_stand_together_and_say_a_thing_once():
    first = Findings({"a": 1.0}, {"x": (1.0,)}, {"n": 1}, ("why",))
    second = Findings({"b": None}, {"y": (2.0,)}, {"o": 2}, ("why", "how"))
    expected = Findings({"a": 1.0, "b": None}, {"x": (1.0,), "y": (2.0,)}, {"n": 1, "o": 2}, ("why", "how"))
    assert together([first, second]) == expected


# Turns.


def test_each_query_goes_every_way_before_the_next_and_they_take_turns_at_being_first():
    asked: list[tuple[str, str]] = []

    def way(name: str):
        return lambda query: (asked.append((query, name)), float(len(asked)))[1]

    found = interleaved({name: way(name) for name in "ab"}, ["1", "2", "3"])
    assert asked == [("1", "a"), ("1", "b"), ("2", "b"), ("2", "a"), ("3", "a"), ("3", "b")]
    assert found == {"a": (1.0, 4.0, 5.0), "b": (2.0, 3.0, 6.0)}


def test_of_three_ways_each_follows_each_other_equally_often():
    asked: list[str] = []
    interleaved({name: lambda _, name=name: (asked.append(name), 1.0)[1] for name in "abc"}, map(str, range(12)))
    orders = ["".join(asked[start : start + 3]) for start in range(0, 36, 3)]
    assert sorted(orders) == sorted(2 * ["abc", "acb", "bac", "bca", "cab", "cba"])


def test_each_way_answers_its_share_of_the_queries_before_the_next_does():
    asked: list[str] = []

    def way(name: str):
        return lambda query: (asked.append(query + name), float(len(asked)))[1]

    found = by_rounds({name: way(name) for name in "ab"}, map(str, range(5)), 2)
    assert asked == ["0a", "1a", "2a", "0b", "1b", "2b", "3a", "4a", "3b", "4b"]
    assert found == {"a": (1.0, 2.0, 3.0, 7.0, 8.0), "b": (4.0, 5.0, 6.0, 9.0, 10.0)}


def test_loads_go_round_by_round_and_their_ratio_is_the_median_of_the_rounds():
    rates = iter([10.0, 5.0, 8.0, 2.0, 9.0, 3.0])
    found = in_turn({"ours": lambda: next(rates), "theirs": lambda: next(rates)}, 3)
    assert found == {"ours": [10.0, 8.0, 9.0], "theirs": [5.0, 2.0, 3.0]}
    assert ratio(found["ours"], found["theirs"]) == 3.0  # of 2, 4 and 3


# Processes.


def test_a_started_server_answers_and_is_gone_with_its_workers_afterwards():
    with started([*EMPTY, "--workers", "2"], "/") as server:
        processes = footprint.tree(server.pid) if Path("/proc").is_dir() else [server.pid]
        assert server.seconds > 0
        asked = caller.repeat(f"{server.url}/", None, 2, 0.05)
        assert len(asked.milliseconds) >= 2
        assert asked.per_second == len(asked.milliseconds) / asked.seconds
        with pytest.raises(SystemFailure, match="404; expected 200"):
            caller.repeat(f"{server.url}/v1/search", b"{}", 1, 0.05)
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_a_server_that_ends_at_once_is_told_with_what_it_said():
    command = [sys.executable, "-c", "import sys; sys.exit('no such index')"]
    with (
        pytest.raises(SystemFailure, match=r"expected 200 from /readyz; it said:\nno such index"),
        started(command, "/readyz"),
    ):
        pass


def test_the_empty_route_runs_under_the_settings_of_our_server(built_index: Path, monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, Any] = {}

    class Server:
        def __init__(self, *arguments: Any) -> None:
            seen.update(next(each for each in arguments if isinstance(each, Mapping)))

        def run(self) -> None:
            pass

    monkeypatch.setattr(serving, "_Server", Server)
    monkeypatch.setattr(serving.logs, "configure", lambda kind: None)
    assert serving.main(our_server(built_index)[3:]) == 0
    assert issubclass(seen.pop("worker_class"), ThreadWorker)  # gunicorn's own, with bounds
    # What changes no request's time, and what each writes its line a request with.
    no_matter = {"bind", "workers", "preload_app", "post_worker_init", "child_exit", "proc_name", "logger_class"}
    of_log = {"accesslog", "access_log_format", "errorlog"}
    assert {name: value for name, value in seen.items() if name not in no_matter} == {
        name: value for name, value in empty.SETTINGS.items() if name not in {*of_log, "worker_class"}
    }


def test_a_process_tree_and_its_memory_are_read_as_linux_tells_them(tmp_path: Path):
    for pid, parent in {7: 1, 8: 7, 9: 8, 10: 1, 11: 7}.items():
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a) b) S {parent} 7 7", encoding="utf-8")
        (folder / "smaps_rollup").write_text("0-1 r\nRss: 2000 kB\nPss: 1000 kB\nPss_Dirty: 1 kB\n", encoding="utf-8")
    (tmp_path / "self").mkdir()
    (tmp_path / "12").mkdir()  # it ended while we looked
    assert footprint.tree(7, tmp_path) == [7, 8, 11, 9]
    assert footprint.megabytes(7, "Rss", tmp_path) == 2.048
    assert footprint.megabytes(7, "Pss", tmp_path) == 1.024


# txtai.


def test_a_python_without_txtai_has_no_version(tmp_path: Path):
    assert txtai_side.version(tmp_path / "python") is None


def test_txtai_is_asked_over_pipes_whatever_it_prints(tmp_path: Path):
    (tmp_path / "torch.py").write_text("def set_num_threads(number): print('threads', number)", encoding="utf-8")
    (tmp_path / "txtai.py").write_text(
        "from pathlib import Path\n"
        "class Embeddings:\n"
        "    def __init__(self, config=None): self.config = config; print('loading')\n"
        "    def index(self, texts): self.texts = list(texts)\n"
        "    def save(self, folder): Path(folder).write_text(f'{self.config} {self.texts}')\n"
        "    def load(self, folder): self.texts = [folder]\n"
        "    def search(self, query, limit): return self.texts[:limit] if query == 'звук' else []\n",
        encoding="utf-8",
    )
    told = {"model": "m", "instructions": {"query": "q: "}, "index": str(tmp_path / "made"), "threads": 3}
    for hits in (2, 1):  # made, then read
        process = subprocess.Popen(
            [sys.executable, str(txtai_process.__file__)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
        )
        with process:
            searching = txtai_side.Searching(process)
            assert searching.tell(told | {"texts": [["a", "x"], ["b", "y"]]}) == {"ready": True}
            assert searching.ask("фото") >= 0
            assert searching.tell("звук")["hits"] == hits
    made = (tmp_path / "made").read_text(encoding="utf-8")
    assert made == "{'path': 'm', 'instructions': {'query': 'q: '}, 'gpu': False} [('a', 'x'), ('b', 'y')]"


def test_a_txtai_that_ended_is_told():
    with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.wait()
        with pytest.raises(SystemFailure, match="leave it out with --no-txtai"):
            txtai_side.Searching(process).ask("фото")
        process.stdin = None  # what was to be sent is not sent at its close


def test_txtai_is_asked_for_as_many_hits_as_our_server_gives():
    asked = txtai_side.endpoint("http://127.0.0.1:1")
    assert asked.body("фото") == {"queries": ["фото"], "limit": 10}
    assert asked.took_ms([[{"id": "0-0", "score": 0.5}]]) != 0
    with pytest.raises((KeyError, IndexError, TypeError)):
        asked.took_ms({"detail": "no"})


# What is told.


def test_json_holds_every_bar_by_its_name():
    told = report.as_json(ABOUT, FOUND)
    assert told["rss_mb"] == 400.0
    assert told["unseen_per_second_over_txtai_api"] is told["p99_over_p50_8_clients"] is None
    assert told["bars"]["rss_mb"] == {"at_most": 350.0, "holds": False}
    assert told["bars"]["unseen_per_second_over_txtai_api"] == {"at_least": 2.5, "holds": None}
    assert told["milliseconds"]["HTTP search"]["p50"] == 2.0
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_text_shows_times_above_a_table_of_the_bars():
    lines = report.as_text(ABOUT, FOUND).splitlines()
    assert lines[0] == "machine: Abacus, 2 cores; commit: c0ffee"
    assert "start until ready: seconds 1.25, 2.5" in lines
    rows = {line.split()[0]: line.split()[1:] for line in lines if line.startswith(tuple(bar.name for bar in BARS))}
    assert rows["http_p50_over_onnx_fp32_encode_p50"] == ["0.85", "≤", "0.9", "yes"]
    assert rows["unseen_per_second_over_txtai_api"] == ["–", "≥", "2.5", "–"]
    assert rows["rss_mb"] == ["400", "≤", "350", "no"]
    assert lines[-1] == "no <txtai> here"


def test_the_page_has_the_bars_the_plots_and_where_they_come_from_and_needs_nothing_beside_it():
    page = report.render(ABOUT, FOUND)
    assert page == report.render(ABOUT, FOUND)
    tree = html.fromstring(page)
    text = " ".join(tree.text_content().split())
    assert "Abacus, 2 cores" in text and "no <txtai> here" in text
    assert len(tree.cssselect("figure svg")) == 2
    assert not re.search(r'(?:src|href)="(?!#)', page)


def test_a_page_of_nothing_measured_is_a_page():
    assert "No request was timed." in report.render(ABOUT, Findings({}))


# The command.


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An index of the test corpus by a model of random weights, and a set of queries."""
    folder = tmp_path_factory.mktemp("small")
    model = save_tiny_model(folder / "model", PROMPTS)
    build(CORPUS, folder / "index", reporter=QuietReporter(), model_name=str(model))
    data = folder / "own"
    (data / "qrels").mkdir(parents=True)
    texts = [f"{thing}{number} потом {number}" for number in range(20) for thing in ("звук", "фото", "чат")]
    lines = (json.dumps({"_id": f"q{place}", "text": text}) + "\n" for place, text in enumerate(texts))
    (data / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
    rows = "".join(f"q{place}\tprofile#photo\t1\n" for place in range(len(texts)))
    (data / "qrels" / "tuning.tsv").write_text(rows, encoding="utf-8")
    return folder / "index", data


def bench(small: tuple[Path, Path], *more: str) -> int:
    index, data = small
    options = ["--quick", "--no-txtai", "--workers", "1", "--index", str(index), "--data", str(data)]
    return cli.main(["bench", *options, *more])


def test_bench_measures_all_that_needs_no_txtai(
    small: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(footprint, "_LOAD", "import json")  # PyTorch takes long to import
    assert bench(small, "--json", "--out", str(tmp_path / "made")) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    beside_txtai = {"http_p50_over_txtai_search_p50", "unseen_per_second_over_txtai_api"}
    on_linux = {"rss_mb"} if Path("/proc/self/smaps_rollup").exists() else set()
    for name in {bar.name for bar in BARS} - beside_txtai - {"rss_mb", "further_worker_pss_mb"} | on_linux:
        assert found[name] > 0, name
    assert [found[name] for name in sorted(beside_txtai)] == [None, None]
    assert not on_linux or found["further_worker_pss_mb"] is not None
    assert found["encoder"] == "onnx, int8"
    assert found["seed"] == 20261122
    for name in ("HTTP search", "ONNX fp32 encode"):
        assert found["milliseconds"][name]["count"] == 8
    assert "потом" not in printed.out
    assert json.loads((tmp_path / "made" / "report.json").read_text(encoding="utf-8")) == found
    assert (tmp_path / "made" / "report.html").is_file()


def test_bench_measures_the_parts_that_are_named(
    small: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    found = {"ready": Findings({"ready_over_load_model": 0.25}), "memory": Findings({"rss_mb": 300.0})}
    for part, findings in found.items():
        monkeypatch.setitem(cli.bench._MEASURE, part, lambda setting, findings=findings: findings)
    assert bench(small, "--only", "memory", "ready") == 0
    printed = capsys.readouterr()
    assert printed.err == "Measuring: ready\nMeasuring: memory\n"
    rows = {line.split()[0]: line.split()[1] for line in printed.out.splitlines() if line.endswith("yes")}
    assert rows == {"ready_over_load_model": "0.25", "rss_mb": "300"}


def test_bench_says_how_to_install_txtai_where_it_is_missing(
    small: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(cli.bench._MEASURE, "latency", lambda setting: Findings({}))
    index, data = small
    options = ["--index", str(index), "--data", str(data), "--only", "latency", "--txtai-python", "/nowhere/python"]
    assert cli.main(["bench", *options]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("pip install 'spravka-search[bench]'")


def test_options_of_a_running_server_without_one_are_wrong_usage(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["bench", "--clients", "2"]) == 2
    assert "--clients goes with --url" in capsys.readouterr().err
