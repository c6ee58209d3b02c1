"""The page of support agents: a log or a letter is read, the sections that help stand in full, a reply is composed."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from indexer.stores.store import Filters
from server import feedback, schema
from server.api import answerer
from server.errors import QueryError
from server.explaining import Explainer, Explanation
from server.found import Hit, Result
from server.interpretation import Ability
from server.origin import require_same_site
from server.pages import AUDIENCE_NAMES, NEAR, NEAR_MISSES, PLATFORM_NAMES, russian_date
from server.replying import CLOSING, MORE, OPENING, Quotation, quotation, reply, with_boxes
from server.searching import searcher
from server.steps import AnswerStep, Visitor, answer_step

agent = Blueprint("agent", __name__)

_SHOWN = 5  # sections in full
_LIKELY = ((0.9, "почти наверняка подходит"), (0.6, "скорее всего подходит"), (NEAR, "возможно, подходит"))


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says."""

    text: str  # that was pasted
    edited: str  # what is searched for in its place; empty: the text itself
    untouched: tuple[str, ...]  # words that stay as typed
    platform: str | None  # chosen by the agent, "" for any; None: as the text tells
    audience: str | None
    steps: frozenset[str]  # ids of those picked for the reply
    reply: str

    @property
    def query(self) -> str:
        """What is searched for."""
        return self.edited or self.text

    @property
    def filters(self) -> Filters:
        """What the agent chose."""
        return Filters((self.platform,) if self.platform else (), (self.audience,) if self.audience else ())


def read_form(form: "MultiDict[str, str]") -> Asked:
    """What was sent; a field that is as the page filled it says nothing.

    The button `anew` reads the text as if it were the first one.
    """
    anew = "anew" in form
    text, wording, read_as, edited = (_text(form, name) for name in ("text", "q", "read_as", "edited"))
    if wording and wording.split() != read_as.split():
        edited = "" if wording.split() == text.split() else wording
    untouched = dict.fromkeys([*form.getlist("untouched"), *form.getlist("undo")])
    return Asked(
        text=text,
        edited="" if anew else edited,
        untouched=() if anew else tuple(word for word in untouched if word and word not in form.getlist("redo")),
        platform=_chosen(form, "platform", PLATFORM_NAMES, anew),
        audience=_chosen(form, "audience", AUDIENCE_NAMES, anew),
        steps=frozenset(() if anew else form.getlist("step")),
        reply="" if anew or "compose" in form else _text(form, "reply"),
    )


def _text(form: "MultiDict[str, str]", name: str) -> str:
    return form.get(name, "").replace("\r\n", "\n").strip()


def _chosen(form: "MultiDict[str, str]", name: str, names: Mapping[str, str], anew: bool) -> str | None:
    value = form.get(name, "")
    value = value if value in names else ""
    return None if value == form.get(f"read_{name}", "") or (anew and not value) else value


@dataclass(frozen=True, slots=True)
class Found:
    """A section as the page shows it."""

    hit: Hit
    html: Markup  # with a box at each step
    quotation: Quotation
    likely: str  # relevance in words
    why: Explanation


@agent.get("/agent")
def empty() -> str:
    """The page before anything was pasted."""
    return render_template("agent.html", asked=read_form(MultiDict()))


@agent.post("/agent")
def read() -> Response:
    """What was found for a text."""
    return _page(read_form(request.form))


@agent.post("/agent/judgments")
def judge() -> Response:
    """Keeps whether a section fits the text. Answers with the page, or to a script without words."""
    require_same_site(request)
    asked = read_form(request.form)
    name, grade = ("fits", 2) if "fits" in request.form else ("misfits", 0)
    _require_query(asked)
    section_id = feedback.judge(
        current_app.extensions["feedback"], searcher(), asked.query, request.form.get(name, ""), grade
    )
    return Response(status=204) if "quietly" in request.form else _page(asked, {section_id: grade})


def _require_query(asked: Asked) -> None:
    """Raises QueryError where the query is empty, or it or the text is too long."""
    for text in (asked.query, asked.text or asked.query):
        schema.read_search_request({"query": text}, typed=True)


def _page(asked: Asked, judged: Mapping[str, int] | None = None) -> Response:
    try:
        _require_query(asked)
    except QueryError as error:
        return Response(render_template("agent.html", asked=asked, error=error), error.status)
    chosen: dict[Ability, str | None] = {"platform": asked.platform, "audience": asked.audience}
    result = searcher().search(
        asked.query,
        limit=_SHOWN,
        filters=asked.filters,
        without=[name for name, value in chosen.items() if value is not None],
        untouched=asked.untouched,
    )
    read = result.interpretation
    found = _found(result, asked)
    visitor = Visitor(asked.platform or read.platform, "admin", is_sure=bool(asked.platform))
    return Response(
        render_template(
            "agent.html",
            asked=asked,
            read=read,
            # What is searched for may be other words; the codes are those of what was pasted.
            pasted=searcher().read(asked.text).error if asked.edited else read.error,
            platform=read.platform if asked.platform is None else asked.platform,
            audience=read.audience if asked.audience is None else asked.audience,
            result=result,
            found=found,
            reply=asked.reply or reply(_picked(found, asked)),
            escalation=answerer().escalation(result, visitor),
            letter={"opening": OPENING, "more": MORE, "closing": CLOSING},
            judged=judged or {},
        )
    )


def _found(result: Result, asked: Asked) -> list[Found]:
    near = [hit for hit in result.hits[:NEAR_MISSES] if hit.relevance >= NEAR]
    explained = Explainer(searcher()).explain(result, "hybrid", for_anybody=not asked.audience)
    why = {each.section_id: each for each in explained}
    return [
        Found(
            hit,
            with_boxes(section := searcher().sections[hit.section_id], _absolute(hit.url), asked.steps),
            quotation(section, _absolute(hit.url), russian_date(hit.updated)),
            next((words for least, words in _LIKELY if hit.relevance >= least), "вряд ли подходит"),
            why[hit.section_id],
        )
        for hit in (result.hits if result.answerable else near)
    ]


def _picked(found: list[Found], asked: Asked) -> list[tuple[AnswerStep, str]]:
    """The picked steps in the order of the page, each once, with the address of its section."""
    steps: dict[str, tuple[AnswerStep, str]] = {}
    for each in found:
        section = searcher().sections[each.hit.section_id]
        for step in (answer_step(step, section) for step in section.steps):
            if step.step_id in asked.steps:
                steps.setdefault(step.step_id, (step, _absolute(each.hit.url)))
    return list(steps.values())


def _absolute(url: str) -> str:
    return request.host_url.rstrip("/") + url
