"""The example bot, spoken to as BotX does: recorded requests in, messages with buttons out to a CTS that is none."""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from pathlib import Path

import httpx
import jwt
import pytest
from helpers import in_a_thread_of_its_own
from pybotx import BotAccountWithSecret
from serving import served

from server.app import create_app as create_site
from server.client import SupportSearch
from server.journal import read_journals

BOT_FOLDER = Path(__file__).parents[1] / "deploy" / "bot"
RECORDED = Path(__file__).parent / "data" / "botx"
SECRET = "e29b417773f2feab9dac143ee3da20c5e29b417773f2feab9dac143ee3da20c5"
CTS = "https://cts.example.org"

sys.path.insert(0, str(BOT_FOLDER))  # as python puts it there for bot.py

import bot as bot_module  # noqa: E402
import replies  # noqa: E402


def recorded(name, **command):
    """A request of BotX with another body, data or metadata."""
    request = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    request["sync_id"] = str(uuid.uuid4())
    request["command"] |= command
    return request


def question(text):
    return recorded("question", body=text)


BOT_ID = recorded("question")["bot_id"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("bot") / "data"


@pytest.fixture(scope="module")
def site(built_index, encoder, folder):
    with served(create_site(built_index, encoder, folder)) as address:
        yield address


class Talk:
    """A dialogue: what the bot sent so far, and ways to write to it and to press its buttons."""

    def __init__(self, site):
        self.messages = []  # notifications, as BotX gets them
        account = BotAccountWithSecret(id=uuid.UUID(BOT_ID), cts_url=CTS, secret_key=SECRET)
        search = SupportSearch(site, timeout=5, retries=0)
        sender = httpx.AsyncClient(transport=httpx.MockTransport(self._cts))
        self.bot = bot_module.create_bot(search, account, sender)
        self.web = httpx.AsyncClient(
            transport=httpx.ASGITransport(bot_module.create_app(self.bot)), base_url="http://bot.example.org"
        )
        self._callbacks = set()

    async def _cts(self, request):
        """Takes a message and, as BotX does, tells a moment later that it was delivered."""
        assert str(request.url) == f"{CTS}/api/v4/botx/notifications/direct"
        token = request.headers["authorization"].removeprefix("Bearer ")
        assert jwt.decode(token, SECRET, algorithms=["HS256"], audience="cts.example.org")["iss"] == BOT_ID
        self.messages.append(json.loads(request.content))
        sync_id = str(uuid.uuid4())
        task = asyncio.create_task(self._delivered(sync_id))
        self._callbacks.add(task)
        return httpx.Response(202, json={"status": "ok", "result": {"sync_id": sync_id}})

    async def _delivered(self, sync_id):
        told = {"sync_id": sync_id, "status": "ok", "result": {}}
        assert (await self.web.post("/notification/callback", json=told)).status_code == 202

    def signed(self, **claims):
        now = int(time.time())
        told = {"iss": "cts.example.org", "aud": [BOT_ID], "iat": now, "nbf": now, "exp": now + 60} | claims
        return {"Authorization": f"Bearer {jwt.encode(told, SECRET, algorithm='HS256')}"}

    async def send(self, request):
        """The notification that the bot answers a request of BotX with."""
        before = len(self.messages)
        response = await self.web.post("/command", json=request, headers=self.signed())
        assert (response.status_code, response.json()) == (202, {"result": "accepted"})
        end = time.monotonic() + 20
        while len(self.messages) == before and time.monotonic() < end:
            await asyncio.sleep(0.01)
        (message,) = self.messages[before:]
        assert message["group_chat_id"] == request["from"]["group_chat_id"]
        return message["notification"]

    async def press(self, label):
        """The same for a press on a button of the last message."""
        last = self.messages[-1]["notification"]
        (button,) = [each for row in last["bubble"] for each in row if each["label"] == label]
        state = {"data": button["data"], "metadata": last.get("metadata", {})}
        return await self.send(recorded("press", body=button["command"], **state))


def talk(site, steps):
    """Runs a dialogue (a coroutine of a Talk) and gives the Talk back."""

    async def run():
        talking = Talk(site)
        try:
            await steps(talking)
        finally:
            await talking.bot.shutdown()
            await talking.web.aclose()
        return talking

    return in_a_thread_of_its_own(lambda: asyncio.run(run()))


def labels(notification):
    return [button["label"] for row in notification.get("bubble", []) for button in row]


def test_question_is_answered_with_the_first_step_and_buttons(site):
    async def steps(talking):
        told = await talking.send(recorded("question"))
        assert told["body"].startswith("Шаг 1 из ")
        assert "Откройте «Настройки» > «Уведомления»." in told["body"]
        assert f"Подробнее: {site}/articles/notifications#missing" in told["body"]
        assert labels(told)[:3] == ["Помогло", "Не помогло", "Следующий шаг"]

    talk(site, steps)


def test_steps_follow_one_another_until_none_is_left_and_the_letter_names_them(site):
    async def steps(talking):
        told = await talking.send(recorded("question"))
        shown = []
        while "bubble" in told and len(shown) < 20:
            shown.append(told["body"].split(". ", 1)[1].split("\n")[0])
            assert told["metadata"]["tried"] == list(dict.fromkeys(told["metadata"]["tried"]))
            assert len(told["metadata"]["tried"]) == len(shown) - 1
            told = await talking.press("Следующий шаг")
        assert len(set(shown)) == len(shown) >= 2
        assert told["body"].startswith("Других шагов в справке нет.")
        assert "Уже сделано, не помогло:" in told["body"]
        for step in shown:
            assert f"— {step}" in told["body"]
        assert "https://help.example.org/new" in told["body"]

    talk(site, steps)


def test_platform_can_be_chosen_and_is_not_asked_for_again(site):
    async def steps(talking):
        assert "iPhone или iPad" in labels(await talking.send(question("разрешить работу в фоне")))
        told = await talking.press("iPhone или iPad")
        assert told["metadata"]["platform"] == "ios"
        assert "iPhone или iPad" not in labels(told)
        bodies = [told["body"]]
        while "bubble" in told:
            told = await talking.press("Следующий шаг")
            bodies.append(told["body"])
        assert any("Фокусирование" in body for body in bodies)
        assert not any("Разрешите работу в фоне" in body for body in bodies)

    talk(site, steps)


def test_what_helped_is_kept_as_a_vote(site, folder):
    async def steps(talking):
        told = await talking.send(recorded("question"))
        assert (await talking.press("Помогло"))["body"] == replies.THANKS
        votes = {vote.query_id: vote for vote in read_journals([folder]).feedback}
        vote = votes[told["metadata"]["query_id"]]
        assert (vote.section_id, vote.outcome) == (told["metadata"]["section"], "solved")

    talk(site, steps)


def test_what_did_not_help_leads_to_people_with_what_was_tried(site, folder):
    async def steps(talking):
        first = await talking.send(recorded("question"))
        told = await talking.press("Не помогло")
        assert told["body"].startswith("Жаль, что не помогло.")
        assert "Куда обратиться:\n• Страница поддержки." in told["body"]
        assert "Проблема: не приходят уведомления" in told["body"]
        assert "— Откройте «Настройки» > «Уведомления»." in told["body"]
        votes = {vote.query_id: vote.outcome for vote in read_journals([folder]).feedback}
        assert votes[first["metadata"]["query_id"]] == "related_but_no_answer"

    talk(site, steps)


def test_question_without_trouble_gets_the_sentence_that_answers(site):
    async def steps(talking):
        told = await talking.send(question("что такое Голубь"))
        assert "мессенджер для небольших команд" in told["body"]
        assert labels(told) == ["Помогло", "Не помогло"]

    talk(site, steps)


def test_question_without_answer_says_so_and_where_to_turn(site):
    async def steps(talking):
        told = await talking.send(question("?!"))
        assert told["body"].startswith("В справке нет ответа на этот вопрос.")
        assert "Страница поддержки" in told["body"]
        assert "bubble" not in told

    talk(site, steps)


def test_bot_is_addressed_in_a_group_chat(site):
    async def steps(talking):
        told = await talking.send(recorded("group_question"))
        assert told["metadata"]["query"] == "не приходят уведомления"

    talk(site, steps)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (recorded("chat_created"), replies.GREETING),
        (question("/help"), replies.GREETING),
        (question(""), replies.ASK),
        (question("/next"), replies.STALE),
        (question("/solved"), replies.STALE),
    ],
)
def test_bot_says_how_to_use_it(site, request_, text):
    async def steps(talking):
        assert (await talking.send(request_))["body"] == text

    talk(site, steps)


def test_help_that_is_down_is_told_in_words():
    async def steps(talking):
        assert (await talking.send(recorded("question")))["body"] == replies.UNAVAILABLE

    talk("http://127.0.0.1:9", steps)


def test_state_of_a_dialogue_is_not_in_the_process(site):
    async def first(talking):
        await talking.send(recorded("question"))

    said = talk(site, first).messages[-1]

    async def second(talking):
        talking.messages.append(said)
        told = await talking.press("Следующий шаг")
        assert told["body"].startswith("Шаг 2 из ")

    talk(site, second)


def test_long_answers_stay_below_what_botx_takes():
    routes = [{"name": "Портал", "how": "Опишите проблему.", "address": "", "hours": "", "open_now": None}]
    draft = "\n".join(["— шаг, который не помог"] * 500)
    told = replies.escalation_text(
        {"reason": "all_tried", "routes": routes, "gather": [], "draft": draft, "hidden": []}
    )
    assert len(told) <= 4096
    assert told.endswith("…")
    assert "• Портал. Опишите проблему.\n" in told


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, "other issuer"])
def test_requests_that_botx_did_not_sign_are_refused(site, headers):
    async def steps(talking):
        signed = talking.signed(iss="evil.example") if headers == "other issuer" else headers
        response = await talking.web.post("/command", json=recorded("question"), headers=signed)
        assert response.status_code == 401
        assert (await talking.web.get("/status", headers=signed)).status_code == 401
        assert talking.messages == []

    talk(site, steps)


def test_menu_names_the_command_that_people_may_type(site):
    async def steps(talking):
        asked = {"bot_id": BOT_ID, "user_huid": recorded("question")["from"]["user_huid"], "chat_type": "chat"}
        told = (await talking.web.get("/status", params=asked, headers=talking.signed())).json()
        assert [each["body"] for each in told["result"]["commands"]] == ["/help"]

    talk(site, steps)


def test_missing_settings_are_named():
    done = subprocess.run(
        [sys.executable, str(BOT_FOLDER / "bot.py")],
        env={"BOT_ID": BOT_ID, "PYTHONPATH": str(BOT_FOLDER.parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "not set in the environment: BOT_SECRET, CTS_URL, SPRAVKA_URL" in done.stderr
