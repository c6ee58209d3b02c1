"""Generations of an index: what goes live, what it is asked before, the way back, and one change at a time."""

import errno
import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers import CORPUS, TESTS, HashEncoder, build_index, write_corpus

from indexer import generations, probes
from indexer.__main__ import main
from indexer.artifact import Artifact, current, list_generations, load, read_manifest
from indexer.encoder import Vectors
from indexer.errors import ArtifactError
from indexer.lexical import LexicalIndex

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def hash_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets checks of an index use the encoder that it was made with."""
    monkeypatch.setattr("indexer.opening.open_encoder", lambda loaded: HashEncoder())


@pytest.fixture
def three(index_copy: Path) -> tuple[Path, list[str]]:
    """An index with the generation of the test corpus live, and two more that wait."""
    made = [current(index_copy).name]
    folder = index_copy / "generations"
    for number in (1, 2):
        name = f"2099-01-0{number}T00-00-00-000000-{made[0][-8:]}"
        subprocess.run(["cp", "-r", folder / made[0], folder / name], check=True)
        made.append(name)
    return index_copy, made


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def write_verdict(index: Path, generation: str, *, passed: bool, **other: str) -> None:
    inputs = read_manifest(index / "generations" / generation).inputs
    about = {"corpus_digest": inputs.corpus_digest, "model_fingerprint": inputs.model_fingerprint} | other
    checks = [{"measure": "nDCG@10", "baseline": 0.6, "now": 0.6, "margin": 0.01, "holds": True}]
    checks += [{"measure": "hit@3", "baseline": 0.6, "now": 0.5, "margin": 0.02, "holds": passed}]
    content = {"format": 1, "passed": passed, **about, "checks": checks, "flips": []}
    (index / "generations" / f"{generation}.gate.json").write_text(json.dumps(content), encoding="utf-8")


# The way there and back


def test_promoted_generation_is_current_and_rollback_leads_back_and_forth(three: tuple[Path, list[str]]):
    index, (first, second, third) = three
    assert run("promote", third, "--index", index) == 0
    assert (generations.live(index), generations.previous(index)) == (third, first)  # not the second: it never was live
    assert run("rollback", "--index", index) == 0
    assert (generations.live(index), generations.previous(index)) == (first, third)
    assert run("rollback", "--index", index) == 0
    assert (load(index).generation, generations.previous(index)) == (third, first)
    assert second in list_generations(index)


def test_rollback_without_a_generation_before_is_refused(index_copy: Path, capsys: pytest.CaptureFixture[str]):
    assert run("rollback", "--index", index_copy) == 1
    assert "no generation before the current one; expected one to go back to; see" in capsys.readouterr().err


def test_rollback_works_while_the_current_generation_is_damaged_or_gone(three: tuple[Path, list[str]]):
    index, (first, _, third) = three
    assert run("promote", third, "--index", index) == 0
    (index / "current" / "manifest.json").write_text("{")
    assert run("rollback", "--index", index) == 0
    assert load(index).generation == first
    (index / "current").unlink()
    assert generations.previous(index) == first  # the last that was live and is whole


@pytest.mark.parametrize("content", ["", "[", "{}", '[{"generation": 5}]'])
def test_damaged_history_costs_nothing_but_the_order(three: tuple[Path, list[str]], content: str):
    index, (first, second, third) = three
    assert run("promote", third, "--index", index) == 0
    (index / "generations" / "history.json").write_text(content)
    assert generations.previous(index) == second  # the one made before it
    assert run("promote", first, "--index", index) == 0
    assert generations.previous(index) == third


def test_list_tells_state_date_sections_model_size_and_verdict(
    three: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
):
    index, (first, second, third) = three
    write_verdict(index, third, passed=True)
    assert run("promote", third, "--index", index) == 0
    (index / "generations" / second / "manifest.json").write_text("{}")
    capsys.readouterr()
    assert run("list", "--index", index) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["<", second, "*"]
    assert "another format" in lines[1]
    assert "  2099-01-02T00:00:00+00:00  " in lines[2]
    assert lines[2].endswith(" sections, hash, golden queries passed")
    assert run("list", "--index", index, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["generation"] for each in found] == [first, second, third]
    assert [each["state"] for each in found] == ["previous", "", "current"]
    assert found[0]["bytes"] == sum(
        path.stat().st_size for path in (index / "generations" / first).rglob("*") if path.is_file()
    )


@pytest.mark.parametrize("command", ["promote", "rollback", "gc"])
def test_command_on_no_index_makes_none(tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]):
    given = ["x"] if command == "promote" else []
    assert run(command, *given, "--index", tmp_path / "nowhere") == 1
    assert "no such index; expected the folder of an index" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_unknown_generation_is_refused_with_those_that_are_there(index_copy: Path, capsys: pytest.CaptureFixture[str]):
    for command in ("verify", "promote"):
        assert run(command, "2000-nothing", "--index", index_copy) == 1
        assert f"no such generation; expected one of {current(index_copy).name}" in capsys.readouterr().err


# gc


def test_gc_keeps_the_newest_and_always_the_current_one_and_the_one_before(three: tuple[Path, list[str]]):
    index, (first, second, third) = three
    assert run("promote", second, "--index", index) == 0
    write_verdict(index, third, passed=True)
    assert run("gc", "--keep", 1, "--index", index) == 0
    assert list_generations(index) == [first, second, third]
    assert run("gc", "--keep", 0, "--index", index) == 0
    assert list_generations(index) == [first, second]
    assert not list((index / "generations").glob("*.gate.json"))
    load(index)


def test_gc_removes_what_stopped_processes_left(index_copy: Path):
    folder = index_copy / "generations"
    for name in (".building-x", ".removing-2026"):
        (folder / name / "lexical").mkdir(parents=True)
        (folder / name / "lexical" / "data").write_text("half")
    (folder / ".new-1").symlink_to("nowhere")
    (folder / "2020-01-01.gate.json").write_text("{}")
    assert run("gc", "--index", index_copy) == 0
    assert {path.name for path in folder.iterdir()} == {current(index_copy).name, "history.json", ".lock"}


# What a generation is asked


def test_damaged_generation_is_not_promoted(three: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]):
    index, (first, second, _) = three
    (index / "generations" / second / "vocabulary").open("a").write("лишнее\n")
    for command in ("verify", "promote"):
        assert run(command, second, "--index", index) == 1
        assert f"{second}/vocabulary: checksum differs from the manifest" in capsys.readouterr().err
    assert generations.live(index) == first


def test_count_that_the_manifest_does_not_have_is_refused(index_copy: Path):
    path = current(index_copy) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["counts"]["sections"] += 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=r"33 sections, the manifest counts 34"):
        load(index_copy)


class Other(HashEncoder):
    fingerprint = hashlib.sha256(b"another").hexdigest()


class Deaf(HashEncoder):
    """Reads no Cyrillic: every Russian text is the same unknown word."""

    def _encode(self, text: str) -> Vectors:
        return super()._encode("unknown")


class Wrong(HashEncoder):
    """Gives other vectors than it gave when the index was made."""

    def _encode(self, text: str) -> Vectors:
        return np.ascontiguousarray(-super()._encode(text))


class Broken(HashEncoder):
    def _encode(self, text: str) -> Vectors:
        return np.full(self.dimension, np.nan, dtype=np.float32)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Other(), "put that model back"),
        (Deaf(), "gives the same vector for every text"),
        (Wrong(), "texts find their section by meaning; expected at least a quarter"),
        (Broken(), "gives no numbers"),
    ],
)
def test_encoder_that_is_not_the_index_s_own_is_noticed(artifact: Artifact, other: HashEncoder, said: str):
    with pytest.raises(ArtifactError, match=said):
        probes.probe(artifact, other)


def test_lexical_half_that_knows_no_word_of_the_sections_is_noticed(artifact: Artifact):
    deaf = LexicalIndex.build([{"body": ["unknown"]} for _ in artifact.sections])
    with pytest.raises(ArtifactError, match=r'lexical half: "[а-яё]+" does not find section'):
        probes.probe(replace(artifact, lexical=deaf), HashEncoder())


def test_both_halves_of_a_good_index_answer(artifact: Artifact):
    found = probes.probe(artifact, HashEncoder())
    assert (found.words, found.meanings) == (8, 8)
    assert found.meanings_found >= 6
    assert probes.probe(artifact, None).meanings_found == 8  # by the vectors that it holds


@pytest.mark.parametrize(
    "text",
    [
        "Английский текст не нужен",
        "Only English words here",
        "??? — ...",
        "1 2 3",
        "Раз\n\n## Раз {#a}\n\nРаз\n\n## Раз {#b}\n\nРаз",
    ],
)
def test_any_corpus_can_be_asked(tmp_path: Path, text: str):
    article = f"---\ntitle: Т\ntopic: start\nupdated: 2026-11-22\n---\n\n{text}\n"
    build_index(write_corpus(tmp_path / "corpus", {"a": article}), tmp_path / "index")
    probes.probe(load(tmp_path / "index"), HashEncoder())


def test_build_whose_probes_fail_leaves_the_old_index_as_it_was(
    index_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    article = "---\ntitle: Новая статья\ntopic: start\nupdated: 2026-11-22\n---\n\nТекст о новом.\n"
    corpus = write_corpus(tmp_path / "corpus", {"new": article, "more": article.replace("Новая", "Другая")})
    before = set(index_copy.rglob("*"))
    monkeypatch.setattr("helpers.HashEncoder.encode_query", lambda self, text: np.zeros(64, dtype=np.float32))
    with pytest.raises(ArtifactError, match="the same vector for every text"):
        build_index(corpus, index_copy)
    assert set(index_copy.rglob("*")) == before


# Golden queries


def test_generation_that_failed_its_golden_queries_is_promoted_only_by_who_wants_it_all_the_same(
    three: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
):
    index, (first, second, _) = three
    write_verdict(index, second, passed=False)
    for command in ("verify", "promote"):
        assert run(command, second, "--index", index) == 1
        assert "the golden queries failed (hit@3); expected them to pass" in capsys.readouterr().err
    assert generations.live(index) == first
    assert run("promote", second, "--index", index, "--no-gate") == 0
    assert generations.live(index) == second
    history = json.loads((index / "generations" / "history.json").read_text())
    assert [(went["generation"], went["gate"]) for went in history][-1] == (second, "ignored")


@pytest.mark.parametrize("other", [{"corpus_digest": "x"}, {"model_fingerprint": "x"}])
def test_verdict_on_another_index_counts_for_nothing(
    three: tuple[Path, list[str]], other: dict[str, str], capsys: pytest.CaptureFixture[str]
):
    index, (first, second, _) = three
    write_verdict(index, second, passed=True, **other)
    assert run("promote", second, "--index", index) == 1
    assert f"ask again: python -m evaluation gate --index {index} --generation {second}" in capsys.readouterr().err
    (index / "generations" / f"{second}.gate.json").write_text("{")
    assert run("promote", second, "--index", index) == 1
    assert "expected a verdict on golden queries" in capsys.readouterr().err
    assert generations.live(index) == first


# One change at a time

HOLD = """
import sys, time
from pathlib import Path
from indexer import generations
with generations.locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_change_is_refused_until_the_first_process_is_dead(
    three: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
):
    index, (first, second, _) = three
    holder = subprocess.Popen([sys.executable, "-c", HOLD, index], env=ENVIRONMENT, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        said = f"held by another build, promote, rollback or gc (process {holder.pid}); expected to be alone"
        with pytest.raises(ArtifactError) as raised:
            build_index(CORPUS, index, force=True)
        assert said in str(raised.value)
        for command in (["promote", second], ["rollback"], ["gc"]):
            assert run(*command, "--index", index) == 1
            assert said in capsys.readouterr().err
        assert run("verify", "--index", index) == 0  # who only reads is not kept waiting
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close() if holder.stdout else None
    assert run("promote", second, "--index", index) == 0
    assert generations.previous(index) == first


def test_lock_is_free_after_a_change_that_failed(index_copy: Path):
    with pytest.raises(ZeroDivisionError), generations.locked(index_copy):
        raise ZeroDivisionError
    with (index_copy / "generations" / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


# Failing disks


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "fail",
    [
        lambda patch: patch.setattr("pathlib.Path.write_text", refuse),
        lambda patch: patch.setattr("os.replace", refuse),
        lambda patch: patch.setattr("pathlib.Path.symlink_to", refuse),
        lambda patch: patch.setattr("os.open", refuse),
    ],
    ids=["history", "rename", "link", "lock"],
)
@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_full_disk_leaves_the_current_generation_as_it_was(
    three: tuple[Path, list[str]],
    command: str,
    fail: Callable[[pytest.MonkeyPatch], object],
    capsys: pytest.CaptureFixture[str],
):
    index, (first, second, third) = three
    assert run("promote", second, "--index", index) == 0
    before = set(index.rglob("*"))
    loaded = load(index)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.artifact.load_folder", lambda folder: loaded)  # it opens files, too
        fail(patch)
        assert run(command, *([third] if command == "promote" else []), "--index", index) == 1
    message = capsys.readouterr().err
    assert "cannot be written (No space left on device); the index that was there is unchanged" in message
    assert message.endswith("free space or mend the rights, then try again\n")
    assert set(index.rglob("*")) == before
    assert (load(index).generation, generations.previous(index)) == (second, first)


def test_read_only_disk_refuses_every_change_and_serves_on(index_copy: Path, capsys: pytest.CaptureFixture[str]):
    open_file = os.open

    def read_only(path: object, flags: int, *rest: object, **named: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return open_file(path, flags, *rest, **named)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.open", read_only)
        for command in (["promote", current(index_copy).name], ["rollback"], ["gc"]):
            assert run(*command, "--index", index_copy) == 1
            assert "cannot be written (Read-only file system)" in capsys.readouterr().err
        with pytest.raises(ArtifactError, match="Read-only file system"):
            build_index(CORPUS, index_copy, force=True)
        load(index_copy)
