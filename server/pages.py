"""The HTML pages, complete without JavaScript."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request
from markupsafe import Markup, escape

from indexer.sections import Section
from indexer.stores.store import Filters
from server import answers, feedback, schema
from server.addresses import article_url, section_url
from server.api import answerer
from server.errors import QueryError
from server.found import Hit
from server.interpretation import AS_TYPED
from server.origin import require_same_site
from server.quotes import marked_url
from server.searching import asked, searcher
from server.step_html import StepHtml, step_html
from server.steps import AnswerStep

pages = Blueprint("pages", __name__)

NEAR_MISSES, NEAR = 3, 0.2  # shown where nothing answers, and how relevant each has to be: no random list
LONGEST_ADDRESS = 300  # longer text, or text with line breaks, travels by POST and stays out of addresses and logs

PLATFORM_NAMES = {"android": "Android", "ios": "iOS", "web": "веб", "desktop": "компьютер", "server": "сервер"}
AUDIENCE_NAMES = {"user": "для пользователя", "admin": "для администратора"}
# What a visitor answers to «Помогло?», in the order of the form.
REASONS = {
    "not_related": "не про это",
    "related_but_no_answer": "про это, но не помогло",
    "outdated": "устарело",
}
_MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip
_RESULTS = 10
_LONGEST_EXAMPLE = 64  # characters: a line on a phone and a half


def prepare(app: Flask) -> None:
    """Gives the templates their filters and what stands on every page."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        marked=marked, date=russian_date, counted=counted, marked_url=marked_url, as_html=_as_html
    )
    app.jinja_env.globals.update(
        platform_names=PLATFORM_NAMES,
        audience_names=AUDIENCE_NAMES,
        longest_address=LONGEST_ADDRESS,
        longest_comment=schema.MAXIMUM_COMMENT,
        reasons=REASONS,
        takes_feedback=app.extensions["feedback"] is not None,
        client_hours=lambda: answerer().escalator.said_of_hours("client"),
    )
    app.context_processor(_of_generation)


def _as_html(step: AnswerStep) -> StepHtml:
    return step_html(step, searcher().sections.get(step.section_id))


def _of_generation() -> dict[str, object]:
    """What stands on every page and belongs to the generation."""
    artifact = searcher().artifact
    routes = artifact.support.route if artifact.support else ()
    return {
        "site": artifact.topics.site,
        "support": artifact.support,
        "user_routes": [route for route in routes if "user" in route.audience],
    }


@pages.get("/")
def search() -> str | Response:
    """The start page, or the results of a short query."""
    text = request.args.get("q", "")
    return _results(text) if text.strip() else _start()


@pages.post("/")
def search_long() -> str | Response:
    """Results of a text too long for an address; a short one is sent on to its address."""
    text = request.form.get("q", "").replace("\r\n", "\n").strip()
    if len(text) > LONGEST_ADDRESS or "\n" in text:
        return _results(text)
    kept = {name: value for name in ("platform", "audience") if (value := request.form.get(name))}
    if request.form.get("as_typed") == "1":
        kept["as_typed"] = "1"
    address = "/?" + urlencode({"q": text, **kept}) if text else "/"
    response: Response = redirect(address, 303)  # type: ignore[assignment]
    return response


@pages.get("/articles/<path:article_id>")
def article(article_id: str) -> str | Response:
    """An article with its contents; 301 to its present address where it was renamed."""
    found = searcher()
    if moved := found.moved_articles.get(article_id):
        response: Response = redirect(article_url(moved), 301)  # type: ignore[assignment]
        return response
    head = found.articles.get(article_id)
    if head is None:
        raise QueryError(404, "article_not_found", "Такой статьи нет. Возможно, её переименовали — попробуйте поиск.")
    sections = found.sections_of(article_id)
    topic = next((topic.title for topic in found.artifact.topics.topic if topic.id == head.topic), "")
    aliases = {section.section_id: _own_aliases(article_id, section.aliases) for section in sections}
    related = [target for section in sections for target in section.related if not target.startswith(f"{article_id}#")]
    links = [
        answers.question(found.sections[target])
        if "#" in target
        else answers.Question(found.articles[target].title, article_url(target))
        for target in dict.fromkeys([*head.related, *related])
        if target in found.sections or target in found.articles
    ]
    return render_template(
        "article.html",
        head=head,
        topic=topic,
        sections=sections,
        aliases=aliases,
        related=links,
        switch=_platform_switch(head.article_id, sections),
        filters=Filters(),
    )


@dataclass(frozen=True, slots=True)
class PlatformSwitch:
    """The platforms that an article has parts for, each with its address, and the one chosen."""

    links: tuple[tuple[str, str], ...]  # platform ("" for all) and address; empty where there is nothing to choose
    chosen: str  # "" for all


def _platform_switch(article_id: str, sections: Sequence[Section]) -> PlatformSwitch:
    named = {platform for section in sections for platform in section.platforms}
    named |= {platform for section in sections for step in section.steps for platform in step.platforms}
    if len(named) < 2:
        return PlatformSwitch((), "")
    given = request.args.get("platform", "")
    address = article_url(article_id)
    links = [(platform, f"{address}?platform={platform}") for platform in PLATFORM_NAMES if platform in named]
    return PlatformSwitch((("", address), *links), given if given in named else "")


@pages.post("/feedback")
def vote() -> Response:
    """Keeps a vote from a form and leads back to where it was given."""
    require_same_site(request)
    names = ("query_id", "section_id", "outcome", "comment")
    wanted = schema.read_feedback({name: request.form.get(name, "") for name in names})
    section_id = feedback.keep(current_app.extensions["feedback"], searcher(), wanted, unasked=True)
    response: Response = redirect(_back_with_thanks(section_id), 303)  # type: ignore[assignment]
    return response


def _back_with_thanks(section_id: str) -> str:
    """The address that the form was on, by its Referer where that is ours, with a mark that thanks are due."""
    came = urlsplit(request.referrer or "")
    article = urlsplit(section_url(searcher().sections[section_id]))
    ours = came.netloc == request.host and came.path.startswith("/") and not came.path.startswith("//")
    path, query = (came.path, came.query) if ours else (article.path, "")
    kept = [part for part in query.split("&") if part and part != "voted=1"]
    return f"{path}?{'&'.join([*kept, 'voted=1'])}#page-feedback"


def _own_aliases(article_id: str, aliases: tuple[str, ...]) -> list[str]:
    """Earlier anchors within the same article: the page keeps them as targets."""
    return [alias.partition("#")[2] for alias in aliases if alias.startswith(f"{article_id}#")]


def _start() -> str:
    cards = answers.topic_cards(searcher())
    shortest = [min(card.questions, key=lambda question: len(question.text)) for card in cards if card.questions]
    examples = [question for question in shortest if len(question.text) <= _LONGEST_EXAMPLE][:3]
    return render_template("start.html", text="", cards=cards, examples=examples, filters=Filters())


def _results(text: str) -> str | Response:
    values = request.values
    given = {name: [value for value in values.getlist(name) if value] for name in ("platform", "audience")}
    try:
        wanted = schema.read_search_request({"query": text, "limit": _RESULTS, "filters": given}, typed=True)
    except QueryError as error:
        if error.field == "query":
            return error_page(error, text)
        wanted = schema.read_search_request({"query": text, "limit": _RESULTS}, typed=True)
    filters = Filters(tuple(wanted.filters.platform), tuple(wanted.filters.audience))
    as_typed = values.get("as_typed") == "1"
    result = searcher().search(text, limit=_RESULTS, filters=filters, without=AS_TYPED if as_typed else ())
    read = result.interpretation
    answer = answerer().of(
        result, next(iter(filters.platform), None), next(iter(filters.audience), None), values.getlist("tried")
    )
    cited = [*(step.section_id for step in answer.steps), *([answer.quote.section_id] if answer.quote else [])]
    near = [hit for hit in result.hits[:NEAR_MISSES] if hit.relevance >= NEAR]
    shown = result.hits if result.answerable else near
    kept = {name: chosen for name, chosen in (("platform", filters.platform), ("audience", filters.audience)) if chosen}
    return render_template(
        "results.html",
        text=text,
        query_id=asked(result),
        removals=_without_each(text, kept, as_typed),
        groups=answers.grouped(shown),
        as_typed_query={"q": text, **{name: chosen[0] for name, chosen in kept.items()}, "as_typed": 1},
        answerable=result.answerable,
        degraded=result.degraded,
        answer=answer,
        for_admin="admin" in (*filters.audience, read.audience),
        sources=[searcher().describe(searcher().sections[each]) for each in dict.fromkeys(cited)],
        as_typed=as_typed,
        is_long=len(text) > LONGEST_ADDRESS or "\n" in text,
        filters=filters,
        # Synonyms only add to what was typed; of a repair the visitor is told.
        read_as=read.read_as if any(change.kind != "synonym" for change in read.changes) else "",
        error=read.error,
    )


def _without_each(text: str, kept: dict[str, tuple[str, ...]], as_typed: bool) -> list[tuple[str, str]]:
    """For each filter that is set, its name and the address of the same search without it."""
    names = PLATFORM_NAMES | AUDIENCE_NAMES
    found = []
    for name, chosen in kept.items():
        others = {other: values[0] for other, values in kept.items() if other != name}
        others |= {"as_typed": "1"} if as_typed else {}
        found.append((names[chosen[0]], "/?" + urlencode({"q": text, **others})))
    return found


def error_page(error: QueryError, text: str = "") -> Response:
    """An error as a page, with what was typed still in the box."""
    return Response(render_template("error.html", error=error, text=text, filters=Filters()), error.status)


def marked(hit: Hit) -> Markup:
    """The snippet of a hit with the found words marked."""
    parts, end = [], 0
    for start, stop in hit.highlights:
        parts += [escape(hit.snippet[end:start]), Markup("<mark>"), escape(hit.snippet[start:stop]), Markup("</mark>")]
        end = stop
    return Markup("").join([*parts, escape(hit.snippet[end:])])


def russian_date(iso: str) -> str:
    """22 ноября 2026; the text itself where it is no ISO date."""
    try:
        day = datetime.date.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{day.day}\u00a0{_MONTHS[day.month - 1]} {day.year}"


def counted(number: int, one: str, few: str, many: str) -> str:
    """The number with the form of the noun that goes with it: 1 раздел, 2 раздела, 5 разделов."""
    tens, units = number % 100, number % 10
    noun = many if 11 <= tens <= 14 or units == 0 or units >= 5 else one if units == 1 else few
    return f"{number}\u00a0{noun}"
