"""Which files of a folder are read as what, and which are left out and why."""

import os
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from indexer.adaptation import adapter
from indexer.articles import LeftOut

FORMS = {
    ".md": "Markdown",
    ".markdown": "Markdown",
    ".mdown": "Markdown",
    ".mkd": "Markdown",
    ".html": "HTML",
    ".htm": "HTML",
    ".xhtml": "HTML",
    ".txt": "text",
    ".text": "text",
}

MAXIMUM_BYTES = 10_000_000  # of one file; the whole of our own help is 0.2 MB


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be read."""

    path: Path
    form: str  # a value of FORMS


def find_sources(root: Path) -> tuple[list[Source], list[LeftOut]]:
    """The files below `root` that are read, and what is left out; both sorted by path.

    Left out are hidden files and folders (a folder counts once), symbolic links, files over MAXIMUM_BYTES, what is no
    regular file or cannot be opened, names that no address can hold, and whatever is in no form of FORMS. A symbolic
    link within the folder is left out as well: its target is read in its own place. The corpus's model adapter
    (`adapter/`) is no part of its texts and not named at all.
    """
    sources: list[Source] = []
    left_out: list[LeftOut] = []
    inside = root.resolve()

    def unreadable(error: OSError) -> None:
        left_out.append(LeftOut(shown(Path(error.filename), root), f"cannot be read ({error.strerror})"))

    for folder, below, names in os.walk(root, onerror=unreadable):
        entered: list[str] = []
        for name in below:
            path = Path(folder, name)
            if path == root / adapter.FOLDER and adapter.is_adapter(path):
                continue
            if reason := _reason(path, inside):
                left_out.append(LeftOut(shown(path, root), reason))
            else:
                entered.append(name)
        for name in names:
            path = Path(folder, name)
            if reason := _reason(path, inside) or _file_reason(path):
                left_out.append(LeftOut(shown(path, root), reason))
            else:
                sources.append(Source(path, FORMS[path.suffix.lower()]))
        below[:] = entered
    sources.sort(key=lambda source: source.path)
    left_out.sort(key=lambda left: left.path)
    return sources, left_out


def _reason(path: Path, inside: Path) -> str:
    """Why a file or folder is left out; "" where it is read or entered."""
    if path.name.startswith("."):
        return "hidden"
    try:
        if path.is_symlink():
            if not path.exists():
                return "symbolic link to nothing"
            within = path.resolve().is_relative_to(inside)
            return f"symbolic link {'within' if within else 'out of'} the folder"
        path.name.encode()
    except UnicodeEncodeError:
        return "name is not UTF-8"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "name with control characters" if any(map(_is_control, path.name)) else ""


def _file_reason(path: Path) -> str:
    """Why a file is left out; "" where it is read."""
    try:
        if not path.is_file():
            return "not a regular file"
        if path.suffix.lower() not in FORMS:
            return "other format"
        if path.stat().st_size > MAXIMUM_BYTES:
            return f"larger than {MAXIMUM_BYTES // 1_000_000} MB"
        path.open("rb").close()
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) == "Cc"


def shown(path: Path, root: Path) -> str:
    """The path below `root`, fit to be printed in a line."""
    name = os.fsencode(path.relative_to(root)).decode(errors="replace")
    return "".join("\ufffd" if _is_control(letter) else letter for letter in name)
