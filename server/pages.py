"""The HTML pages, complete without JavaScript."""

import datetime
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, redirect, render_template, request
from markupsafe import Markup, escape

from server import answers, schema
from server.api import searcher
from server.errors import QueryError
from server.interpretation import AS_TYPED
from server.search import Filters, Hit, article_url

pages = Blueprint("pages", __name__)

_NEAR_MISSES, _NEAR = 3, 0.2  # shown where nothing answers, and how relevant each has to be: no random list
LONGEST_ADDRESS = 300  # longer text, or text with line breaks, travels by POST and stays out of addresses and logs

PLATFORM_NAMES = {"android": "Android", "ios": "iOS", "web": "веб", "desktop": "компьютер", "server": "сервер"}
AUDIENCE_NAMES = {"user": "для пользователя", "admin": "для администратора"}
_MONTHS = (
    "января", "февраля", "марта", "апреля", "мая", "июня",
    "июля", "августа", "сентября", "октября", "ноября", "декабря",
)  # fmt: skip
_RESULTS = 10
_LONGEST_EXAMPLE = 64  # characters: a line on a phone and a half


def prepare(app: Flask) -> None:
    """Gives the templates their filters and what stands on every page."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(marked=marked, date=russian_date, counted=counted)
    artifact = app.extensions["searcher"].artifact
    app.jinja_env.globals.update(
        platform_names=PLATFORM_NAMES,
        audience_names=AUDIENCE_NAMES,
        longest_address=LONGEST_ADDRESS,
        site=artifact.topics.site,
        support=artifact.support,
    )


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
    return render_template("article.html", head=head, topic=topic, sections=sections, aliases=aliases, related=links)


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
    near = [hit for hit in result.hits[:_NEAR_MISSES] if hit.relevance >= _NEAR]
    shown = result.hits if result.answerable else near
    kept = {name: chosen for name, chosen in (("platform", filters.platform), ("audience", filters.audience)) if chosen}
    return render_template(
        "results.html",
        text=text,
        groups=answers.grouped(shown),
        as_typed_query={"q": text, **{name: chosen[0] for name, chosen in kept.items()}, "as_typed": 1},
        answerable=result.answerable,
        filters=filters,
        # Synonyms only add to what was typed; of a repair the visitor is told.
        read_as=read.read_as if any(change.kind != "synonym" for change in read.changes) else "",
        error=read.error,
    )


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
