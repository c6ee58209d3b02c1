"""Pictures of every page and state: `python tests/screenshots.py [--index index] [--out build/screenshots]`."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))

from serving import served

from server.app import create_app

CHROMIUM = "/usr/bin/chromium"

VIEWS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "desktop-dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    },
    "phone-dark": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
        "color_scheme": "dark",
    },
}


def typed(text: str) -> Callable[[Page], None]:
    """Types into the search box and waits for the suggestions."""

    def act(page: Page) -> None:
        page.locator("#page-q").press("End")
        page.locator("#page-q").press_sequentially(text)
        page.locator(".suggestions").wait_for()
        page.locator("#page-q").press("ArrowDown")

    return act


def recent(page: Page) -> None:
    """Opens the recent searches."""
    page.evaluate(
        "localStorage.setItem('spravka.recent', JSON.stringify(['не приходит код', 'очистить кэш', 'vpn не работает']))"
    )
    page.locator("#page-q").click()
    page.locator(".suggestions").wait_for()


def filters(page: Page) -> None:
    """Opens the filters."""
    page.locator(".filters summary").click()


def ticked(page: Page) -> None:
    """Takes two steps in vain."""
    for number in range(2):
        page.locator(".answer input[type=checkbox]").nth(number).check()


def all_ticked(page: Page) -> None:
    """Takes every step in vain, the general ones too."""
    page.get_by_role("heading", level=1).wait_for()
    left = page.locator(".answer input[type=checkbox]:not(:checked)")
    while page.locator("#page-draft").count() == 0:
        if left.count():  # none is while the next ones are fetched
            left.first.click()
        page.wait_for_timeout(100)
    page.locator("#page-support").scroll_into_view_if_needed()


def voted(page: Page) -> None:
    """Says of an answer that it did not help."""
    not_helped(page)
    page.get_by_label("про это, но не помогло").check()
    page.get_by_role("button", name="Отправить").click()
    page.locator(".feedback-title", has_text="Спасибо").wait_for()


def contents(page: Page) -> None:
    """Unfolds the contents where they are folded, on a phone."""
    if page.locator(".contents summary").is_visible():
        page.locator(".contents summary").click()


def not_helped(page: Page) -> None:
    """Opens the reasons."""
    page.get_by_text("Не помогло", exact=True).click()
    page.locator("#page-feedback").scroll_into_view_if_needed()


def helped(page: Page) -> None:
    """Votes."""
    page.get_by_role("button", name="Помогло", exact=True).click()
    page.locator(".feedback-title", has_text="Спасибо").wait_for()


def waiting(page: Page) -> None:
    """Searches while the server takes its time."""
    page.evaluate("() => { window.fetch = () => new Promise(() => {}); }")
    # At once: what moves more than half a second after a key counts as a jump, and the machine may be busy.
    page.evaluate("() => { window.later = setTimeout; window.setTimeout = (work) => later(work, 0); }")
    page.locator("#page-q").fill("не приходит код")
    page.locator("#page-q").press("Enter")
    page.locator(".placeholders").wait_for()
    page.evaluate("() => { window.setTimeout = later; }")


def failing(page: Page) -> None:
    """Searches without a connection."""
    page.evaluate("() => { window.fetch = () => Promise.reject(new Error('offline')); }")
    page.locator("#page-q").fill("не приходит код")
    page.locator("#page-q").press("Enter")
    page.locator(".failure").wait_for()


def scrolled_up(page: Page) -> None:
    """Reads on, then scrolls back a little."""
    page.mouse.wheel(0, 1600)
    page.wait_for_timeout(400)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(400)


def agent(text: str) -> Callable[[Page], None]:
    """Gives the agents' page a text."""

    def act(page: Page) -> None:
        page.locator("#agent-text").fill(text)
        page.get_by_role("button", name="Разобрать").click()
        page.locator("#page-draft").wait_for()

    return act


LOG = """2026-11-20 10:11:12 ERROR [worker] ru.express: chat_not_found id=1234
    at ru.express.bots.Sender.send(Sender.java:118)
Здравствуйте, бот перестал писать в чат, телефон +7 912 345-67-89."""


def agent_replies(page: Page) -> None:
    """Undoes a change, picks steps, judges a section and looks why it was found."""
    agent("не приходят уведомлния на андройде")(page)
    page.get_by_role("button", name="как набрано — уведомлния").click()
    page.get_by_text("оставлено как набрано").wait_for()
    first = page.locator(".found").first
    for number in range(2):
        first.get_by_role("checkbox").nth(number).check()
    first.get_by_role("button", name="Раздел подходит").click()
    first.get_by_text("Отмечено: подходит").wait_for()
    first.get_by_text("Почему найдено").click()


def wrong_key(page: Page) -> None:
    """A key that is not known."""
    page.get_by_label("Ключ доступа").fill("spravka_неверный")
    page.get_by_role("button", name="Войти").click()
    page.get_by_role("alert").wait_for()


def as_printed(page: Page) -> None:
    """As it would come out of a printer."""
    page.emulate_media(media="print")


# name -> address, what is done there, whether the whole page is taken
STATES: dict[str, tuple[str, Callable[[Page], None] | None, bool]] = {
    "start": ("/", None, True),
    "suggestions": ("/", typed("не приходят увед"), False),
    "suggestions-errors": ("/", typed("пользователь не"), False),
    "suggestions-layout": ("/", typed("yt ghb"), False),
    "recent": ("/", recent, False),
    "results": ("/?q=не приходят уведомления", None, True),
    "answer-quote": ("/?q=что такое HUID", None, False),
    "answer-ticked": ("/?q=не приходят уведомления на Android", ticked, False),
    "answer-over": ("/?q=не приходят уведомления на Android", all_ticked, False),
    "answer-not-helped": ("/?q=не приходят уведомления на Xiaomi", not_helped, False),
    "answer-voted": ("/?q=не приходят уведомления на Xiaomi", voted, False),
    "answer-wish": ("/?q=хочу предложить новую функцию", None, False),
    "results-suggestions": ("/?q=кэш", typed(" андр"), False),
    "results-layout": ("/?q=yt ghb[jlbn rjl", None, False),
    "results-error": ("/?q=Пользователь не найден", None, False),
    "results-filtered": ("/?q=не приходят уведомления&platform=ios&audience=user", None, False),
    "filters": ("/?q=не приходят уведомления&platform=ios", filters, False),
    "no-answer": ("/?q=рецепт борща", None, True),
    "waiting": ("/", waiting, False),
    "waiting-results": ("/?q=кэш", waiting, False),
    "failure": ("/?q=кэш", failing, False),
    "article": ("/articles/notifications", None, True),
    "article-contents": ("/articles/notifications", contents, False),
    "article-platform": ("/articles/notifications?platform=ios", None, False),
    "article-section": ("/articles/sign-in#sms-code", None, False),
    "article-scrolled-up": ("/articles/sign-in", scrolled_up, False),
    "article-not-helped": ("/articles/cache", not_helped, False),
    "article-thanks": ("/articles/cache", helped, False),
    "article-printed": ("/articles/cache", as_printed, True),
    "agent": ("/agent", None, True),
    "agent-found": ("/agent", agent(LOG), True),
    "agent-nothing": ("/agent", agent("рецепт борща"), True),
    "agent-replies": ("/agent", agent_replies, True),
    "agent-replies-top": ("/agent", agent_replies, False),
    "sign-in": ("/sign-in?next=/?q=кэш", None, False),
    "sign-in-refused": ("/sign-in?next=/?q=кэш", wrong_key, False),
    "error": ("/articles/nothing", None, False),
}


def take(browser: Browser, site: str, out: Path, only: str = "") -> list[Path]:
    """Takes the pictures, of those states whose name holds `only`; gives the files."""
    taken = []
    for view, settings in VIEWS.items():
        for name, (address, act, whole) in STATES.items():
            if only not in f"{name}-{view}":
                continue
            context = browser.new_context(base_url=site, locale="ru-RU", reduced_motion="reduce", **settings)
            page = context.new_page()
            page.goto(address)
            if act:
                act(page)
            path = out / f"{name}-{view}.png"
            page.screenshot(path=path, full_page=whole)
            taken.append(path)
            context.close()
    return taken


def main() -> None:
    """Takes all pictures and prints where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, default=Path("index"), help="folder of the index (default: index)")
    parser.add_argument("--out", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--only", default="", help="only states whose name, with the view, holds this")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        app = create_app(options.index, data=Path(data))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--headless", "--no-sandbox"])
        with served(app) as site:
            taken = take(browser, site, options.out, options.only)
        browser.close()
    print(f"{len(taken)} pictures in {options.out}")


if __name__ == "__main__":
    main()
