"""The index on disk: whole or refused, switched to in one step, unharmed by a build that fails."""

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import CORPUS, TESTS, build_index

from indexer import artifact as artifacts
from indexer import lemmas
from indexer.artifact import FORMAT, Artifact, current, list_generations, load, read_manifest, verify
from indexer.errors import ArtifactError
from indexer.generations import switch
from indexer.late import Known

REBUILD = "rebuild it: python -m indexer build corpus --out index"


def tree(folder: Path) -> dict[str, bytes]:
    """The contents of every file of a folder by its name."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def entries(index: Path) -> set[str]:
    """Everything in an index, files and folders and links, however short-lived it was meant to be."""
    return {path.relative_to(index).as_posix() for path in index.rglob("*")}


def refusal(index: Path) -> str:
    with pytest.raises(ArtifactError) as raised:
        load(index)
    return str(raised.value)


# What is written


def test_manifest_names_every_file_with_its_checksum(built_index: Path):
    folder = current(built_index)
    files = tree(folder)
    del files["manifest.json"]
    assert read_manifest(folder).checksums == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert {"articles.jsonl", "sections.jsonl", "vocabulary", "vectors.faiss", "support.toml"} <= set(files)


def test_manifest_says_what_the_index_was_made_from_and_with(artifact: Artifact):
    inputs = artifact.manifest.inputs
    assert (inputs.format, inputs.corpus_form, inputs.model) == (FORMAT, "help", "hash")
    assert inputs.lemmatizer == lemmas.versions()
    assert artifact.manifest.vectors == "flat"
    assert artifact.manifest.encoder == {
        "dimension": 64,
        "maximum_tokens": 128,
        "query_prompt": "",
        "passage_prompt": "",
        "dtype": "float32",
    }


def test_generation_can_be_read_by_a_server_of_another_user(built_index: Path):
    assert current(built_index).stat().st_mode & 0o777 == 0o755


def test_rows_of_sections_lexical_index_and_vectors_are_the_same(artifact: Artifact):
    assert len(artifact.sections) == len(artifact.lexical) == len(artifact.vectors)
    ids = [section.section_id for section in artifact.sections]
    assert len(set(ids)) == len(ids)
    assert [article.article_id for article in artifact.articles] == sorted({name.partition("#")[0] for name in ids})


def test_what_the_content_editor_owns_comes_along(artifact: Artifact):
    assert [topic.id for topic in artifact.topics.topic] == ["start", "chats", "calls", "admin"]
    assert len(artifact.errors.error) == 4
    assert artifact.support is not None
    assert artifact.support.time_zone == "Europe/Moscow"


def test_same_corpus_gives_the_same_bytes_wherever_it_lies(built_index: Path, corpus_folder: Path, tmp_path: Path):
    copy = shutil.copytree(corpus_folder, tmp_path / "elsewhere")
    build_index(copy, tmp_path / "index")
    assert tree(current(tmp_path / "index")) == tree(current(built_index))
    assert current(tmp_path / "index").name.rpartition("-")[2] == current(built_index).name.rpartition("-")[2]


def test_index_built_from_an_older_one_has_the_same_bytes_as_a_fresh_one(built_index: Path, tmp_path: Path):
    copy = Path(shutil.copytree(CORPUS, tmp_path / "corpus"))
    article = copy / "articles" / "about.md"
    text = article.read_text(encoding="utf-8")
    article.write_text(text + "\nБыло раньше.\n", encoding="utf-8")
    build_index(copy, tmp_path / "index")
    article.write_text(text, encoding="utf-8")
    build_index(copy, tmp_path / "index")
    assert tree(current(tmp_path / "index")) == tree(current(built_index))


# What is refused


def test_missing_index_is_refused_with_the_command_that_builds_it(tmp_path: Path):
    index = tmp_path / "nowhere"
    assert refusal(index) == (
        f"{index}: no such index; expected the folder of an index; "
        f"build it: python -m indexer build corpus --out {index}"
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda index: index.mkdir(),
        lambda index: index.write_text("Текст"),
        lambda index: ((index / "generations").mkdir(parents=True), (index / "current").symlink_to("generations/gone")),
    ],
    ids=["empty folder", "a file", "link to a generation that is gone"],
)
def test_folder_without_a_finished_generation_is_refused(tmp_path: Path, make: Callable[[Path], object]):
    index = tmp_path / "index"
    make(index)
    assert refusal(index) == (f"{index}/current: no manifest.json in it; expected a finished generation; {REBUILD}")


def test_changed_byte_of_any_file_is_noticed(index_copy: Path):
    folder = current(index_copy)
    for name, content in tree(folder).items():
        if name != "manifest.json":
            (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            assert refusal(index_copy) == (
                f"{folder / name}: checksum differs from the manifest, the file was changed or damaged; {REBUILD}"
            )
            (folder / name).write_bytes(content)
    verify(folder)


def test_any_file_cut_short_is_noticed(index_copy: Path):
    folder = current(index_copy)
    for name, content in tree(folder).items():
        if name != "manifest.json":
            (folder / name).write_bytes(content[: len(content) // 2])
            assert refusal(index_copy).startswith(f"{folder / name}: checksum differs")
            (folder / name).write_bytes(content)
    verify(folder)


def test_any_file_missing_is_noticed(index_copy: Path):
    folder = current(index_copy)
    for name, content in tree(folder).items():
        if name != "manifest.json":
            (folder / name).unlink()
            assert refusal(index_copy) == f"{folder / name}: missing; the manifest names it; {REBUILD}"
            (folder / name).write_bytes(content)
    verify(folder)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", "{}", '{"inputs": 5}', f'{{"inputs": {{"format": {FORMAT}}}}}', "\x00"]
)
def test_damaged_manifest_is_refused(index_copy: Path, content: str):
    path = current(index_copy) / "manifest.json"
    path.write_text(content)
    message = refusal(index_copy)
    assert message.startswith(f"{path}: unreadable (")
    assert message.endswith(f"expected the manifest of an index; {REBUILD}")


def edit_manifest(index: Path, change: Callable[[dict], object]) -> Path:
    path = current(index) / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    return path


def test_other_format_is_refused_before_anything_else_is_looked_at(index_copy: Path):
    path = edit_manifest(index_copy, lambda manifest: manifest["inputs"].update(format=FORMAT + 1, novelty=[]))
    assert refusal(index_copy) == f"{path}: format {FORMAT + 1}, this version reads {FORMAT}; {REBUILD}"


@pytest.mark.parametrize("package", ["pymorphy3", "pymorphy3-dicts-ru"])
def test_index_of_another_lemmatizer_is_refused_with_what_to_install(index_copy: Path, package: str):
    edit_manifest(index_copy, lambda manifest: manifest["inputs"]["lemmatizer"].update({package: "0.1"}))
    installed = lemmas.versions()[package]
    assert refusal(index_copy) == (
        f"{current(index_copy)}: made with {package} 0.1, {installed} is installed, "
        f"and other versions give other lemmas; install {package}==0.1, or {REBUILD}"
    )


def rewrite(index: Path, name: str, change: Callable[[bytes], bytes]) -> Path:
    """Changes a file and its checksum, as a faulty build would."""
    path = current(index) / name
    path.write_bytes(change(path.read_bytes()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit_manifest(index, lambda manifest: manifest["checksums"].update({name: digest}))
    return path


def test_index_whose_parts_are_of_different_length_is_refused(index_copy: Path):
    rewrite(index_copy, "sections.jsonl", lambda content: content[: content.rstrip().rindex(b"\n") + 1])
    message = refusal(index_copy)
    assert message.startswith(f"{current(index_copy)}: ")
    assert "sections, " in message
    assert message.endswith(REBUILD)


@pytest.mark.parametrize("name", ["sections.jsonl", "articles.jsonl"])
@pytest.mark.parametrize("line", [b"{\n", b"{}\n", b"\n", b"\xff\n"])
def test_line_that_is_no_record_is_refused(index_copy: Path, name: str, line: bytes):
    path = rewrite(index_copy, name, lambda content: content + line)
    assert refusal(index_copy) == f"{path}: unreadable (ValidationError); {REBUILD}"


def corpus_with(folder: Path, text: str) -> Path:
    """A copy of the test corpus in which one article reads otherwise."""
    if not folder.exists():
        shutil.copytree(CORPUS, folder)
    (folder / "articles" / "about.md").write_text(
        f"---\ntitle: О нас\ntopic: start\nupdated: 2026-11-22\n---\n\n{text}\n", encoding="utf-8"
    )
    return folder


def test_new_generation_becomes_current_and_the_one_before_stays(tmp_path: Path):
    index, made = tmp_path / "index", []
    for text in ("Раз", "Два", "Три"):
        made.append(build_index(corpus_with(tmp_path / "corpus", text), index).generation)
        assert current(index).name == made[-1]
        assert list_generations(index) == made[-2:]
    verify(index / "generations" / made[1])
    assert (index / "current").readlink() == Path("generations") / made[2]
    assert entries(index) & {"generations", "current"} == {path.name for path in index.iterdir()}


def test_index_may_be_moved_as_a_whole(index_copy: Path, tmp_path: Path):
    moved = index_copy.rename(tmp_path / "moved")
    assert load(moved).generation == current(moved).name


def test_current_is_there_at_every_moment_of_a_switch(index_copy: Path):
    first = current(index_copy).name
    shutil.copytree(index_copy / "generations" / first, index_copy / "generations" / f"{first}-other")
    done, missing = threading.Event(), []

    def look() -> None:
        while not done.is_set():
            if not (index_copy / "current" / "manifest.json").is_file():
                missing.append(True)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(200):
        switch(index_copy, f"{first}-other", "none")
        switch(index_copy, first, "none")
    done.set()
    watcher.join()
    assert missing == []


# Failing disks


def enospc(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_second_replace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the generation take its place, but not the link to it."""
    replace = os.replace
    monkeypatch.setattr(
        "os.replace", lambda source, target: enospc() if Path(target).name == "current" else replace(source, target)
    )


@pytest.mark.parametrize(
    "fail",
    [
        lambda patch: patch.setattr("tempfile.mkdtemp", enospc),
        lambda patch: patch.setattr("indexer.artifact._write_lines", enospc),
        lambda patch: patch.setattr("indexer.lexical.LexicalIndex.save", enospc),
        lambda patch: patch.setattr("indexer.vectors.VectorIndex.save", enospc),
        lambda patch: patch.setattr("shutil.copyfile", enospc),
        lambda patch: patch.setattr("os.replace", enospc),
        lambda patch: patch.setattr("pathlib.Path.symlink_to", enospc),
        fail_second_replace,
    ],
    ids=["folder", "sections", "lexical index", "vectors", "tables", "generation", "link", "switch"],
)
def test_full_disk_leaves_the_old_index_as_it_was(
    index_copy: Path, tmp_path: Path, fail: Callable[[pytest.MonkeyPatch], object]
):
    corpus = corpus_with(tmp_path / "corpus", "Новое")
    before, contents = entries(index_copy), tree(current(index_copy))
    with pytest.MonkeyPatch.context() as patch:
        fail(patch)
        with pytest.raises(ArtifactError) as raised:
            build_index(corpus, index_copy)
    message = str(raised.value)
    assert message.startswith(f"{index_copy}")
    assert "cannot be written (No space left on device); the index that was there is unchanged" in message
    assert message.endswith("free space or mend the rights, then build again")
    assert entries(index_copy) == before
    assert tree(current(index_copy)) == contents
    load(index_copy)


def test_interrupted_build_leaves_nothing_behind(index_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = entries(index_copy)
    monkeypatch.setattr("indexer.vectors.VectorIndex.save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build_index(corpus_with(tmp_path / "corpus", "Новое"), index_copy)
    assert entries(index_copy) == before


def test_index_that_reads_back_otherwise_than_it_was_written_is_not_switched_to(
    index_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    honest = artifacts._checksums

    def damage_after(folder: Path) -> dict[str, str]:
        sums = honest(folder)
        with (folder / "sections.jsonl").open("a") as file:
            file.write("\n")
        return sums

    before = entries(index_copy)
    # The corpus is read first, so that only the written files are damaged.
    monkeypatch.setattr("indexer.artifact._checksums", damage_after)
    monkeypatch.setattr("indexer.build._up_to_date", lambda *_: None)
    monkeypatch.setattr("indexer.late.Known.of", lambda *_: Known())
    with pytest.raises(ArtifactError, match=r"sections\.jsonl: checksum differs"):
        build_index(corpus_with(tmp_path / "corpus", "Новое"), index_copy)
    assert entries(index_copy) == before


FILE_SIZE_LIMIT = """
import resource, sys
from pathlib import Path
from helpers import HashEncoder, build_index
from indexer.errors import ArtifactError
from indexer.generations import switch

class WideEncoder(HashEncoder):
    fingerprint = "wide"
    dimension = 1024  # so that the vectors are the longest file

for limit in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        build_index(Path(sys.argv[1]), Path(sys.argv[2]), encoder=WideEncoder(), force=True)
    except ArtifactError as error:
        print(error)
"""


def test_files_that_the_system_refuses_to_write_leave_the_old_index_as_it_was(index_copy: Path):
    before = entries(index_copy)
    # No bytes at all; the sections fit but not the vectors, which faiss writes and not Python.
    sections, vectors = (current(index_copy) / "sections.jsonl").stat().st_size, 4 * 1024 * 30
    assert sections < vectors
    done = subprocess.run(
        [sys.executable, "-c", FILE_SIZE_LIMIT, CORPUS, index_copy, "0", str(vectors)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])},
        capture_output=True,
        text=True,
    )
    refusals = done.stdout.splitlines()
    assert (done.returncode, len(refusals)) == (0, 2), done.stderr
    assert all("cannot be written (" in line and "the index that was there is unchanged" in line for line in refusals)
    assert "File too large" in refusals[0]
    assert entries(index_copy) == before
    load(index_copy)
