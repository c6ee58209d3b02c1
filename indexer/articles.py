"""The articles of a corpus: the noun that every reader makes, and the choice of the reader."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from indexer.errors import ArticleError

PLATFORMS = ("android", "ios", "web", "desktop", "server")
AUDIENCES = ("user", "admin")
DANGERS = ("deletes_data", "signs_out", "needs_admin")

TOP = "top"  # the anchor of the text before an article's first sub-heading


@dataclass(frozen=True, slots=True)
class Inline:
    """A run of text within a block, as it is searched and as it is shown."""

    text: str
    html: str  # safe: made by us from parsed text, never copied from a file


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph."""

    inline: Inline


@dataclass(frozen=True, slots=True)
class Preformatted:
    """A block of code or output."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first row is its head."""

    rows: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list: its first line, what stands under it, and its attributes."""

    inline: Inline
    blocks: tuple["Block", ...] = ()
    platforms: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    danger: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemList:
    """A list; a list of steps (`ordered`) or of anything else."""

    ordered: bool
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Quotation:
    """A quotation."""

    blocks: tuple["Block", ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading with its attributes; opens a section."""

    level: int  # 2 is a sub-question, 3 a part of it
    text: str
    anchor: str  # "" where the source gives none; sections.py then makes one
    line: int
    platforms: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


Block = Paragraph | Preformatted | Table | ItemList | Quotation | Heading


@dataclass(frozen=True, slots=True)
class Link:
    """A link from an article to another place in the help."""

    target: str  # "article_id", "article_id#anchor"
    line: int


@dataclass(frozen=True, slots=True)
class Article:
    """One article as its file gives it."""

    article_id: str
    title: str
    body: tuple[Block, ...]
    source: str  # the file, for messages
    topic: str = ""
    order: int = 100
    platforms: tuple[str, ...] = ()  # empty: all
    audiences: tuple[str, ...] = ()  # empty: all
    updated: str = ""  # ISO date, "" where unknown
    keywords: tuple[str, ...] = ()
    related: tuple[str, ...] = ()  # "article_id" or "article_id#anchor"
    featured: tuple[str, ...] = ()  # anchors
    aliases: tuple[str, ...] = ()  # earlier article ids
    facts: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a corpus that its author should mend."""

    place: str  # file, or file:line
    message: str  # found; expected; what to do
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {'' if self.is_error else 'warning: '}{self.message}"


@dataclass(frozen=True, slots=True)
class Corpus:
    """All articles of a folder, in the order of their ids, with what was found wrong on the way."""

    folder: Path
    form: str  # "help" (our own Markdown) or "beir"
    articles: tuple[Article, ...]
    findings: tuple[Finding, ...] = ()
    digest: str = field(default="")  # of the names and bytes of every file that was read


Progress = Callable[[int, int], None]  # done, total


def read_articles(folder: Path, progress: Progress = lambda done, total: None) -> Corpus:
    """Every article of the folder; what is wrong with single files stands in `findings`, not in an exception.

    Raises ArticleError where the folder as a whole cannot be a corpus: missing, not a folder, without articles.
    """
    # Imported here: the readers make the nouns of this module.
    from indexer.readers import beir, help_markdown

    if not folder.exists():
        raise ArticleError(f"{folder}: no such folder; expected a folder of articles; check the path")
    if not folder.is_dir():
        raise ArticleError(f"{folder}: is a file; expected a folder of articles; name the folder that holds it")
    if (folder / "corpus.jsonl").is_file():
        form, paths, read = "beir", [folder / "corpus.jsonl"], beir.read_file
    else:
        form, paths, read = "help", help_markdown.find_files(folder), help_markdown.read_file
    if not paths:
        raise ArticleError(
            f"{folder}: no articles; expected articles/*.md (see corpus/README.md) or a BEIR corpus.jsonl; "
            "name a folder that holds them"
        )
    articles: list[Article] = []
    findings: list[Finding] = []
    for done, path in enumerate(paths):
        progress(done, len(paths))
        found, wrong = read(path, folder)
        articles.extend(found)
        findings.extend(wrong)
    progress(len(paths), len(paths))
    if not articles and not findings:
        raise ArticleError(f"{folder}: no articles in it; expected at least one; write one or name another folder")
    articles.sort(key=lambda article: article.article_id)
    return Corpus(folder, form, tuple(articles), tuple(findings), corpus_digest(folder))


def corpus_digest(folder: Path) -> str:
    """SHA-256 of the names and contents of the files that a build of this folder reads; hexadecimal.

    Raises ArticleError where a file cannot be read.
    """
    from indexer.readers import help_markdown

    beir_file = folder / "corpus.jsonl"
    paths = [beir_file] if beir_file.is_file() else [*help_markdown.find_files(folder), *sorted(folder.glob("*.toml"))]
    digest = hashlib.sha256()
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArticleError(
                f"{path}: cannot be read ({error.strerror}); check that it is a readable file"
            ) from error
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
