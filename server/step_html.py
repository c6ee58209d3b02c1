"""Steps as HTML: with the links, the code and the emphasis that they have in their article."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from indexer.sections import Section
from server.steps import AnswerStep

_TAG = re.compile(r"<(/?)(ol|ul|li)\b[^>]*>")
_BLOCK = re.compile(r"</?(?:p|pre|br|div|table|thead|tbody|tr|th|td|blockquote|ul|ol|li)\b[^<>]*>")
_SPACE = re.compile(r"[ \t\n]+")  # as a browser joins it; none that must not break


@dataclass(frozen=True, slots=True)
class StepHtml:
    """A step, word for word."""

    text: Markup
    substeps: tuple[Markup, ...]


def step_places(text: str) -> Iterator[tuple[int, int]]:
    """Where, in HTML that the indexer made, what stands in the items that are steps begins and ends.

    Steps are the items of numbered lists in no other, but for those without words.
    """
    around: list[tuple[str, int]] = []
    for tag in _TAG.finditer(text):
        if not tag[1]:
            around.append((tag[2], tag.end()))
            continue
        name, begins = around.pop()
        lists = [each for each, _ in around if each == "ol"]
        if name == "li" and around[-1][0] == "ol" and len(lists) == 1 and not _is_empty(text[begins : tag.start()]):
            yield begins, tag.start()


def _is_empty(text: str) -> bool:
    return not _plain(text).strip()


def _plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text))


def step_html(step: AnswerStep, section: Section | None) -> StepHtml:
    """The step as it stands in its section; as plain text where it does not stand there like that."""
    parts = _parts(step, section) if section else []
    texts = (step.text, *step.substeps)
    if len(parts) != len(texts):
        parts = [""] * len(texts)
    text, *substeps = (_said_alike(*each) for each in zip(texts, parts, strict=True))
    return StepHtml(text, tuple(substeps))


def _parts(step: AnswerStep, section: Section) -> list[str]:
    """The HTML of a step without its lists, and of each item of these; empty where the step is not found."""
    places = list(step_places(section.html))
    ids = [each.step_id for each in section.steps]
    if len(places) != len(ids) or step.step_id not in ids:
        return []
    begins, ends = places[ids.index(step.step_id)]
    outside, items = [], []
    depth, at = 0, begins  # lists around the place, and the end of what is taken
    for tag in _TAG.finditer(section.html, begins, ends):
        before = section.html[at : tag.start()]
        closes, is_list = bool(tag[1]), tag[2] != "li"
        depth -= is_list and closes
        if is_list and depth == 0:
            outside += [] if closes else [before]
            at = tag.end()
        elif not is_list and depth == 1:
            items += [before] if closes else []
            at = tag.end()
        depth += is_list and not closes
    return [" ".join([*outside, section.html[at:ends]]), *items]


def _said_alike(text: str, part: str) -> Markup:
    """The part without its paragraphs and the like if it says the same as the text, else the text."""
    kept = _SPACE.sub(" ", _BLOCK.sub(" ", part)).strip(" ")
    says_the_same = _plain(kept) == _SPACE.sub(" ", text).strip(" ")
    return Markup(kept) if says_the_same else escape(text)  # noqa: S704 -- made by the indexer  # nosec B704
