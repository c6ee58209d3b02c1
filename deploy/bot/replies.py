"""What the bot says: texts made of the replies of the help, and nothing of its own but how to use it."""

from collections.abc import Iterator

from server.client import AnswerReply, Escalation, Hit, Step

GREETING = (
    "Здравствуйте! Я ищу ответы в справке. Опишите одним сообщением, что случилось или что хотите сделать. "
    "Если видите ошибку, пришлите её текст целиком."
)
ASK = "Напишите вопрос словами: по картинкам и файлам искать не умею."
THANKS = "Отлично! Если понадобится что-то ещё, просто напишите."
STALE = "Не помню, о чём шла речь. Напишите вопрос ещё раз."
UNAVAILABLE = "Справка сейчас недоступна. Повторите вопрос через несколько минут."

PLATFORMS = {"android": "Android", "ios": "iPhone или iPad", "desktop": "Компьютер", "web": "Браузер"}

_LONGEST = 4000  # characters; BotX takes 4096
_DANGERS = {
    "deletes_data": "Осторожно: часть данных на устройстве будет удалена.",
    "signs_out": "После этого придётся войти заново.",
    "needs_admin": "Этот шаг выполняет администратор.",
}
_REASONS = {
    "no_answer": "В справке нет ответа на этот вопрос.",
    "all_tried": "Других шагов в справке нет.",
    "feature_request": "Похоже, это предложение: решения для него в справке нет.",
    "if_not_solved": "Жаль, что не помогло.",
}


def step_text(reply: AnswerReply, step: Step, site: str) -> str:
    """One step: its number among all, what it takes, what to beware of, where it stands."""
    number = reply["steps"].index(step) + 1
    lines = [f"Шаг {number} из {len(reply['steps'])}. {step['text']}", *(f"• {each}" for each in step["substeps"])]
    lines += [_DANGERS[danger] for danger in step["danger"] if danger in _DANGERS]
    return _shortened([*lines, "", f"Подробнее: {site}{step['url']}"])


def quote_text(reply: AnswerReply, site: str) -> str:
    """The sentence that answers, and where it stands; empty where there is none."""
    quote = reply["quote"]
    return _shortened([quote["text"], "", f"Подробнее: {site}{quote['url']}"]) if quote else ""


def section_text(hit: Hit, site: str) -> str:
    """What of a section fits the query, for an answer that has neither steps nor a sentence."""
    return _shortened([f"{hit['headings'][-1]}: {hit['snippet']}", "", f"Подробнее: {site}{hit['url']}"])


def escalation_text(escalation: Escalation) -> str:
    """Where to turn next, with a letter that names what was tried."""
    lines = [_REASONS[escalation["reason"]]]
    if escalation["routes"]:
        lines += ["Куда обратиться:", *_routes(escalation)]
    return _shortened([*lines, "", "Готовый текст обращения:", "", *escalation["draft"].split("\n")])


def _routes(escalation: Escalation) -> Iterator[str]:
    for route in escalation["routes"]:
        told = (route["how"], route["address"], route["hours"])
        yield f"• {route['name']}. {' '.join(each for each in told if each)}"


def _shortened(lines: list[str]) -> str:
    """The lines as one text; of a text that BotX would refuse the last lines are left out."""
    while len("\n".join(lines)) > _LONGEST and len(lines) > 1:
        lines = [*lines[:-2], "…"]
    return "\n".join(lines)[:_LONGEST]
