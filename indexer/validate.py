"""What a content editor should mend in a corpus of our own form, beyond what reading single files finds."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from indexer import artifact, knowledge
from indexer.articles import Article, Corpus, Finding, Heading, articles_root
from indexer.errors import ArticleError, ArtifactError
from indexer.readers import help_markdown
from indexer.sections import Section, split_article, with_parts


def check(corpus: Corpus, index: Path | None = None) -> list[Finding]:
    """Everything wrong with the corpus; `index` is the last index built from it, to notice ids that vanished."""
    findings = list(corpus.findings)
    if corpus.form != "help":
        return findings
    sections = [section for article in corpus.articles for section in split_article(article)]
    topics, more = _table(corpus, "topics.toml", knowledge.Topics)
    findings += more
    if topics is None and not more:
        findings.append(Finding(str(corpus.folder / "topics.toml"), "is missing; expected the list of topics; add it"))
    findings += _topics(corpus.articles, {topic.id for topic in topics.topic} if topics else None)
    unread = _unread(corpus)
    findings += _targets(corpus.articles, sections, unread)
    findings += _aliases(corpus.articles, sections)
    errors, more = _table(corpus, "errors.toml", knowledge.KnownErrors)
    findings += [*more, *_errors(corpus.folder, errors, sections, unread)]
    findings += _questions(corpus.folder, sections, unread)
    synonyms, more = _table(corpus, "synonyms.toml", knowledge.Synonyms)
    findings += [*more, *_synonyms(corpus.folder, synonyms)]
    support, more = _table(corpus, "support.toml", knowledge.Support)
    findings += [*more, *_support(corpus.folder, support)]
    if index is not None:
        findings += _vanished(corpus, sections, index, unread)
    return sorted(findings, key=_in_reading_order)


def _in_reading_order(finding: Finding) -> tuple[str, int]:
    file, _, line = finding.place.rpartition(":")
    return (file, int(line)) if line.isdigit() else (finding.place, 0)


def _unread(corpus: Corpus) -> set[str]:
    """Ids of articles that exist but could not be read: what points to them is not to blame."""
    root = articles_root(corpus.folder)
    ids = {path.relative_to(root).with_suffix("").as_posix() for path in help_markdown.find_files(corpus.folder)}
    return ids - {article.article_id for article in corpus.articles}


def _table(corpus: Corpus, name: str, kind: type[knowledge.Table]) -> tuple[knowledge.Table | None, list[Finding]]:
    try:
        return knowledge.read(corpus.folder, name, kind), []
    except ArticleError as error:
        return None, _findings_of(error)


def _findings_of(error: ArticleError) -> list[Finding]:
    pairs = [line.partition(": ") for line in str(error).splitlines()]
    return [Finding(place, message) for place, _, message in pairs]


def _topics(articles: Sequence[Article], topics: set[str] | None) -> Iterable[Finding]:
    for article in articles:
        if topics is not None and article.topic not in topics:
            known = ", ".join(sorted(topics))
            yield Finding(
                f"{article.source}:{_line(article, 'topic:')}",
                f'topic "{article.topic}" is unknown; expected one of {known}; correct it or add it to topics.toml',
            )


def _line(article: Article, start: str) -> int:
    """The line of the article's file that begins so; 1 where none does."""
    lines = Path(article.source).read_text(encoding="utf-8-sig").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(start)), 1)


def _targets(articles: Sequence[Article], sections: Sequence[Section], unread: set[str]) -> Iterable[Finding]:
    known = {article.article_id for article in articles} | {section.section_id for section in sections}
    moved = {alias: section.section_id for section in sections for alias in section.aliases}
    moved |= {alias: article.article_id for article in articles for alias in article.aliases}
    for article in articles:
        headings = [block for block in article.body if isinstance(block, Heading)]
        places = [(target, _line(article, "related:")) for target in article.related]
        places += [(target, heading.line + 1) for heading in headings for target in heading.related]
        places += [(link.target, link.line) for link in article.links]
        for target, line in places:
            if target not in known and target.partition("#")[0] not in unread:
                yield Finding(f"{article.source}:{line}", f'link to "{target}"; {_advice(target, known, moved)}')
        for anchor in article.featured:
            section_id = f"{article.article_id}#{anchor}"
            if section_id not in known:
                place = f"{article.source}:{_line(article, 'featured:')}"
                yield Finding(place, f'featured section "{anchor}"; {_advice(section_id, known, moved)}')


def _advice(target: str, known: set[str], moved: Mapping[str, str]) -> str:
    """What was expected in place of a dead target, and what to do."""
    if target in moved:
        return f'it is "{moved[target]}" now; expected present ids within the help; write that'
    article_id = target.partition("#")[0]
    if article_id in known:
        own = sorted(name.partition("#")[2] for name in known if name.startswith(f"{article_id}#"))
        return f"expected a section of {article_id} ({', '.join(own)}); correct or remove it"
    near = get_close_matches(article_id, [name for name in known if "#" not in name])
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    return f"expected an article or article#section that exists{hint}; correct or remove it"


def _aliases(articles: Sequence[Article], sections: Sequence[Section]) -> Iterable[Finding]:
    taken = {article.article_id: article.source for article in articles}
    taken |= {section.section_id: f"section {section.section_id}" for section in sections}
    claims = [(alias, article.source) for article in articles for alias in article.aliases]
    source = {article.article_id: article.source for article in articles}
    claims += [(alias, source[section.article_id]) for section in sections for alias in section.aliases]
    for alias, place in claims:
        if alias in taken:
            yield Finding(place, f'alias "{alias}" is taken by {taken[alias]}; expected an id nobody has; remove it')
        taken[alias] = place


def _errors(
    folder: Path, errors: knowledge.KnownErrors | None, sections: Sequence[Section], unread: set[str]
) -> Iterable[Finding]:
    path = folder / "errors.toml"
    if errors is None:
        return
    content = path.read_text(encoding="utf-8-sig")
    texts = {section.section_id: _spaced("\n".join([*section.headings, section.text])) for section in sections}
    seen: set[str] = set()
    for error in errors.error:
        place = f"{path}:{knowledge.line_of(content, error.text)}"
        if error.text in seen:
            yield Finding(place, f'"{error.text}" stands twice; expected each text once; remove one')
        seen.add(error.text)
        if error.section.partition("#")[0] in unread:
            continue
        if error.section not in texts:
            yield Finding(place, f'section "{error.section}" does not exist; expected article#section; correct it')
        elif _spaced(error.text) not in texts[error.section]:
            others = ", ".join(name for name, text in texts.items() if _spaced(error.text) in text) or "no section"
            yield Finding(
                place,
                f'"{error.text}" does not stand in {error.section} (it stands in {others}); '
                "expected it there word for word; write it into the section or correct the entry",
            )


def _questions(folder: Path, sections: Sequence[Section], unread: set[str]) -> Iterable[Finding]:
    path = folder / knowledge.QUESTIONS
    known = {section.section_id: section for section in sections}
    articles: dict[str, list[Section]] = {}
    for section in sections:
        articles.setdefault(section.article_id, []).append(section)
    try:
        questions = knowledge.numbered_questions(folder)
    except ArticleError as error:
        yield from _findings_of(error)
        return
    lines: dict[str, int] = {}
    for number, question in questions:
        place = f"{path}:{number}"
        key = question.line.lower()
        if key in lines:
            yield Finding(place, f'"{question.text}" stands in line {lines[key]}, too; expected it once; remove one')
        lines.setdefault(key, number)
        missing = [section for section in question.sections if section not in known]
        for name in missing:
            if name.partition("#")[0] not in unread:
                yield Finding(place, f'section "{name}" does not exist; expected article#section; correct it')
        answering = [known[name] for name in question.sections if name in known]
        parts = (part for section in answering for part in with_parts(section, articles[section.article_id]))
        steps = {step.step_id for part in parts for step in part.steps}
        for step in () if missing else question.steps or ():
            if step not in steps:
                yield Finding(
                    place,
                    f'step "{step}" is none of its sections; expected ids of their steps as they read now; '
                    "judge the answer again, or remove the id",
                )


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _synonyms(folder: Path, synonyms: knowledge.Synonyms | None) -> Iterable[Finding]:
    path = folder / "synonyms.toml"
    if synonyms is None:
        return
    content = path.read_text(encoding="utf-8-sig")
    groups = {
        "two_way": [group.words for group in synonyms.two_way],
        "one_way": [group.from_ for group in synonyms.one_way],
    }
    for kind, members in groups.items():
        seen: set[str] = set()
        for word in (word for words in members for word in words):
            if word.lower() in seen:
                place = f"{path}:{knowledge.line_of(content, word)}"
                yield Finding(place, f'"{word}" stands in two {kind} groups; expected it in one; join the groups')
            seen.add(word.lower())
        if any(len(words) < 2 for words in members) and kind == "two_way":
            yield Finding(str(path), "a two_way group of fewer than two words; expected at least two; complete it")


def _support(folder: Path, support: knowledge.Support | None) -> Iterable[Finding]:
    path = folder / "support.toml"
    if support is None:
        return
    content = path.read_text(encoding="utf-8-sig")
    for route in support.route:
        place = f"{path}:{knowledge.line_of(content, route.id)}"
        if route.hours and route.hours not in support.hours:
            yield Finding(
                place, f'hours "{route.hours}" are not defined; expected one of {", ".join(support.hours)}; correct it'
            )
        if not route.address:
            yield Finding(
                place,
                f'route "{route.id}" has no address; expected one from whoever runs the site; '
                "it is shown in words until then",
                is_error=False,
            )


def _vanished(corpus: Corpus, sections: Sequence[Section], index: Path, unread: set[str]) -> Iterable[Finding]:
    try:
        last = artifact.read_sections(artifact.current(index))
    except ArtifactError:
        return  # no index yet, or an unusable one: nothing to compare with
    kept = {section.section_id for section in sections}
    kept |= {alias for section in sections for alias in section.aliases}
    moved = {alias for article in corpus.articles for alias in article.aliases}
    sources = {article.article_id: article.source for article in corpus.articles}
    for section in last:
        if section.section_id not in kept and section.article_id not in moved | unread:
            yield Finding(
                sources.get(section.article_id, str(corpus.folder)),
                f'section "{section.section_id}" of the last index is gone; expected addresses to live for ever; '
                f"add alias={section.anchor} to the section (or aliases to the article) that took its place",
            )
