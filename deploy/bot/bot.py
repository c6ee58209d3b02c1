"""An example bot for eXpress: a question in, an answer of the help out, step by step, with buttons.

It keeps nothing: what a dialogue is about and which steps were tried travels in the metadata of each message that has
buttons, and BotX sends it back when one is pressed. Any replica may answer the next press.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import loguru
import replies
import uvicorn
from pybotx import (
    Bot,
    BotAccountWithSecret,
    BubbleMarkup,
    ChatCreatedEvent,
    HandlerCollector,
    IncomingMessage,
    UnknownBotAccountError,
    UnverifiedRequestError,
    build_bot_disabled_response,
    build_command_accepted_response,
    build_unverified_request_response,
)
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from server.client import AnswerReply, Outcome, SupportSearch, SupportSearchError

_LONGEST = 2000  # characters of a question that a message carries on
_MENTION = re.compile(r"@{1,2}\{mention:[^}]*\}")  # how a group chat addresses the bot


def create_bot(search: SupportSearch, account: BotAccountWithSecret, client: httpx.AsyncClient | None = None) -> Bot:
    """The bot; `client` stands in for what sends its requests to BotX."""
    dialogue = _Dialogue(search)
    collector = HandlerCollector()
    collector.chat_created(dialogue.greet)
    collector.command("/help", description="Что умеет бот")(dialogue.greet)
    collector.command("/next", visible=False)(dialogue.next_step)
    collector.command("/solved", visible=False)(dialogue.solved)
    collector.command("/unsolved", visible=False)(dialogue.unsolved)
    collector.command("/platform", visible=False)(dialogue.platform)
    collector.default_message_handler(dialogue.question)
    return Bot(
        collectors=[collector],
        bot_accounts=[account],
        httpx_client=client,
        exception_handlers={SupportSearchError: dialogue.failed},
    )


class _Dialogue:
    """The handlers. The state of a dialogue: query, platform, ids of steps `tried`, and what was shown last."""

    def __init__(self, search: SupportSearch) -> None:
        self._search = search

    async def greet(self, _: IncomingMessage | ChatCreatedEvent, bot: Bot) -> None:
        await bot.answer_message(replies.GREETING)

    async def question(self, message: IncomingMessage, bot: Bot) -> None:
        query = _MENTION.sub("", message.body).strip()[:_LONGEST]
        if query:
            await self._answer(bot, {"query": query, "platform": None, "tried": []})
        else:
            await bot.answer_message(replies.ASK)

    async def next_step(self, message: IncomingMessage, bot: Bot) -> None:
        if state := await self._state(message, bot):
            await self._answer(bot, _with_shown_tried(state))

    async def platform(self, message: IncomingMessage, bot: Bot) -> None:
        if state := await self._state(message, bot):
            await self._answer(bot, {**state, "platform": message.data.get("platform")})

    async def solved(self, message: IncomingMessage, bot: Bot) -> None:
        if state := await self._state(message, bot):
            await self._vote(state, "solved")
            await bot.answer_message(replies.THANKS)

    async def unsolved(self, message: IncomingMessage, bot: Bot) -> None:
        if state := await self._state(message, bot):
            await self._vote(state, "related_but_no_answer")
            reply = await self._asked(_with_shown_tried(state))
            await bot.answer_message(replies.escalation_text(reply["escalation"]))

    async def failed(self, _: IncomingMessage, bot: Bot, error: Exception) -> None:
        """Tells why the help refuses a question; where it is not the question's fault, to come back later."""
        assert isinstance(error, SupportSearchError)  # noqa: S101 -- it is registered for these alone
        loguru.logger.warning("A question was not answered: {}", error.code)
        await bot.answer_message(error.message if error.status == 422 else replies.UNAVAILABLE)

    async def _state(self, message: IncomingMessage, bot: Bot) -> dict[str, Any] | None:
        """What the pressed message carried; somebody who typed the command by hand is asked to begin anew."""
        if "query" in message.metadata:
            return message.metadata
        await bot.answer_message(replies.STALE)
        return None

    async def _asked(self, state: dict[str, Any]) -> AnswerReply:
        query, platform, tried = state["query"], state["platform"], state["tried"]
        return await asyncio.to_thread(self._search.answer, query, platform=platform, tried=tried)

    async def _answer(self, bot: Bot, state: dict[str, Any]) -> None:
        reply, site = await self._asked(state), self._search.url
        step, shown = reply["next_step"], {"query_id": reply["query_id"], "step": None, "section": None}
        if step:
            text, shown["section"], shown["step"] = (
                replies.step_text(reply, step, site),
                step["section_id"],
                step["step_id"],
            )
        elif reply["quote"] and not state["tried"]:
            text, shown["section"] = replies.quote_text(reply, site), reply["quote"]["section_id"]
        elif reply["answerable"] and not state["tried"]:
            (hit,) = (await asyncio.to_thread(self._search.search, state["query"], limit=1))["hits"]
            text, shown["section"] = replies.section_text(hit, site), hit["section_id"]
        else:
            await bot.answer_message(replies.escalation_text(reply["escalation"]))
            return
        bubbles = _buttons(has_next=step is not None, asks_platform=_asks_platform(reply, state))
        await bot.answer_message(text, bubbles=bubbles, metadata={**state, **shown}, markup_auto_adjust=True)

    async def _vote(self, state: dict[str, Any], outcome: Outcome) -> None:
        """Leaves a vote; a server that takes none is no reason to bother who asked."""
        try:
            await asyncio.to_thread(self._search.feedback, state["query_id"], state["section"], outcome)
        except SupportSearchError as error:
            loguru.logger.warning("A vote was not taken: {}", error.code)


def _with_shown_tried(state: dict[str, Any]) -> dict[str, Any]:
    """The state after the step that was shown was taken in vain."""
    return {**state, "tried": [*state["tried"], *([state["step"]] if state["step"] else [])]}


def _asks_platform(reply: AnswerReply, state: dict[str, Any]) -> bool:
    """Whether the steps depend on a platform that nobody named yet."""
    is_named = state["platform"] or reply["interpretation"]["platform"]
    return not is_named and bool(reply["alternatives"] or any(step["platforms"] for step in reply["steps"]))


def _buttons(*, has_next: bool, asks_platform: bool) -> BubbleMarkup:
    bubbles = BubbleMarkup()
    bubbles.add_button("Помогло", "/solved")
    bubbles.add_button("Не помогло", "/unsolved", new_row=False)
    if has_next:
        bubbles.add_button("Следующий шаг", "/next")
    if asks_platform:
        for number, (platform, name) in enumerate(replies.PLATFORMS.items()):
            bubbles.add_button(name, "/platform", {"platform": platform}, new_row=number % 2 == 0)
    return bubbles


def create_app(bot: Bot) -> Starlette:
    """What BotX calls: commands and the menu, signed with the bot's secret, and how sending a message went."""

    async def command(request: Request) -> JSONResponse:
        try:
            # Not logged: what people ask is nobody else's business.
            bot.async_execute_raw_bot_command(
                await request.json(), request_headers=request.headers, logging_command=False
            )
        except UnverifiedRequestError as error:
            return JSONResponse(build_unverified_request_response(str(error)), 401)
        except (ValueError, UnknownBotAccountError) as error:
            return JSONResponse(build_bot_disabled_response(str(error)), 503)
        return JSONResponse(build_command_accepted_response(), 202)

    async def status(request: Request) -> JSONResponse:
        try:
            menu = await bot.raw_get_status(dict(request.query_params), request_headers=request.headers)
        except UnverifiedRequestError as error:
            return JSONResponse(build_unverified_request_response(str(error)), 401)
        except (ValueError, UnknownBotAccountError) as error:
            return JSONResponse(build_bot_disabled_response(str(error)), 503)
        return JSONResponse(menu)

    async def callback(request: Request) -> JSONResponse:
        # Not every BotX signs these; they can do no more than end the waiting for an id that nobody can guess.
        await bot.set_raw_botx_method_result(await request.json(), verify_request=False)
        return JSONResponse(build_command_accepted_response(), 202)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await bot.startup()
        yield
        await bot.shutdown()

    routes = [
        Route("/command", command, methods=["POST"]),
        Route("/status", status),
        Route("/notification/callback", callback, methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    """Serves the bot that the environment names; README.md beside this file tells the variables."""
    if missing := [name for name in ("BOT_ID", "BOT_SECRET", "CTS_URL", "SPRAVKA_URL") if not os.environ.get(name)]:
        sys.exit(f"bot: not set in the environment: {', '.join(missing)}; README.md beside bot.py tells what they are")
    loguru.logger.remove()  # of pybotx, which writes every message down
    loguru.logger.add(sys.stderr, level="WARNING", backtrace=False, diagnose=False)
    account = BotAccountWithSecret(
        id=UUID(os.environ["BOT_ID"]), cts_url=AnyHttpUrl(os.environ["CTS_URL"]), secret_key=os.environ["BOT_SECRET"]
    )
    search = SupportSearch(os.environ["SPRAVKA_URL"], os.environ.get("SPRAVKA_KEY"))
    host, _, port = os.environ.get("BOT_LISTEN", "127.0.0.1:8002").rpartition(":")
    uvicorn.run(create_app(create_bot(search, account)), host=host, port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
