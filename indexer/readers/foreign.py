"""Reads a folder of other people's help: Markdown, HTML and text side by side, each file by its own reader."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from indexer import knowledge
from indexer.adaptation import adapter
from indexer.articles import (
    Article,
    Block,
    Finding,
    ItemList,
    LeftOut,
    Paragraph,
    Progress,
    Quotation,
    Reading,
    articles_root,
)
from indexer.readers.decoding import decode
from indexer.readers.folder import FORMS, Source, find_sources, shown
from indexer.readers.markdown import read_markdown
from indexer.readers.text_dump import read_text
from indexer.readers.web_page import read_page
from indexer.words import clean

_READERS = {"Markdown": read_markdown, "HTML": read_page, "text": read_text}

_MAXIMUM_ALONE = 100_000  # bytes of a file that is read for its own sake; it is read once more with the others
_PAGES_FOR_FURNITURE = 5  # fewer pages do not show what stands on every one of them
_FURNITURE_SHARE = 0.5


def find_files(folder: Path) -> list[Path]:
    """The files that are read; sorted."""
    return [source.path for source in find_sources(articles_root(folder))[0]]


def read_folder(folder: Path, progress: Progress) -> Reading:
    """An article of every file that has one; what could not be read is left out with its reason, never an error."""
    root = articles_root(folder)
    sources, left_out = find_sources(root)
    if root == folder:
        left_out = [left for left in left_out if left.path not in knowledge.FILES]
    else:
        left_out = _beside(root, folder) + left_out
    reading = Reading(left_out=left_out)
    by_form: dict[str, list[Article]] = defaultdict(list)
    ids = _article_ids(sources, root)
    for done, source in enumerate(sources):
        progress(done, len(sources))
        found, findings = _read(source, ids[source.path])
        reading.findings.extend(findings)
        if isinstance(found, Article):
            by_form[source.form].append(found)
        else:
            reading.left_out.append(LeftOut(str(source.path.relative_to(root)), found.reason))
    progress(len(sources), len(sources))
    for form, articles in by_form.items():
        if form == "HTML":
            articles = _without_furniture(articles)
        with_text = [article for article in articles if article.body]
        reading.articles.extend(with_text)
        reading.read[form] = len(with_text)
        reading.left_out.extend(
            LeftOut(str(Path(article.source).relative_to(root)), "nothing but what stands on most pages")
            for article in articles
            if not article.body
        )
    return reading


def changed_last(folder: Path, count: int) -> Iterator[Article]:
    """The articles of the files that were changed last, at most so many, latest first, each read alone.

    Files that are large are left out, and web pages: what stands on most of them is no part of one, and not known yet.
    Raises OSError where a file goes away meanwhile.
    """
    root = articles_root(folder)
    sources, _ = find_sources(root)
    ids = _article_ids(sources, root)
    about = [(source, source.path.stat()) for source in sources if source.form != "HTML"]
    small = [(source, told.st_mtime_ns) for source, told in about if told.st_size <= _MAXIMUM_ALONE]
    for source, _ in sorted(small, key=lambda each: each[1], reverse=True)[:count]:
        found, _ = _read(source, ids[source.path])
        if isinstance(found, Article):
            yield found


def _beside(root: Path, folder: Path) -> list[LeftOut]:
    """What stands next to the folder `articles`; folders count once."""
    _, below, names = next(os.walk(folder), ("", [], []))
    others = sorted({*below, *names} - {root.name} - knowledge.FILES.keys())
    if adapter.is_adapter(folder / adapter.FOLDER):
        others = [name for name in others if name != adapter.FOLDER]
    return [LeftOut(shown(folder / name, folder), "not in the folder articles") for name in others]


def _article_ids(sources: list[Source], root: Path) -> dict[Path, str]:
    """The path below the folder without its ending; with it where another file would have the same id."""
    ids: dict[Path, str] = {}
    # «a.html.md» is «a.html.md» where there is a file «a.html», too: whole paths never meet.
    taken = {source.path.relative_to(root).as_posix() for source in sources}
    for source in sorted(sources, key=lambda source: (list(FORMS).index(source.path.suffix.lower()), source.path)):
        path = source.path.relative_to(root)
        article_id = path.with_suffix("").as_posix()
        ids[source.path] = path.as_posix() if article_id in taken else article_id
        taken.add(ids[source.path])
    return ids


def _read(source: Source, article_id: str) -> tuple[Article | LeftOut, list[Finding]]:
    name = str(source.path)
    try:
        content = source.path.read_bytes()
    except OSError as error:
        return LeftOut(name, f"cannot be read ({error.strerror})"), []
    decoded = decode(content)
    if decoded is None:
        return LeftOut(name, "binary"), []
    found, findings = _READERS[source.form](clean(decoded.text), article_id, name)
    if isinstance(found, Article) and not found.body:
        return LeftOut(name, "nothing but a title"), findings
    if decoded.unreadable:
        findings.append(
            Finding(
                name,
                f"{decoded.unreadable} places are no {decoded.encoding}; expected one encoding throughout; they were "
                "replaced: save the file as UTF-8",
                is_error=False,
            )
        )
    return found, findings


def _without_furniture(articles: list[Article]) -> list[Article]:
    """The articles without the blocks that stand on most pages of the site, whatever they were marked up as."""
    if len(articles) < _PAGES_FOR_FURNITURE:
        return articles
    pages = Counter(block for article in articles for block in set(article.body) if _may_be_furniture(block))
    furniture = {block for block, count in pages.items() if count > len(articles) * _FURNITURE_SHARE}
    if not furniture:
        return articles
    return [
        replace(article, body=tuple(block for block in article.body if block not in furniture)) for article in articles
    ]


def _may_be_furniture(block: Block) -> bool:
    return isinstance(block, Paragraph | ItemList | Quotation)  # «Причина» and «Решение» may head every article
