"""Exported graphs in the user's cache: taken where they fit, made anew where they are damaged, never half written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import CORPUS, QuietReporter
from tiny_model import PROMPTS, save_tiny_model

from indexer import artifact, exporting, graphs
from indexer.build import build
from indexer.models import Model
from indexer.query_encoder import FOLDER, GRAPH

MODEL = Model("one", Path("/nowhere"), "1" * 64)
OTHER = Model("other", Path("/nowhere"), "2" * 64)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of the test alone."""
    folder = tmp_path / "cache" / "graphs"
    monkeypatch.setattr(graphs, "folder", lambda: folder)
    return folder


def silent(message: str) -> None:
    pytest.fail(message)


def test_graph_is_found_by_its_model_alone(cache: Path):
    assert graphs.content(MODEL, silent) is None
    graphs.keep(MODEL, b"graph")
    assert graphs.content(MODEL, silent) == b"graph"
    assert graphs.content(OTHER, silent) is None
    assert len(list(cache.iterdir())) == 1  # nothing is left beside it


@pytest.mark.parametrize("package", ["torch", "onnxruntime"])
def test_graph_of_another_release_is_not_taken(monkeypatch: pytest.MonkeyPatch, package: str):
    graphs.keep(MODEL, b"graph")
    version = graphs._version
    monkeypatch.setattr(graphs, "_version", lambda name: "0.0" if name == package else version(name))
    assert graphs.content(MODEL, silent) is None


def test_graph_of_other_code_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    graphs.keep(MODEL, b"graph")
    changed = tmp_path / "exporting.py"
    changed.write_bytes(Path(exporting.__file__).read_bytes() + b"\n# changed\n")
    monkeypatch.setattr(exporting, "__file__", str(changed))
    assert graphs.content(MODEL, silent) is None


@pytest.mark.parametrize("content", [b"", b"grap", b"graph\n", b"other"], ids=["empty", "cut", "longer", "other"])
def test_damaged_graph_is_not_taken_and_said_and_gone(cache: Path, content: bytes):
    graphs.keep(MODEL, b"graph")
    (path,) = cache.iterdir()
    path.write_bytes(content)
    said: list[str] = []
    assert graphs.content(MODEL, said.append) is None
    (message,) = said
    assert message.startswith(f"{path}: damaged, ") and message.endswith("and the graph is exported anew")
    assert not path.exists()
    graphs.keep(MODEL, b"graph")
    assert graphs.content(MODEL, silent) == b"graph"


def test_sound_graph_is_taken_beside_a_damaged_one(cache: Path):
    for graph in (b"one", b"two"):
        graphs.keep(MODEL, graph)
    first, second = sorted(cache.iterdir())
    first.write_bytes(b"damaged")
    said: list[str] = []
    assert graphs.content(MODEL, said.append) in (b"one", b"two")
    assert len(said) == 1
    assert list(cache.iterdir()) == [second]


def test_graphs_used_last_are_kept_where_there_is_room(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphs, "ROOM", 8 * len(b"graph"))
    told = [Model(f"{n}", Path("/nowhere"), f"{n:064}") for n in range(9)]
    for age, model in enumerate(told[:-1]):
        graphs.keep(model, b"graph")
        (path,) = cache.glob(f"{graphs._key(model)}.*")
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    assert graphs.content(told[0], silent) == b"graph"  # the oldest one is used
    graphs.keep(told[-1], b"graph")
    there = [model for model in told if graphs.content(model, silent)]
    assert there == [told[0], *told[2:]]


def test_graph_that_leaves_no_room_for_others_is_kept_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphs, "ROOM", 10)
    graphs.keep(OTHER, b"graph")
    graphs.keep(MODEL, b"a graph of more")
    assert graphs.content(MODEL, silent) == b"a graph of more"
    assert graphs.content(OTHER, silent) is None


def test_cache_that_cannot_be_written_stops_nothing(cache: Path):
    cache.parent.mkdir()
    cache.write_text("a file is in the way")
    graphs.keep(MODEL, b"graph")
    assert graphs.content(MODEL, silent) is None


WRITES_AND_READS = """
import sys
from pathlib import Path
from indexer import graphs
from indexer.models import Model
graphs.folder = lambda: Path(sys.argv[1])
graphs.ROOM = 1  # so that each removes what the other has written
own = Model("own", Path("/nowhere"), sys.argv[2] * 64)
both = Model("both", Path("/nowhere"), "0" * 64)
wrong = []
for turn in range(60):
    for model in (own, both):
        graphs.keep(model, model.name.encode() * 100_000)
        found = graphs.content(model, wrong.append)
        if found not in (None, model.name.encode() * 100_000):
            wrong.append("half a graph")
sys.exit("; ".join(wrong) or 0)
"""


def test_builds_at_the_same_time_never_find_half_a_graph(cache: Path):
    running = [
        subprocess.Popen([sys.executable, "-c", WRITES_AND_READS, str(cache), name], stderr=subprocess.PIPE, text=True)
        for name in "12"
    ]
    for process in running:
        _, told = process.communicate(timeout=60)
        assert (process.returncode, told) == (0, "")
    assert [path.suffix for path in cache.iterdir()] == [".onnx"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model."""
    return save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", PROMPTS)


@pytest.fixture
def exports(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where graphs were exported to so far."""
    found: list[Path] = []
    write = exporting.write_graph

    def counted(network: object, path: Path, **options: bool) -> None:
        found.append(path)
        write(network, path, **options)

    monkeypatch.setattr(exporting, "write_graph", counted)
    return found


def graph_of(model: Path, index: Path, reporter: QuietReporter) -> bytes:
    """The graph of a new index made with the model."""
    build(CORPUS, index, reporter=reporter, model_name=str(model))
    return (artifact.current(index) / FOLDER / GRAPH).read_bytes()


def test_second_build_takes_the_graph_and_another_model_or_a_damaged_one_is_exported(
    tiny: Path, cache: Path, tmp_path: Path, exports: list[Path]
):
    reporter = QuietReporter()
    first = graph_of(tiny, tmp_path / "first", reporter)
    assert len(exports) == 1
    assert graph_of(tiny, tmp_path / "second", reporter) == first
    assert len(exports) == 1

    other = save_tiny_model(tmp_path / "other", {"query": "вопрос: "})
    graph_of(other, tmp_path / "of_other", reporter)
    assert len(exports) == 2

    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    assert not [message for message in reporter.said if "damaged" in message]
    assert graph_of(tiny, tmp_path / "third", reporter) == first
    assert len(exports) == 3
    assert len([message for message in reporter.said if "damaged" in message]) == 1
    assert graph_of(tiny, tmp_path / "fourth", reporter) == first
    assert len(exports) == 3
