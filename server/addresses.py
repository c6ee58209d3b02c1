"""Where articles and their sections stand on the site."""

from functools import lru_cache
from urllib.parse import quote

from indexer.sections import Section

_QUOTED = 4096  # parts of addresses that are kept, about 0.2 kB each


def section_url(section: Section) -> str:
    """Where the section stands on the site."""
    return f"{article_url(section.article_id)}#{_quoted(section.anchor)}"


def article_url(article_id: str) -> str:
    """Where the article stands on the site."""
    return f"/articles/{_quoted(article_id)}"


@lru_cache(maxsize=_QUOTED)
def _quoted(part: str) -> str:
    return quote(part)
