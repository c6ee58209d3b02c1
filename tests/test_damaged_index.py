"""An index with any damage is refused in words: never another exception, never an answer from it."""

import random
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer import artifact
from indexer.artifact import current, load
from indexer.errors import ArtifactError


@pytest.fixture(scope="module")
def damaged(built_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy; each example puts right again what it damaged."""
    return Path(shutil.copytree(built_index, tmp_path_factory.mktemp("damaged") / "index", symlinks=True))


def files(index: Path) -> list[Path]:
    return sorted(path for path in current(index).rglob("*") if path.is_file())


def check_refused(index: Path, path: Path, content: bytes):
    """With this content in place of the file's own."""
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        with pytest.raises(ArtifactError) as raised:
            load(index)
    finally:
        path.write_bytes(whole)
    assert str(path) in str(raised.value) or str(path.parent) in str(raised.value)
    assert "python -m indexer build" in str(raised.value)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "truncated": lambda content, chance: content[: chance.randrange(len(content))],
    "bit": lambda content, chance: flipped(content, chance.randrange(8 * len(content))),
    "longer": lambda content, chance: content + chance.randbytes(1 + chance.randrange(50)),
    "noise": lambda content, chance: chance.randbytes(len(content)),
    "block": lambda content, chance: zeroed(content, chance.randrange(len(content))),
}


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def zeroed(content: bytes, start: int) -> bytes:
    """As a file system leaves a block that it lost; one bit at least is another."""
    stop = min(start + 512, len(content))
    changed = content[:start] + bytes(stop - start) + content[stop:]
    return changed if changed != content else flipped(content, 8 * start)


@pytest.mark.parametrize("damage", DAMAGES)
@settings(max_examples=25, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1000), seed=st.integers(0, 1_000_000))
def test_damaged_file_is_refused(damaged: Path, damage: str, place: int, seed: int):
    full = [path for path in files(damaged) if path.stat().st_size]
    path = full[place % len(full)]
    check_refused(damaged, path, DAMAGES[damage](path.read_bytes(), random.Random(seed)))


@settings(max_examples=60, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1_000_000))
def test_bit_of_the_manifest_is_noticed(damaged: Path, seed: int):
    path = current(damaged) / "manifest.json"
    whole = path.read_bytes()
    check_refused(damaged, path, flipped(whole, random.Random(seed).randrange(8 * len(whole))))


def test_files_that_changed_places_are_refused(damaged: Path):
    all_files = files(damaged)
    for first, second in pairwise(all_files):
        if first.read_bytes() != second.read_bytes():
            check_refused(damaged, first, second.read_bytes())


def test_generation_under_the_name_of_another_is_refused(index_copy: Path):
    folder = current(index_copy)
    other = folder.with_name(folder.name[:-8] + "00000000")
    folder.rename(other)
    (index_copy / "current").unlink()
    (index_copy / "current").symlink_to(other)
    with pytest.raises(ArtifactError, match=r"00000000/manifest\.json: changed since it was written"):
        load(index_copy)


@pytest.mark.parametrize("name", ["relevance.json", "ranking.toml", "encoder/encoder.onnx", "adapter/adapter.json"])
def test_file_that_the_manifest_does_not_name_is_refused(index_copy: Path, name: str):
    """What is there is used: an encoder put beside an index would answer from it."""
    path = current(index_copy) / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"{}")
    with pytest.raises(ArtifactError, match=f"{name}: the manifest does not name it; .*remove it, or rebuild it"):
        load(index_copy)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("errors.toml", b"null"),
        ("support.toml", b""),
        ("topics.toml", b"topic = [\xff]"),
        ("lexical/body/params.index.json", b"null"),
        ("lexical/fields.json", b"[]"),
        ("sentences/vectors.npy", b""),
        ("sentences/vectors.npy", b"\x93NUMPY\x01\x00\x02\x00{\n"),
        ("sections.jsonl", b"[]\n"),
    ],
)
def test_file_of_another_form_is_refused_though_its_checksum_is_right(
    damaged: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
):
    """As a build that went wrong would leave it. Found by fuzzing (tests/fuzzing)."""
    monkeypatch.setattr(artifact, "verify", artifact.read_manifest)
    path = current(damaged) / name
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        with pytest.raises(ArtifactError, match=r"(?s)generations/.*: unreadable.*; .*rebuild"):
            load(damaged)
    finally:
        path.write_bytes(whole)


def test_index_put_right_again_is_loaded(damaged: Path):
    assert load(damaged).sections
