"""What a support agent sends on: a section with its address and date, and a reply made of steps."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from indexer.sections import Section
from server.step_html import step_places
from server.steps import AnswerStep, answer_step

OPENING = "Здравствуйте.\n\nПожалуйста, сделайте следующее:"
CLOSING = (
    "Если это не поможет, ответьте на это письмо: на каком шаге возникла трудность и что при этом видно на экране."
)
MORE = "Подробнее:"


@dataclass(frozen=True, slots=True)
class Quotation:
    """A section to be quoted."""

    text: str  # its steps, numbered; its whole text where it has none
    source: str  # its address, and below it as of when it is


def quotation(section: Section, url: str, day: str) -> Quotation:
    """The quotation of a section; `day` in words, empty where it is not known."""
    steps = [step_text(answer_step(step, section)) for step in section.steps]
    text = "\n".join(_numbered(steps)) if steps else section.text or section.headings[-1]
    return Quotation(text, f"{url}\nпо состоянию на {day}" if day else url)


def step_text(step: AnswerStep) -> str:
    """A step, and each part of it on a line of its own."""
    return "\n".join((step.text, *(f"   — {each}" for each in step.substeps)))


def reply(steps: Sequence[tuple[AnswerStep, str]]) -> str:
    """A letter with these steps, each with the address of its section; empty without steps.

    agent.js writes the same one.
    """
    if not steps:
        return ""
    urls = dict.fromkeys(url for _, url in steps)
    lines = [OPENING, "", *_numbered(step_text(step) for step, _ in steps), "", *(f"{MORE} {url}" for url in urls)]
    return "\n".join([*lines, "", CLOSING])


def with_boxes(section: Section, url: str, picked: Collection[str]) -> Markup:
    """The section as its article shows it, each step with a box to pick it.

    Where its lists are not numbered, its steps stand once more, below it.
    """
    steps = [answer_step(step, section) for step in section.steps]
    places = [begins for begins, _ in step_places(section.html)]
    boxes = [_box(step, url, step.step_id in picked) for step in steps]
    if len(places) != len(steps):
        again = Markup("").join(
            Markup("<li>{}{}</li>").format(box, step.text) for box, step in zip(boxes, steps, strict=True)
        )
        return Markup(section.html) + Markup("<ol>{}</ol>").format(again)  # noqa: S704 -- made by the indexer  # nosec B704
    parts, end = [], 0
    for place, box in zip(places, boxes, strict=True):
        parts += [section.html[end:place], box]
        end = place
    return Markup("".join([*parts, section.html[end:]]))  # noqa: S704  # nosec B704


def _box(step: AnswerStep, url: str, is_picked: bool) -> Markup:
    return Markup(
        '<label class="pick"><input type="checkbox" name="step" value="{}" data-text="{}" data-url="{}"{}>'
        ' в ответ<span class="visually-hidden"> — {}</span></label>'
    ).format(step.step_id, step_text(step), url, Markup(" checked") if is_picked else "", escape(step.text))


def _numbered(texts: Iterable[str]) -> list[str]:
    return [f"{number}. {text}" for number, text in enumerate(texts, start=1)]
