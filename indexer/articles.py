"""The articles of a corpus: the noun that every reader makes, and the choice of the reader."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexer.errors import ArticleError
from indexer.knowledge import QUESTIONS

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
    """A table."""

    rows: tuple[tuple[Inline, ...], ...]
    has_head: bool = True  # the first row names the columns


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
    """A list, numbered (`ordered`) or bulleted."""

    ordered: bool
    items: tuple[Item, ...]
    start: int = 1  # the number of the first item
    instructs: bool = False  # a bulleted list of steps

    @property
    def is_steps(self) -> bool:
        """Whether its items are steps: numbered ones always are."""
        return self.ordered or self.instructs


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
    internal: bool = False  # with all that stands under it


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
    internal: bool = False  # all of it
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
class LeftOut:
    """A file or folder of a corpus that was not read."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """All articles of a folder, in the order of their ids, with what was found wrong on the way."""

    folder: Path
    form: str  # "help" (our own Markdown), "beir", or "folder" (other people's help)
    articles: tuple[Article, ...]
    findings: tuple[Finding, ...] = ()
    digest: str = field(default="")  # of the names and bytes of every file that was read
    read: dict[str, int] = field(default_factory=dict)  # form of a file -> how many were read as it
    left_out: tuple[LeftOut, ...] = ()


@dataclass(slots=True)
class Reading:
    """What a reader found in a folder."""

    articles: list[Article] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)  # form of a file -> how many were read as it
    left_out: list[LeftOut] = field(default_factory=list)


Progress = Callable[[int, int], None]  # done, total


def read_articles(folder: Path, progress: Progress = lambda done, total: None, form: str = "") -> Corpus:
    """Every article of the folder; what is wrong with single files stands in `findings`, not in an exception.

    Without a `form`, a folder with a `corpus.jsonl` is BEIR's, one with a `topics.toml` our own help, whose form is
    checked; any other is somebody else's help and read as it is: what cannot be read in it is left out and named.

    Raises ArticleError where the folder as a whole cannot be a corpus: missing, not a folder, without articles.
    """
    # Imported here: the readers make the nouns of this module.
    from indexer.readers import beir, foreign, help_markdown

    if not folder.exists():
        raise ArticleError(f"{folder}: no such folder; expected a folder of articles; check the path")
    if not folder.is_dir():
        raise ArticleError(f"{folder}: is a file; expected a folder of articles; name the folder that holds it")
    form = form or corpus_form(folder)
    read = {"beir": beir.read_folder, "help": help_markdown.read_folder, "folder": foreign.read_folder}[form]
    reading = read(folder, progress)
    if not reading.articles and not reading.findings:
        raise ArticleError(
            f"{folder}: no articles{_reasons(reading.left_out)}; expected Markdown, HTML or text files, our own form "
            "(see corpus/README.md) or a BEIR corpus.jsonl; name a folder that holds them"
        )
    return Corpus(
        folder,
        form,
        tuple(sorted(reading.articles, key=lambda article: article.article_id)),
        tuple(reading.findings),
        corpus_digest(folder),
        reading.read,
        tuple(reading.left_out),
    )


def corpus_form(folder: Path) -> str:
    """What kind of corpus a folder is: "beir", "help" or "folder"."""
    if (folder / "corpus.jsonl").is_file():
        return "beir"
    return "help" if (folder / "topics.toml").is_file() else "folder"


def articles_root(folder: Path) -> Path:
    """The folder that article ids are relative to."""
    return folder / "articles" if (folder / "articles").is_dir() else folder


def _reasons(left_out: Sequence[LeftOut]) -> str:
    counts = Counter(left.reason for left in left_out)
    return " (left out: " + ", ".join(f"{reason} {n}" for reason, n in counts.most_common()) + ")" if counts else ""


def corpus_digest(folder: Path) -> str:
    """SHA-256 of the names and contents of the files that a build of this folder reads; hexadecimal.

    Raises ArticleError where a file cannot be read.
    """
    from indexer.readers import beir, foreign, help_markdown

    form = corpus_form(folder)
    find = {"beir": beir.find_files, "help": help_markdown.find_files, "folder": foreign.find_files}[form]
    digest = hashlib.sha256()
    questions = [path for path in [folder / QUESTIONS] if path.is_file()]
    for path in [*find(folder), *sorted(folder.glob("*.toml")), *questions]:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArticleError(
                f"{path}: cannot be read ({error.strerror}); check that it is a readable file"
            ) from error
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
