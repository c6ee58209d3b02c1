"""What an index is made of, read and found usable."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from indexer import knowledge
from indexer.articles import Article, Corpus, Finding, articles_root, corpus_form, read_articles
from indexer.errors import ArticleError
from indexer.readers import foreign
from indexer.sections import Section, split_article

_SHOWN_FINDINGS = 20
_LARGE = 2_000_000  # bytes of articles, which take as long to read as a process to start: half a second
_LOOKED_AT = 20  # files changed last; a millisecond each


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


def changed_last(folder: Path) -> Iterator[Section]:
    """Sections of the files that were changed last, the few that are read at no cost; none where that cannot be."""
    if corpus_form(folder) != "folder":  # the others are one file, or small
        return
    with contextlib.suppress(OSError):  # what is wrong with a file, reading tells
        for article in foreign.changed_last(folder, _LOOKED_AT):
            yield from split_article(article)


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
