"""What a page shows for a ranking: hits grouped under their article, topics, contacts."""

from collections.abc import Iterable
from dataclasses import dataclass

from indexer.artifact import ArticleHead
from indexer.sections import Section
from server.addresses import article_url, section_url
from server.found import Hit
from server.search import Searcher


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of one article, in the order of the ranking."""

    title: str
    url: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A section as a link."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class TopicCard:
    """A topic of the start page."""

    title: str
    url: str  # of its first article
    sections: int
    questions: tuple[Question, ...]  # those the editor marked as featured


def grouped(hits: Iterable[Hit]) -> tuple[Group, ...]:
    """The hits under their articles; articles stand in the order of their best hit."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.article_id, []).append(hit)
    return tuple(Group(found[0].title, article_url(found[0].article_id), tuple(found)) for found in groups.values())


def topic_cards(searcher: Searcher) -> tuple[TopicCard, ...]:
    """The topics that have articles, in the order of the navigation; none in a help without topics."""
    artifact = searcher.artifact
    by_topic: dict[str, list[ArticleHead]] = {}
    for head in artifact.articles:
        by_topic.setdefault(head.topic, []).append(head)
    cards = []
    for topic in artifact.topics.topic:
        heads = sorted(by_topic.get(topic.id, ()), key=lambda head: (head.order, head.article_id))
        if not heads:
            continue
        sections = [section for head in heads for section in searcher.sections_of(head.article_id)]
        featured = [f"{head.article_id}#{anchor}" for head in heads for anchor in head.featured][:2]
        cards.append(
            TopicCard(
                topic.title,
                article_url(heads[0].article_id),
                sum(section.level == 2 for section in sections),
                tuple(question(searcher.sections[section_id]) for section_id in featured),
            )
        )
    return tuple(cards)


def question(section: Section) -> Question:
    """A section as a link with its own heading."""
    return Question(section.headings[-1], section_url(section))
