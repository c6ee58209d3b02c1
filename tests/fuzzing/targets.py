"""What is fuzzed: each target takes bytes, and raises where a promise is broken. None of this needs atheris."""

import atexit
import html
import re
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from unittest import mock

from helpers import CORPUS, HashEncoder, build_index

from indexer import artifact
from indexer.articles import Article, LeftOut
from indexer.errors import ArtifactError, ModelError
from indexer.readers import decoding
from indexer.readers.markdown import read_markdown
from indexer.readers.text_dump import read_text
from indexer.readers.web_page import read_page
from indexer.sections import split_article
from server.interpretation import AS_TYPED
from server.personal import hide
from server.reading.masks import mask
from server.schema import MAXIMUM_QUERY
from server.search import Searcher

SEEDS = Path(__file__).parent / "seeds"

OWN_TAG = re.compile(
    r"</?(?:p|ol|ul|li|pre|code|table|thead|tbody|tr|th|td|br|a|strong|em|blockquote|h[2-6]|div|span|kbd)\b"
)
_RUNS = re.compile(r"\s(?:on\w+|style|srcdoc|src)=", re.IGNORECASE)
_RUNNING_LINK = re.compile(r'href="[\s\0-\x20]*(?:javascript|vbscript|data):', re.IGNORECASE)


def check_harmless(written: str) -> None:
    """The HTML of a section has tags of our own alone, and nothing in them that runs or loads by itself."""
    for tag in re.findall(r"<[^>]*>", written):
        assert OWN_TAG.match(tag), tag
        assert not _RUNS.search(re.sub(r'"[^"]*"', "", tag)), tag
        assert not _RUNNING_LINK.search(re.sub(r"[\t\r\n]", "", html.unescape(tag))), tag


def _reader(read: Callable, name: str) -> Callable[[bytes], None]:
    def target(content: bytes) -> None:
        decoded = decoding.decode(content)
        if decoded is None:
            return
        found, findings = read(decoded.text, "проба", name)
        assert isinstance(found, Article | LeftOut)
        assert all(finding.message for finding in findings)
        if isinstance(found, Article):
            for section in split_article(found):
                check_harmless(section.html)

    return target


def query(content: bytes) -> None:
    """A query or a pasted text: read as meant and as typed, and masked. Bytes that are no UTF-8 are lone surrogates."""
    text = content.decode("utf-8", "surrogateescape")[:MAXIMUM_QUERY]
    searcher = _searcher()
    for without in ((), AS_TYPED):
        read = searcher.read(text, without)
        assert read.kind in ("keywords", "question", "error")
        assert all(0 <= change.confidence <= 1 for change in read.changes)
    assert all(times > 0 for times in hide(text).counts.values())
    mask(text)


def loading(content: bytes) -> None:
    """One file of an index with an edit that no checksum tells of: the index is loaded, or refused in words.

    The first byte chooses the file, two the place, two how much goes there; the rest comes in its stead. Vectors in
    FAISS's own format are left out: FAISS reads them in C++, and what checksums let through is the builder's own.
    """
    if len(content) < 5:
        return
    files, whole = _files()
    path = files[content[0] % len(files)]
    place = int.from_bytes(content[1:3], "big") % (len(whole[path]) + 1)
    gone = int.from_bytes(content[3:5], "big")
    path.write_bytes(whole[path][:place] + content[5:] + whole[path][place + gone :])
    try:
        with mock.patch.object(artifact, "verify", artifact.read_manifest):
            artifact.load_folder(files[0].parent)
    except (ArtifactError, ModelError) as error:
        assert str(error)
    finally:
        path.write_bytes(whole[path])


TARGETS: dict[str, Callable[[bytes], None]] = {
    "page": _reader(read_page, "проба.html"),
    "markdown": _reader(read_markdown, "проба.md"),
    "dump": _reader(read_text, "проба.txt"),
    "query": query,
    "loading": loading,
}


@cache
def _index() -> Path:
    """The generation of the test corpus, in a folder whose name says nothing of its manifest; with few words."""
    folder = Path(tempfile.mkdtemp(prefix="spravka-fuzzing-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    build_index(CORPUS, folder / "built")
    return artifact.current(folder / "built").rename(folder / "generation")


@cache
def _searcher() -> Searcher:
    return Searcher(artifact.load_folder(_index()), HashEncoder())


@cache
def _files() -> tuple[list[Path], dict[Path, bytes]]:
    """The files that are edited, the manifest first, and what they hold."""
    _searcher()  # made of all words, before most of them go
    folder = _index()
    words = folder / "words.tsv"
    words.write_bytes(b"".join(words.read_bytes().splitlines(keepends=True)[:200]))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".faiss")
    files.insert(0, files.pop(files.index(folder / "manifest.json")))
    return files, {path: path.read_bytes() for path in files}
