"""Which files of somebody else's folder are read as what, and which are left out and why."""

import os
import sys
from pathlib import Path

import pytest

from indexer.articles import LeftOut
from indexer.readers import folder as folder_module
from indexer.readers.folder import find_sources


def fill(root: Path, *names: str) -> Path:
    """Files of these names with a word in each."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Текст", encoding="utf-8")
    return root


def read(root: Path) -> dict[str, str]:
    """Path below the folder -> form, of the files that are read."""
    return {source.path.relative_to(root).as_posix(): source.form for source in find_sources(root)[0]}


def left_out(root: Path) -> dict[str, str]:
    """Path below the folder -> reason, of what is left out; each stands there once."""
    found = find_sources(root)[1]
    assert len({left.path for left in found}) == len(found)
    return {left.path: left.reason for left in found}


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.md", "Markdown"),
        ("a.MD", "Markdown"),
        ("a.markdown", "Markdown"),
        ("a.mdown", "Markdown"),
        ("a.mkd", "Markdown"),
        ("a.html", "HTML"),
        ("a.htm", "HTML"),
        ("INDEX.HTM", "HTML"),
        ("a.xhtml", "HTML"),
        ("a.txt", "text"),
        ("a.Text", "text"),
        ("a.ru.md", "Markdown"),
        ("a/б/в.md", "Markdown"),
    ],
)
def test_ending_tells_the_form(tmp_path: Path, name: str, form: str):
    assert read(fill(tmp_path, name)) == {name: form}
    assert left_out(tmp_path) == {}


@pytest.mark.parametrize("name", ["a", "md", "a.md.bak", "a.md~", "a.mdx", "a.pdf", "a.html.gz", "a.json"])
def test_other_ending_is_left_out(tmp_path: Path, name: str):
    fill(tmp_path, name, "b.md")
    assert read(tmp_path) == {"b.md": "Markdown"}
    assert left_out(tmp_path) == {name: "other format"}


def test_hidden_folder_counts_once_whatever_it_holds(tmp_path: Path):
    fill(tmp_path, ".git/HEAD", ".git/hooks/readme.md", ".draft.md", "a/.cache/x.html", "a/b.md")
    assert read(tmp_path) == {"a/b.md": "Markdown"}
    assert left_out(tmp_path) == {".git": "hidden", ".draft.md": "hidden", "a/.cache": "hidden"}


def test_folder_that_is_hidden_itself_is_read(tmp_path: Path):
    assert read(fill(tmp_path / ".help", "a.md")) == {"a.md": "Markdown"}


def test_both_lists_are_sorted_by_path(tmp_path: Path):
    fill(tmp_path, "b/a.md", "a.md", "b.md", "я.html", "a/z.txt", "c.png", "b/x.png", ".x")
    sources, left = find_sources(tmp_path)
    paths = [source.path for source in sources]
    assert paths == sorted(paths)
    assert [each.path for each in left] == [".x", "b/x.png", "c.png"]


def test_folder_named_like_a_file_is_entered(tmp_path: Path):
    assert read(fill(tmp_path, "вход.md/a.md")) == {"вход.md/a.md": "Markdown"}


@pytest.mark.parametrize("name", ["a b.md", "c#.md", "100 %.md", "что?.md", "%41.md", "ключ&замок.md", "Вход/Код.md"])
def test_name_may_hold_anything_that_an_address_can(tmp_path: Path, name: str):
    assert read(fill(tmp_path, name)) == {name: "Markdown"}


# Links


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("a.md", "symbolic link within the folder"),
        ("sub", "symbolic link within the folder"),
        (".", "symbolic link within the folder"),
        ("../outside.md", "symbolic link out of the folder"),
        ("..", "symbolic link out of the folder"),
        ("sub/../../outside.md", "symbolic link out of the folder"),
        ("nowhere.md", "symbolic link to nothing"),
        ("link.md", "symbolic link to nothing"),  # to itself
    ],
)
def test_symbolic_link_is_left_out(tmp_path: Path, target: str, reason: str):
    fill(tmp_path, "outside.md", "help/a.md", "help/sub/b.md")
    (tmp_path / "help" / "link.md").symlink_to(target)
    assert read(tmp_path / "help") == {"a.md": "Markdown", "sub/b.md": "Markdown"}
    assert left_out(tmp_path / "help") == {"link.md": reason}


def test_link_to_a_neighbour_with_the_same_beginning_leads_out(tmp_path: Path):
    fill(tmp_path, "help/a.md", "help-old/b.md")
    (tmp_path / "help" / "old").symlink_to(tmp_path / "help-old")
    assert left_out(tmp_path / "help") == {"old": "symbolic link out of the folder"}


def test_link_to_the_folder_above_makes_no_loop(tmp_path: Path):
    fill(tmp_path, "a.md", "sub/b.md")
    (tmp_path / "sub" / "up").symlink_to("..")
    assert read(tmp_path) == {"a.md": "Markdown", "sub/b.md": "Markdown"}
    assert left_out(tmp_path) == {"sub/up": "symbolic link within the folder"}


def test_folder_may_be_given_by_a_link(tmp_path: Path):
    fill(tmp_path / "help", "a.md", "b.md")
    (tmp_path / "help" / "link.md").symlink_to("a.md")
    (tmp_path / "link").symlink_to("help")
    assert read(tmp_path / "link") == {"a.md": "Markdown", "b.md": "Markdown"}
    assert left_out(tmp_path / "link") == {"link.md": "symbolic link within the folder"}


# What cannot be read


def test_file_over_the_limit_is_left_out_and_one_of_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(folder_module, "MAXIMUM_BYTES", 1_000_000)
    for name, size in {"a.md": 1_000_000, "b.md": 1_000_001}.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    assert read(tmp_path) == {"a.md": "Markdown"}
    assert left_out(tmp_path) == {"b.md": "larger than 1 MB"}


def test_file_of_20_megabytes_is_left_out(tmp_path: Path):
    with (tmp_path / "a.html").open("wb") as file:
        file.truncate(20_000_000)
    assert left_out(tmp_path) == {"a.html": "larger than 10 MB"}


def test_pipe_is_left_out_and_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "a.md")
    assert read(tmp_path) == {}
    assert left_out(tmp_path) == {"a.md": "not a regular file"}


def test_file_that_cannot_be_opened_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    # Rights would not do: root reads everything.
    def refuse(self: Path, *arguments: object) -> object:
        raise PermissionError(13, "Permission denied", str(self))

    fill(tmp_path, "a.md")
    monkeypatch.setattr(Path, "open", refuse)
    assert read(tmp_path) == {}
    assert left_out(tmp_path) == {"a.md": "cannot be read (Permission denied)"}


def test_folder_that_cannot_be_opened_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    scandir = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    fill(tmp_path, "a.md", "sub/closed/b.md")
    monkeypatch.setattr(os, "scandir", refuse)
    assert read(tmp_path) == {"a.md": "Markdown"}
    assert left_out(tmp_path) == {"sub/closed": "cannot be read (Permission denied)"}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_name_that_is_not_utf_8_is_left_out_with_its_folder_once(tmp_path: Path):
    root = os.fsencode(tmp_path)
    (tmp_path / "a.md").write_text("Текст", encoding="utf-8")
    Path(os.fsdecode(root + b"/\xc2\xf5\xee\xe4.md")).write_bytes(b"x")
    below = Path(os.fsdecode(root + b"/\xcf"))
    below.mkdir()
    (below / "b.md").write_bytes(b"x")
    (below / "c.md").write_bytes(b"x")
    assert read(tmp_path) == {"a.md": "Markdown"}
    assert left_out(tmp_path) == {"\ufffd" * 4 + ".md": "name is not UTF-8", "\ufffd": "name is not UTF-8"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a\nb.md", "a\ufffdb.md"), ("\x1b[2J.md", "\ufffd[2J.md"), ("a\tb/c.md", "a\ufffdb"), ("\x85.md", "\ufffd.md")],
)
def test_name_with_control_characters_is_left_out_and_shown_without_them(tmp_path: Path, name: str, shown: str):
    fill(tmp_path, name)
    assert find_sources(tmp_path) == ([], [LeftOut(shown, "name with control characters")])


def test_folder_with_nothing_in_it_has_nothing(tmp_path: Path):
    assert find_sources(tmp_path) == ([], [])
