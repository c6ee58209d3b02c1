"""Steps as HTML: with the links, the code and the emphasis that they have in their article."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from indexer.sections import Section
from server.steps import AnswerStep

_TAG = re.compile(r"<(/?)(ol|ul|li)\b[^>]*>")
_LIST = re.compile(r"</?(?:ol|ul|li)\b[^>]*>")
_BLOCK = re.compile(r"</?(?:p|pre|br|div|table|thead|tbody|tr|th|td|blockquote)\b[^>]*>")
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
        is_step = name == "li" and around[-1][0] == "ol" and len(lists) == 1
        if is_step and _plain(text[begins : tag.start()]).strip():
            yield begins, tag.start()


def _plain(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text))


def step_html(step: AnswerStep, section: Section | None) -> StepHtml:
    """The step as it stands in its section; as plain text where it does not stand there like that."""
    text, *items = _parts(step, section) if section else [""]
    if len(items) != len(step.substeps):
        items = [""] * len(step.substeps)
    substeps = tuple(_said_alike(*each) for each in zip(step.substeps, items, strict=True))
    return StepHtml(_said_alike(step.text, text), substeps)


def _parts(step: AnswerStep, section: Section) -> list[str]:
    """The HTML of a step up to its lists, and of what stands in their items; one empty part where it is not found."""
    places = list(step_places(section.html))
    ids = [each.step_id for each in section.steps]
    if len(places) != len(ids) or step.step_id not in ids:
        return [""]
    begins, ends = places[ids.index(step.step_id)]
    text, *inside = _LIST.split(section.html[begins:ends])
    return [text, *(part for part in inside if part)]


def _said_alike(text: str, part: str) -> Markup:
    """The part without its paragraphs and the like if it says the same as the text, else the text."""
    kept = _SPACE.sub(" ", _BLOCK.sub(" ", part)).strip(" ")
    says_the_same = _plain(kept) == _SPACE.sub(" ", text).strip(" ")
    return Markup(kept) if says_the_same else escape(text)  # noqa: S704 -- made by the indexer  # nosec B704
