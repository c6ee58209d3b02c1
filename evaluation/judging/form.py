"""What the page of a query shows, section by section, and what the evaluator sent back."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from evaluation.judging.store import Contents, Judgment, one_line
from evaluation.judgments import Nugget
from indexer.sections import Section

NO_REASON = "Напишите причину: она нужна для оценок 1 и 2."
NO_GRADE = "Поставьте оценку: без неё причина не сохранится."

_LINK = re.compile(r"<(/?)a\b[^>]*>")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a section, as it can be marked."""

    text: str
    mark: str = ""  # okay, vital; empty: no nugget
    is_gone: bool = False  # marked earlier, and no longer in the help in these words


@dataclass(frozen=True, slots=True)
class Card:
    """A section on the page of a query."""

    section: Section
    grade: str = ""  # "0" to "2"; empty: not graded
    reason: str = ""
    steps: tuple[Step, ...] = ()
    problem: str = ""  # why it cannot be saved, in Russian

    @property
    def html(self) -> Markup:
        """The section's text without its links: they lead out of the page, and a click would lose what was typed."""
        return Markup(_LINK.sub(r"<\1span>", self.section.html))  # noqa: S704 -- escaped by indexer.sections  # nosec B704


def cards(query_id: str, pool: Sequence[str], sections: Mapping[str, Section], contents: Contents) -> list[Card]:
    """The sections of the pool in its order, then others that are judged for the query; with what is saved of them.

    A judged section that the help has no more is left out: there is nothing to show.
    """
    judged = contents.judgments.get(query_id, {})
    nuggets = contents.nuggets.get(query_id, ())
    shown = [sections[each] for each in dict.fromkeys([*pool, *judged]) if each in sections]
    return [
        Card(
            section,
            str(judgment.grade) if (judgment := judged.get(section.section_id)) else "",
            judgment.reason if judgment else "",
            tuple(_steps(section, [nugget for nugget in nuggets if nugget.section_id == section.section_id])),
        )
        for section in shown
    ]


def _steps(section: Section, nuggets: Sequence[Nugget]) -> Iterable[Step]:
    marks = {nugget.step: "vital" if nugget.vital else "okay" for nugget in nuggets}
    texts = dict.fromkeys(one_line(step.text or " ".join(step.substeps)) for step in section.steps)
    yield from (Step(text, marks.get(text, "")) for text in texts)
    yield from (Step(text, mark, is_gone=True) for text, mark in marks.items() if text not in texts)


def filled(shown: Iterable[Card], sent: Mapping[str, str]) -> list[Card]:
    """The cards with what was sent in place of what is saved, and with the problem of each that has one.

    The fields are `grade:<section_id>`, `reason:<section_id>` and `step:<section_id>:<text>`; one that is absent
    leaves its value as it is, and so does a value that the page does not offer.
    """
    return [_filled(card, sent) for card in shown]


def _filled(card: Card, sent: Mapping[str, str]) -> Card:
    def value(name: str, saved: str, offered: Sequence[str]) -> str:
        found = sent.get(name, saved)
        return found if found in offered else saved

    section_id = card.section.section_id
    grade = value(f"grade:{section_id}", card.grade, ("0", "1", "2"))
    reason = one_line(sent.get(f"reason:{section_id}", card.reason))
    steps = (
        replace(step, mark=value(f"step:{section_id}:{step.text}", step.mark, ("", "okay", "vital")))
        for step in card.steps
    )
    problem = NO_REASON if grade in ("1", "2") and not reason else NO_GRADE if reason and not grade else ""
    return replace(card, grade=grade, reason=reason, steps=tuple(steps), problem=problem)


def judgments(shown: Iterable[Card]) -> tuple[list[Judgment], list[Nugget]]:
    """What is to be saved: the graded sections, and the marked steps of those that help at all."""
    graded = [card for card in shown if card.grade]
    nuggets = [
        Nugget(card.section.section_id, step.text, step.mark == "vital")
        for card in graded
        for step in card.steps
        if step.mark and card.grade != "0"
    ]
    return [Judgment(card.section.section_id, int(card.grade), card.reason) for card in graded], nuggets
