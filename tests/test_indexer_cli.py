"""`python -m indexer`: results on stdout, progress on stderr, exit 1 with the message alone."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import CORPUS, TESTS, HashEncoder, build_index

from indexer import build as build_module
from indexer import models
from indexer.__main__ import main
from indexer.artifact import Artifact, current, list_generations

WARNING = "support.toml:31: warning: route"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a person starts it, in the folder of the repository."""
    return subprocess.run(
        [sys.executable, "-m", "indexer", *map(str, arguments)],
        cwd=TESTS.parent,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A copy of the test corpus, to be changed."""
    return Path(shutil.copytree(CORPUS, tmp_path / "corpus"))


@pytest.fixture
def hash_model(monkeypatch: pytest.MonkeyPatch) -> HashEncoder:
    """Lets `build` use HashEncoder in place of any model."""
    encoder = HashEncoder()
    model = models.Model(encoder.name, Path("/nowhere"), encoder.fingerprint)
    monkeypatch.setattr(models, "resolve", lambda name, say: model)
    monkeypatch.setattr(
        build_module, "build", functools.partial(build_module.build, open_encoder=lambda model: encoder)
    )
    return encoder


# As a process


def test_validate_of_the_test_corpus_finds_no_mistake(tmp_path: Path):
    done = run("validate", "tests/corpus", "--index", tmp_path / "nowhere")
    assert done.returncode == 0
    assert done.stderr == ""
    warning, summary = done.stdout.splitlines()
    assert warning.startswith(f"tests/corpus/{WARNING}")
    assert summary == "10 articles: 0 mistakes, 1 warnings"


def test_build_that_cannot_be_says_why_and_nothing_else(tmp_path: Path):
    done = run("build", tmp_path / "nowhere", "--out", tmp_path / "index", "--model", tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (f"{tmp_path}: no modules.json and no config.json; expected a Sentence Transformers folder\n")


# validate


def test_validate_of_a_broken_corpus_prints_file_and_line_and_exits_1(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    article = corpus / "articles" / "chats.md"
    article.write_text(article.read_text(encoding="utf-8").replace("(files.md)", "(film.md)"), encoding="utf-8")
    assert main(["validate", str(corpus), "--index", str(tmp_path / "nowhere")]) == 1
    output = capsys.readouterr()
    mistake, warning, summary = output.out.splitlines()
    assert mistake.startswith(f'{corpus}/articles/chats.md:9: link to "film"; expected an article or article#section')
    assert warning.startswith(f"{corpus}/{WARNING}")
    assert summary == "10 articles: 1 mistakes, 1 warnings"
    assert output.err == ""


def test_validate_notices_an_address_that_vanished_since_the_index(
    corpus: Path, built_index: Path, capsys: pytest.CaptureFixture[str]
):
    (corpus / "articles" / "about.md").unlink()
    assert main(["validate", str(corpus), "--index", str(built_index)]) == 1
    assert f'{corpus}: section "about#top" of the last index is gone' in capsys.readouterr().out


@pytest.mark.parametrize("command", ["validate", "build"])
def test_unknown_folder_is_said_on_stderr(
    command: str, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    assert main([command, str(tmp_path / "nowhere")]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"{tmp_path}/nowhere: no such folder; expected a folder of articles; check the path\n"


# build


def test_build_prints_results_on_stdout_and_progress_on_stderr(
    corpus: Path, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    index = tmp_path / "index"
    assert main(["build", str(corpus), "--out", str(index)]) == 0
    output = capsys.readouterr()
    first, *rest = output.out.splitlines()
    assert first == f"Built {index}/generations/{current(index).name}"
    numbers = dict(line.strip().rsplit(maxsplit=1) for line in rest)
    assert (numbers["articles"], numbers["windows encoded"]) == ("10", numbers["windows"])
    assert "vectors, seconds" in numbers
    for stage in ("Reading", "Lemmas", "Encoding"):
        assert stage in output.err
        assert stage not in output.out


def test_second_build_says_that_the_index_is_up_to_date(
    built_index: Path, artifact: Artifact, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(CORPUS), "--out", str(built_index)]) == 0
    output = capsys.readouterr()
    assert output.out == f"{built_index} is up to date ({artifact.generation}, {len(artifact.sections)} sections)\n"
    assert output.err == ""


def test_build_summary_is_to_be_had_as_json(
    corpus: Path, index_copy: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(corpus), "--out", str(index_copy), "--json", "--force"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["built"], summary["counts"]["windows_encoded"], summary["skipped"]) == (True, 0, [])
    assert summary["generation"] == current(index_copy).name


def test_build_without_promotion_waits_beside_the_current_one(
    index_copy: Path, hash_model: HashEncoder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    first = current(index_copy).name
    assert main(["build", str(CORPUS), "--out", str(index_copy), "--force", "--no-promote"]) == 0
    assert current(index_copy).name == first
    _, second = list_generations(index_copy)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == f"not current yet: python -m indexer promote --index {index_copy} {second}"
    monkeypatch.setattr("indexer.opening.open_encoder", lambda loaded: hash_model)
    assert main(told.partition("indexer ")[2].split()) == 0
    assert capsys.readouterr().out == f"{second} is current; before it: {first}\n"
    assert current(index_copy).name == second


def test_build_of_a_broken_corpus_prints_the_mistakes_alone(
    corpus: Path, index_copy: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    (corpus / "articles" / "about.md").write_text("без полей")
    generations = list_generations(index_copy)
    assert main(["build", str(corpus), "--out", str(index_copy)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert f"{corpus}/articles/about.md:1: no front matter" in output.err
    assert "Traceback" not in output.err
    assert list_generations(index_copy) == generations


def test_build_with_keep_going_names_what_it_left_out(
    corpus: Path, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    (corpus / "articles" / "about.md").write_text("без полей")
    assert main(["build", str(corpus), "--out", str(tmp_path / "index"), "--keep-going"]) == 0
    output = capsys.readouterr()
    assert f"left out: {corpus}/articles/about.md:1: no front matter" in output.err
    assert ["mistakes in files left out", "1"] in [line.strip().rsplit(maxsplit=1) for line in output.out.splitlines()]


# build, of other people's help


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder of somebody else's help in every form, with something to leave out for most reasons."""
    folder = tmp_path / "help"
    (folder / ".git").mkdir(parents=True)
    text = "Откройте настройки.\n"
    files: dict[str, bytes] = {
        "a.md": f"# Вход\n\n{text}".encode(),
        "b.markdown": f"# Выход\n\n{text}".encode("cp1251"),
        "c.html": f"<h1>Звук</h1><p>{text}".encode(),
        "d.txt": f"Сеть\n\n{text}".encode() + b"\xff",
        "e.md": b"\0\1\2",
        ".git/HEAD": b"",
    }
    for name, content in (files | {f"{number}.png": b"" for number in range(4)}).items():
        (folder / name).write_bytes(content)
    (folder / "f.md").symlink_to("a.md")
    return folder


def test_build_of_a_mixed_folder_says_what_was_read_as_what_and_what_was_left_out(
    foreign: Path, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(foreign), "--out", str(tmp_path / "index")]) == 0
    output = capsys.readouterr()
    lines = output.out.splitlines()
    assert [line.split() for line in lines[1:9]] == [
        ["files", "read", "as", "Markdown", "2"],
        ["files", "read", "as", "HTML", "1"],
        ["files", "read", "as", "text", "1"],
        ["left", "out,", "hidden", "1", ".git"],
        ["left", "out,", "other", "format", "4", "0.png,", "1.png,", "2.png,", "…"],
        ["left", "out,", "symbolic", "link", "within", "the", "folder", "1", "f.md"],
        ["left", "out,", "binary", "1", "e.md"],
        ["articles", "4"],
    ]
    numbers = [re.search(r"  ([\d.]+)(?:  |$)", line) for line in lines[1:]]
    assert len({number.end(1) for number in numbers if number}) == 1  # one column
    assert all(numbers)
    (warning,) = (line for line in output.err.splitlines() if "warning" in line)
    assert warning.startswith(f"{foreign}/d.txt: warning: 1 places are no utf-8")


def test_summary_of_a_mixed_folder_is_to_be_had_as_json(
    foreign: Path, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    assert main(["build", str(foreign), "--out", str(tmp_path / "index"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["read"] == {"HTML": 1, "Markdown": 2, "text": 1}
    assert {"path": "f.md", "reason": "symbolic link within the folder"} in summary["left_out"]
    assert len(summary["left_out"]) == 7
    assert len(summary["warnings"]) == 1
    assert summary["skipped"] == []


def test_second_build_of_a_mixed_folder_says_that_the_index_is_up_to_date(
    foreign: Path, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    index = tmp_path / "index"
    assert main(["build", str(foreign), "--out", str(index)]) == 0
    assert main(["status", "--index", str(index), "--corpus", str(foreign)]) == 0
    capsys.readouterr()
    assert main(["build", str(foreign), "--out", str(index)]) == 0
    assert capsys.readouterr().out == f"{index} is up to date ({current(index).name}, 4 sections)\n"
    (foreign / "c.html").open("a", encoding="utf-8").write("<p>Ещё.")
    assert main(["status", "--index", str(index), "--corpus", str(foreign)]) == 1
    capsys.readouterr()
    assert main(["build", str(foreign), "--out", str(index)]) == 0
    assert capsys.readouterr().out.startswith("Built ")


def test_folder_without_anything_to_read_is_refused_with_the_reasons(
    foreign: Path, tmp_path: Path, hash_model: HashEncoder, capsys: pytest.CaptureFixture[str]
):
    for name in ("a.md", "b.markdown", "c.html", "d.txt"):
        (foreign / name).unlink()
    assert main(["build", str(foreign), "--out", str(tmp_path / "index")]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert f"{foreign}: no articles (left out: other format 4, hidden 1, " in output.err
    assert "Traceback" not in output.err
    assert not (tmp_path / "index").exists()


def test_interrupted_build_says_that_nothing_changed(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(build_module, "build", interrupt)
    assert main(["build", str(corpus), "--out", str(tmp_path / "index")]) == 1
    assert capsys.readouterr().err == "Stopped; the index that was there is unchanged.\n"


# status, list, verify


def test_status_tells_what_the_index_is(built_index: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["status", "--index", str(built_index), "--corpus", str(CORPUS)]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["generation"] == current(built_index).name
    assert lines["model"] == f"hash {HashEncoder.fingerprint[:12]}, vectors flat"
    assert lines["counts"].startswith("articles 10, lemmas ")
    assert lines["corpus"] == "unchanged"


def test_status_exits_1_where_the_corpus_changed(built_index: Path, corpus: Path, capsys: pytest.CaptureFixture[str]):
    (corpus / "topics.toml").open("a").write("\n")
    assert main(["status", "--index", str(built_index), "--corpus", str(corpus)]) == 1
    assert "changed since: build again" in capsys.readouterr().out
    assert main(["status", "--index", str(built_index), "--corpus", str(corpus), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["fresh"] is False


def test_status_is_to_be_had_as_json(built_index: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["status", "--index", str(built_index), "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["generation"], status["fresh"]) == (current(built_index).name, True)
    assert status["manifest"]["counts"]["articles"] == 10


def test_list_marks_the_current_generation(index_copy: Path, capsys: pytest.CaptureFixture[str]):
    first = current(index_copy).name
    second = build_index(CORPUS, index_copy, force=True).generation
    assert main(["list", "--index", str(index_copy)]) == 0
    old, new = capsys.readouterr().out.splitlines()
    assert old.startswith(f"< {first}  ")
    assert new.startswith(f"* {second}  ")
    assert re.search(r"\+00:00  [0-9.]+ MB  \d+ sections, hash$", new)


def test_verify_says_what_it_compared(
    built_index: Path, artifact: Artifact, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("indexer.opening.open_encoder", lambda loaded: HashEncoder())
    assert main(["verify", "--index", str(built_index)]) == 0
    files = sum(path.is_file() for path in current(built_index).rglob("*")) - 1  # the manifest itself
    sections = len(artifact.sections)
    printed = capsys.readouterr().out
    assert printed.startswith(
        f"{artifact.generation}: {files} files as the manifest says, {sections} sections; probes: "
    )
    assert "8 of 8 found by a word, " in printed


def test_verify_of_a_damaged_index_names_the_file_and_exits_1(index_copy: Path, capsys: pytest.CaptureFixture[str]):
    path = current(index_copy) / "vocabulary"
    path.open("a").write("лишнее\n")
    assert main(["verify", "--index", str(index_copy)]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"{path}: checksum differs from the manifest")


@pytest.mark.parametrize("command", ["status", "list", "verify"])
def test_missing_index_is_said_on_stderr(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([command, "--index", str(tmp_path / "nowhere")]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith(f"{tmp_path}/nowhere: no such index; expected the folder of an index; build it: ")


@pytest.mark.parametrize("arguments", [[], ["bild"], ["build"], ["status", "--color"]])
def test_wrong_usage_exits_2(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: python -m indexer" in capsys.readouterr().err
