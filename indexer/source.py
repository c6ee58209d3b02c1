"""What an index is made of, read and found usable; of a large folder in a process of its own."""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from indexer import knowledge
from indexer.articles import Article, Corpus, Finding, articles_root, read_articles
from indexer.errors import ArticleError
from indexer.sections import Section, split_article

_SHOWN_FINDINGS = 20
_LARGE = 2_000_000  # bytes of articles, which take as long to read as a process to start: half a second


class Reporter(Protocol):
    """Where a build says how far it is."""

    def say(self, message: str) -> None:
        """A line about the build as a whole."""

    def progress(self, stage: str, unit: str) -> Callable[[int, int], None]:
        """What a stage calls with (done, total) as it moves."""


@dataclass(frozen=True, slots=True)
class Source:
    """The articles of a folder and what their editor keeps beside them."""

    corpus: Corpus
    articles: list[Article]
    skipped: list[Finding]  # with --keep-going
    sections: list[Section]
    errors: knowledge.KnownErrors
    questions: tuple[knowledge.Question, ...]


def read(folder: Path, keep_going: bool, reporter: Reporter) -> Source:
    """The source in a folder. Raises ArticleError for mistakes."""
    corpus = read_articles(folder, reporter.progress("Reading", "file"))
    articles, skipped = _usable(corpus, keep_going)
    sections = [section for article in articles for section in split_article(article)]
    for name, kind in knowledge.FILES.items():  # a server could not load an index with a broken one
        if kind is not knowledge.KnownErrors:
            knowledge.read(folder, name, kind)
    errors = knowledge.read(folder, "errors.toml", knowledge.KnownErrors) or knowledge.KnownErrors()
    return Source(corpus, articles, skipped, sections, errors, knowledge.read_questions(folder))


def is_large(folder: Path) -> bool:
    """Whether reading the folder takes longer than starting a process for it."""
    try:
        return sum(path.stat().st_size for path in articles_root(folder).rglob("*") if path.is_file()) > _LARGE
    except OSError:
        return False  # what is wrong with it, reading tells


def read_beside(folder: Path, keep_going: bool, reporter: Reporter, meanwhile: Callable[[], object]) -> Source:
    """The same, read in a process of its own while this one does something else.

    A thread would not do: reading and loading a model are both Python's own work. Raises ArticleError as `read` does.
    """
    context = multiprocessing.get_context("spawn")  # a fork would take the locks of libraries' threads along
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(theirs, folder, keep_going, reporter), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed
    try:
        meanwhile()
        told: Source | ArticleError = ours.recv()
    except EOFError:  # it was stopped, for want of memory say
        return read(folder, keep_going, reporter)
    finally:
        ours.close()
        process.terminate()  # where it has not ended by itself: something went wrong here
        process.join()
    if isinstance(told, ArticleError):
        raise told
    return told


def _tell(pipe: Connection, folder: Path, keep_going: bool, reporter: Reporter) -> None:
    """Reads and sends what was read, or why it cannot be; for a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the build, and ends this with it
    try:
        told: Source | ArticleError = read(folder, keep_going, reporter)
    except ArticleError as error:
        told = error
    with contextlib.suppress(BrokenPipeError):  # nobody waits any more
        pipe.send(told)


def _usable(corpus: Corpus, keep_going: bool) -> tuple[list[Article], list[Finding]]:
    """The articles to index. Files with mistakes stop the build, or with `keep_going` are left out and named."""
    findings = [finding for finding in corpus.findings if finding.is_error]
    if findings and not keep_going:
        shown = "\n".join(map(str, findings[:_SHOWN_FINDINGS]))
        more = f"\n… and {len(findings) - _SHOWN_FINDINGS} more" if len(findings) > _SHOWN_FINDINGS else ""
        raise ArticleError(f"{shown}{more}\nNothing was built. Mend the files, or leave them out with --keep-going.")
    # BEIR lines have a place of their own each, so a bad line costs no other article.
    bad = (
        {finding.place.rpartition(":")[0] or finding.place for finding in findings} if corpus.form == "help" else set()
    )
    articles = [article for article in corpus.articles if article.source not in bad]
    if not articles:
        raise ArticleError(
            f"{corpus.folder}: no usable article; expected at least one; mend the files named above"
            + "".join(f"\n{finding}" for finding in findings[:_SHOWN_FINDINGS])
        )
    return articles, findings
