"""A process that is stopped at any moment leaves a working index, and the next command succeeds.

Each operation on files is announced by the interpreter (sys.addaudithook) before it is done. A child process ends at
the first, another at the second, and so on, as by kill -9: nothing is closed, no `finally` runs.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import TESTS

from indexer import generations
from indexer.artifact import list_generations, load

ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    "OMP_NUM_THREADS": "1",  # a fork leaves threads behind
    "OPENBLAS_NUM_THREADS": "1",
}

# Arguments: the index, a folder for copies of it. Prints for each command how many moments there were.
CRASHES = """
import os, shutil, sys
from pathlib import Path
from unittest import mock
from helpers import CORPUS, HashEncoder, build_index
from indexer import artifact, generations
from indexer.__main__ import main
from indexer.artifact import current, list_generations, load

source, scratch = Path(sys.argv[1]), Path(sys.argv[2])
index = scratch / "index"
ended = {"moment": 0, "at": 0}  # 0: at none
CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.chmod", "shutil.copyfile",
           "shutil.copytree", "shutil.rmtree", "os.truncate"}

def announced(event, arguments):
    if not ended["at"]:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event in CHANGES or writes:
        ended["moment"] += 1
        if ended["moment"] == ended["at"]:
            os._exit(9)

sys.addaudithook(announced)
opened = mock.patch("indexer.opening.open_encoder", lambda loaded: HashEncoder())
opened.start()
there = list_generations(source)

# What a build writes is made once: only its writing is stopped.
written = {}
write = artifact.write

def keep(index, **nouns):
    written.update(nouns)
    return write(index, **nouns)

with mock.patch("indexer.artifact.write", keep):
    build_index(CORPUS, scratch / "other", force=True)
written["check"] = lambda loaded: None

def act(action):
    if action == "build":
        with generations.locked(index):
            generation = artifact.write(index, **written)
            generations.switch(index, generation, "none")
    else:
        given = {"promote": [there[0]], "rollback": [], "gc": ["--keep", "0"]}[action]
        assert main([action, *given, "--index", str(index)]) == 0

def check(action, at):
    # What was live or was to be is whole, and so is what a rollback leads to.
    artifact.verify(current(index))
    before = generations.previous(index)
    assert before is not None and before != generations.live(index), at
    if action != "build":  # nothing there comes near it
        artifact.verify(index / "generations" / before)
    for generation in list_generations(index):
        assert (index / "generations" / generation / "manifest.json").is_file(), at

def stopped_at(action, at):
    # Whether it was stopped; it ends well where it has fewer moments.
    shutil.rmtree(index, ignore_errors=True)
    shutil.copytree(source, index, symlinks=True, copy_function=os.link)
    # These are written to or replaced, and must not be those of the source.
    for name in ("history.json", ".lock"):
        path = index / "generations" / name
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
    child = os.fork()
    if not child:
        try:
            ended["at"] = at
            act(action)
            os._exit(0)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9), (at, code)
    check(action, at)
    # The next command succeeds and leaves nothing that was left.
    assert main(["gc", "--index", str(index)]) == 0, at
    left = {path.name for path in (index / "generations").glob(".*")} - {".lock"}
    assert not left, (at, left)
    if at % 8 == 1 or code == 0:  # a tenth of a second each
        load(index)
        assert main(["rollback", "--index", str(index)]) == 0, at
    return code == 9

out, sys.stdout = sys.stdout, open(os.devnull, "w")
for action in ("promote", "rollback", "gc", "build"):
    at = 1
    while stopped_at(action, at):
        at += 1
    print(action, at - 1, file=out, flush=True)
"""


@pytest.fixture(scope="module")
def three(built_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of three generations: the last is live, the second was before it, the first is the oldest."""
    index = tmp_path_factory.mktemp("three") / "index"
    (index / "generations").mkdir(parents=True)
    source = built_index / "generations" / load(built_index).generation
    for number in (1, 2, 3):
        name = f"2020-01-0{number}T00-00-00-000000-{source.name[-8:]}"
        subprocess.run(["cp", "-r", source, index / "generations" / name], check=True)
        with generations.locked(index):
            generations.switch(index, name, "none")
    return index


def test_process_stopped_at_any_moment_leaves_a_working_index(three: Path, tmp_path: Path):
    before = list_generations(three)
    done = subprocess.run(
        [sys.executable, "-c", CRASHES, three, tmp_path], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    moments = {action: int(number) for action, number in map(str.split, done.stdout.splitlines())}
    assert moments.keys() == {"promote", "rollback", "gc", "build"}
    # As many files are written or removed at least; a hook that hears nothing finds no moments.
    files = sum(path.is_file() for path in (three / "current").rglob("*"))
    assert min(moments["promote"], moments["rollback"]) >= 4
    assert moments["gc"] > files
    assert moments["build"] > files - 2  # faiss writes its file itself
    assert list_generations(three) == before
