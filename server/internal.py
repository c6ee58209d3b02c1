"""What a caller may see who may not see internal sections: an index of its own, in which they do not exist.

Whatever is made of that index (rankings, suggestions, steps, quotes, lists, links, replies that are kept) cannot hold
what it does not have; no route has to remember to leave something out.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

import numpy as np

from indexer.artifact import ArticleHead, Artifact
from indexer.knowledge import KnownErrors, Question
from indexer.sections import Section
from indexer.sentences import SentenceIndex
from indexer.wordlist import folded
from indexer.words import clean, word_texts

_FOR_ADMINS = ("admin",)
_LINK = re.compile(r'<a href="/articles/([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)


def without_internal(artifact: Artifact) -> Artifact:
    """The artifact without internal sections and all that names them; itself where it has none.

    Rows of its sections, lexical index and vectors are the same sections again. An article of which nothing is left is
    gone; so is a `##` section that did nothing but list its parts.
    """
    hidden = internal_ids(artifact)
    if not hidden:
        return artifact
    kept, changed = [], set()
    for row, section in enumerate(artifact.sections):
        if section.section_id in hidden:
            continue
        shown = _without_hidden_parts(section, _titles_below(artifact.sections, row, hidden))
        if shown is None:
            hidden |= {section.section_id}
            continue
        if shown is not section:
            changed.add(section.section_id)
        kept.append((row, shown))
    rows = [row for row, _ in kept]
    there = {section.article_id for _, section in kept}
    gone = _names_of(artifact, hidden, there)
    sections = tuple(_without_names(section, gone) for _, section in kept)
    errors = artifact.errors.model_copy(
        update={"error": tuple(error for error in artifact.errors.error if not _is_gone(error.section, gone))}
    )
    words = _words(sections, errors)
    quotable = frozenset(section.section_id for section in sections) - changed
    return replace(
        artifact,
        articles=tuple(_head(head, hidden, gone) for head in artifact.articles if head.article_id in there),
        sections=sections,
        lexical=artifact.lexical.of_rows(rows),
        vectors=artifact.vectors.of_rows(rows),
        words=replace(artifact.words, corpus={word: n for word, n in artifact.words.corpus.items() if word in words}),
        errors=errors,
        questions=replace(
            artifact.questions,
            questions=tuple(_question(question, hidden) for question in artifact.questions.questions),
        ),
        sentences=_sentences(artifact.sentences, quotable),
    )


def internal_ids(artifact: Artifact) -> frozenset[str]:
    """The ids of the sections that are marked as internal or for administrators alone, or under such a one.

    A part for everybody under a section for administrators is internal, too: its path would tell the titles above it.
    """
    closed = {head.article_id for head in artifact.articles if head.internal or head.audiences == _FOR_ADMINS}
    found = set()
    article_id, inside = "", 0  # level of the internal section that the rows are in; 0: in none
    for section in artifact.sections:
        if section.article_id != article_id:
            article_id, inside = section.article_id, 0
        if inside and section.level <= inside:
            inside = 0
        is_internal = section.internal or section.audiences == _FOR_ADMINS or article_id in closed
        if is_internal and not inside and section.level > 1:  # what opens an article has nothing below it
            inside = section.level
        if inside or is_internal:
            found.add(section.section_id)
    return frozenset(found)


def _titles_below(sections: Sequence[Section], row: int, hidden: frozenset[str]) -> list[str]:
    """The headings of the hidden parts of a section."""
    found = []
    for part in sections[row + 1 :]:
        if part.article_id != sections[row].article_id or part.level <= sections[row].level:
            break
        if part.section_id in hidden:
            found.append(part.headings[-1])
    return found


def _without_hidden_parts(section: Section, titles: Sequence[str]) -> Section | None:
    """The section without the lines that name its hidden parts, as one does that has no text of its own.

    Itself where it names none; None where nothing is left.
    """
    lines = section.text.split("\n")
    left = [line for line in lines if line.removeprefix("• ") not in titles]
    if len(left) == len(lines):
        return section
    shown = section.html
    for title in titles:
        shown = shown.replace(f"<li>{html.escape(title, quote=False)}</li>", "")
    return replace(section, text="\n".join(left), html=shown) if any(left) else None


def _names_of(artifact: Artifact, hidden: frozenset[str], there: set[str]) -> frozenset[str]:
    """Every id, present or past, of what is hidden: of sections, and of articles of which nothing is left."""
    names = set(hidden)
    for section in artifact.sections:
        if section.section_id in hidden:
            names.update(section.aliases)
    for head in artifact.articles:
        if head.article_id not in there:
            names.update((head.article_id, *head.aliases))
    return frozenset(names)


def _is_gone(target: str, gone: frozenset[str]) -> bool:
    return target in gone or target.partition("#")[0] in gone


def _without_names(section: Section, gone: frozenset[str]) -> Section:
    """The section without links to what is hidden; their words stay, its author wrote them for everybody."""

    def unlinked(match: re.Match[str]) -> str:
        return match[2] if _is_gone(unquote(html.unescape(match[1])), gone) else match[0]

    related = tuple(target for target in section.related if not _is_gone(target, gone))
    return replace(section, related=related, html=_LINK.sub(unlinked, section.html))


def _head(head: ArticleHead, hidden: frozenset[str], gone: frozenset[str]) -> ArticleHead:
    return replace(
        head,
        related=tuple(target for target in head.related if not _is_gone(target, gone)),
        featured=tuple(anchor for anchor in head.featured if f"{head.article_id}#{anchor}" not in hidden),
    )


def _question(question: Question, hidden: frozenset[str]) -> Question:
    """The question with the answers that can be seen; one that has none is a question without an answer here."""
    sections = tuple(section_id for section_id in question.sections if section_id not in hidden)
    return question.model_copy(update={"sections": sections})


def _words(sections: Sequence[Section], errors: KnownErrors) -> set[str]:
    """The words that queries may be repaired to: those of what can be seen (indexer/build.py, texts_of_words)."""
    texts = [text for section in sections for text in (*section.headings[-1:], *section.keywords, section.text)]
    texts += [error.text for error in errors.error]
    return {folded(word) for text in texts for word in word_texts(clean(text))}


def _sentences(index: SentenceIndex, quotable: frozenset[str]) -> SentenceIndex:
    places = [place for place, sentence in enumerate(index.sentences) if sentence.section_id in quotable]
    vectors = index.vectors[places] if places else np.zeros((0, index.vectors.shape[1]), dtype=np.float32)
    return SentenceIndex(tuple(index.sentences[place] for place in places), vectors)
