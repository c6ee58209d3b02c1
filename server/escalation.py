"""Where to turn when the help does not help: routes with their hours, what to gather, and a letter to send."""

import datetime
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.knowledge import Support
from server.hours import Schedule
from server.personal import hide
from server.steps import AnswerStep

Reason = Literal["no_answer", "all_tried", "feature_request", "if_not_solved"]

PLATFORM_NAMES = {"android": "Android", "ios": "iOS", "web": "веб-версия", "desktop": "компьютер", "server": "сервер"}

# Lemmas by which somebody asks for something new.
_WISHES = frozenset(
    ("предложить", "предложение", "предлагать", "пожелание", "фича", "доработка", "хотеться", "добавьте")
)
_LONGEST_QUOTED = 4_000  # characters of the query in a letter


@dataclass(frozen=True, slots=True)
class RouteOut:
    """A way to reach somebody."""

    name: str
    how: str
    address: str  # empty where whoever runs the site has not filled it in
    hours: str  # in words; empty where they are not known
    open_now: bool | None  # None where there are no fixed hours


@dataclass(frozen=True, slots=True)
class Escalation:
    """What to do next."""

    reason: Reason
    routes: tuple[RouteOut, ...]
    gather: tuple[str, ...]
    draft: str  # a letter, without personal data of the query
    hidden: tuple[str, ...]  # what was hidden in it: «телефон», «почта» …


class Escalator:
    """Writes escalations by support.toml; without one there are no routes, and the letter is short."""

    def __init__(self, support: Support | None, now: Callable[[], datetime.datetime] | None = None) -> None:
        """`now` stands in for the clock."""
        self._support = support
        self._schedule = Schedule(support) if support else None
        self._now = now or (lambda: datetime.datetime.now(datetime.UTC))

    @staticmethod
    def is_wish(lemmas: Collection[str]) -> bool:
        """Whether the query asks for a new function."""
        return not _WISHES.isdisjoint(lemmas)

    def said_of_hours(self, name: str) -> str:
        """«сейчас работает до 21:00 мск», of one of the hours of support.toml; empty where nothing is known."""
        return self._schedule.said(name, self._now()) if self._schedule else ""

    def escalation(
        self,
        reason: Reason,
        query: str,
        *,
        platform: str | None,
        audience: str | None,
        tried: Sequence[AnswerStep],
        seen: Sequence[str],
    ) -> Escalation:
        """The escalation of a query; `seen` are the headings of the sections that were shown."""
        hidden = hide(query[:_LONGEST_QUOTED])
        letter = self._wish(hidden.text) if reason == "feature_request" else self._problem(hidden.text, tried, seen)
        if platform:
            letter.insert(2, f"Платформа: {PLATFORM_NAMES[platform]}")
        gather = self._support.gather if self._support and reason != "feature_request" else ()
        return Escalation(reason, self._routes(audience), gather, "\n".join(letter), hidden.kinds)

    def _routes(self, audience: str | None) -> tuple[RouteOut, ...]:
        if self._support is None or self._schedule is None:
            return ()
        at = self._now()
        routes = []
        for route in self._support.route:
            if (audience or "user") not in route.audience:
                continue
            hours = self._support.hours.get(route.hours)
            words = "; ".join(filter(None, (hours.text if hours else "", self._schedule.said(route.hours, at))))
            routes.append(
                RouteOut(route.name, route.how, route.address, words, self._schedule.is_open(route.hours, at))
            )
        return tuple(routes)

    def _problem(self, query: str, tried: Sequence[AnswerStep], seen: Sequence[str]) -> list[str]:
        lines = ["Здравствуйте.", f"Проблема: {query}", ""]
        if tried:
            lines += ["Уже сделано, не помогло:", *(f"— {step.text}" for step in tried), ""]
        if seen:
            lines += ["Прочитаны разделы справки:", *(f"— {heading}" for heading in seen), ""]
        if self._support:
            lines += ["Подробности:", *(f"— {item}: …" for item in self._support.gather), ""]
        return lines[:-1]

    def _wish(self, query: str) -> list[str]:
        lines = ["Здравствуйте.", f"Хочу предложить новую функцию: {query}", ""]
        if self._support:
            lines += [f"— {item}: …" for item in self._support.feature_request.ask]
        return lines
