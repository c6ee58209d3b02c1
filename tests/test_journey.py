"""One person's way through the help: a slip in the box, steps that do not help, a vote, the letter to the support."""

import re

import pytest
from playwright.sync_api import expect

from server.journal import read_journals

pytestmark = [pytest.mark.browser, pytest.mark.model]

TYPED = "не приходят увдомления на Xiaomi"  # a letter is missing
MEANT = "не приходят уведомления на Xiaomi"
SUGGESTED = "Не приходят уведомления на Android, хотя всё настроено"
SECTION = "notifications#android"


@pytest.fixture(params=["desktop", "phone"])
def page(chromium, voting_site, request):
    """A page of a site that takes votes, which may copy; a message on its console fails the test."""
    wide = request.param == "desktop"
    context = chromium.new_context(
        base_url=voting_site[0],
        viewport={"width": 1440, "height": 900} if wide else {"width": 390, "height": 844},
        permissions=["clipboard-read", "clipboard-write"],
        reduced_motion="reduce",
    )
    opened = context.new_page()
    wrong = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    context.close()
    assert wrong == []


def boxes(page):
    return page.locator(".answer input[type=checkbox]")


def draft(page):
    return page.get_by_label("Черновик письма")


def is_seen(page):
    """Whether the element with the focus is on the screen, whole or as much as fits, and has the ring."""
    return page.evaluate(
        """() => {
            const focused = document.activeElement, area = focused.getBoundingClientRect();
            const bar = document.querySelector(".search-bar.stuck:not(.away)")?.getBoundingClientRect().bottom ?? 0;
            const ring = focused.matches(":focus-visible") && getComputedStyle(focused).outlineStyle !== "none";
            const inField = focused.id === "page-q"; // the box around it shows the focus
            return (ring || inField) && area.bottom <= innerHeight && (inField || area.top >= bar);
        }"""
    )


def press(page, keys):
    """Presses a key, after which the focus has to be seen."""
    page.keyboard.press(keys)
    page.wait_for_function("document.activeElement !== document.body")
    assert is_seen(page), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def press_until(page, keys, target, most=12):
    """Presses a key until the target has the focus."""
    for _ in range(most):
        press(page, keys)
        if target.evaluate("node => node === document.activeElement"):
            return
    pytest.fail(f"{keys} pressed {most} times does not lead to {target}")


def vote_on(page, voting_site):
    """The vote that was given for the query of this page."""
    query_id = page.locator(".results").get_attribute("data-query-id")
    return {
        vote.query_id: (vote.section_id, vote.outcome, vote.comment)
        for vote in read_journals([voting_site[1]]).feedback
    }[query_id]


def test_by_mouse_from_a_slip_to_the_copied_letter(page, voting_site):
    page.goto("/")
    page.locator("#page-q").click()
    page.locator("#page-q").press_sequentially(TYPED)
    page.get_by_role("option", name=SUGGESTED).click()
    expect(page.get_by_role("heading", name=SUGGESTED).first).to_be_visible()
    expect(page.locator("form[data-feedback]")).to_have_count(2)  # «Помогло» and «Не помогло», once
    expect(page.locator(".answer form[data-feedback]")).to_have_count(2)

    specific = boxes(page).count()
    for number in range(specific):
        boxes(page).nth(number).click()
        expect(boxes(page).nth(number)).to_be_checked()
        expect(page.locator(".answer .done").nth(number)).to_be_visible()
    expect(boxes(page).nth(specific)).to_be_focused()  # the general steps
    general = boxes(page).count()
    assert draft(page).count() == 0
    for number in range(specific, general):
        boxes(page).nth(number).click()
    expect(page.get_by_role("heading", name="Шаги не помогли: напишите в поддержку")).to_be_in_viewport()
    expect(draft(page)).to_have_value(re.compile(f"Проблема: {SUGGESTED}"))
    assert draft(page).input_value().count("\n— ") >= general

    answer = page.locator(".answer")
    answer.get_by_text("Не помогло", exact=True).click()
    answer.get_by_label("про это, но не помогло").check()
    answer.get_by_label("Комментарий").fill("всё сделано")
    answer.get_by_role("button", name="Отправить").click()
    expect(answer.get_by_role("heading", name="Спасибо")).to_be_focused()
    assert vote_on(page, voting_site) == (SECTION, "related_but_no_answer", "всё сделано")

    answer.get_by_role("link", name="Связаться с поддержкой").click()
    page.get_by_role("button", name="Скопировать черновик").click()
    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == draft(page).input_value()


def test_by_keyboard_alone_with_the_focus_always_seen(page, voting_site):
    page.goto("/")
    expect(page.locator("#page-q")).to_be_focused()
    page.keyboard.type(TYPED)
    expect(page.get_by_role("option", name=SUGGESTED)).to_be_visible()
    press(page, "ArrowDown")
    expect(page.get_by_role("option", name=SUGGESTED)).to_have_attribute("aria-selected", "true")
    press(page, "Enter")
    expect(page.locator(".answer")).to_be_visible()

    press_until(page, "Tab", boxes(page).first)
    specific = boxes(page).count()
    for number in range(1, specific):
        press(page, "Space")
        expect(boxes(page).nth(number)).to_be_focused()
    page.keyboard.press("Space")
    expect(boxes(page).nth(specific)).to_be_focused()
    assert is_seen(page)
    for number in range(specific + 1, boxes(page).count()):
        press(page, "Space")
        expect(boxes(page).nth(number)).to_be_focused()
    page.keyboard.press("Space")
    title = page.get_by_role("heading", name="Шаги не помогли: напишите в поддержку")
    expect(title).to_be_focused()
    assert is_seen(page)

    press_until(page, "Tab", page.get_by_role("button", name="Скопировать черновик"))
    press(page, "Enter")
    expect(page.get_by_role("button", name="Скопировано")).to_be_focused()
    assert page.evaluate("navigator.clipboard.readText()") == draft(page).input_value()

    press_until(page, "Shift+Tab", page.locator(".answer summary"))
    press(page, "Enter")
    press(page, "Tab")
    press(page, "Space")
    press(page, "ArrowDown")
    expect(page.get_by_label("про это, но не помогло")).to_be_checked()
    press_until(page, "Tab", page.get_by_role("button", name="Отправить"))
    page.keyboard.press("Enter")
    expect(page.locator(".answer").get_by_role("heading", name="Спасибо")).to_be_focused()
    assert is_seen(page)
    assert vote_on(page, voting_site) == (SECTION, "related_but_no_answer", "")


def test_without_a_script_to_the_steps_the_letter_and_the_vote(chromium, voting_site):
    context = chromium.new_context(
        base_url=voting_site[0], viewport={"width": 390, "height": 844}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto("/")
    page.locator("#page-q").fill(TYPED)
    page.get_by_role("button", name="Найти").click()
    expect(page.get_by_text(f"Показано по запросу {MEANT}")).to_be_visible()
    left = page.locator(".steps li:has(input:not(:checked))")
    for _ in range(2):  # the specific steps, then the general ones
        for box in boxes(page).all():
            box.check()
        query_id = page.locator(".results").get_attribute("data-query-id")
        page.get_by_role("button", name="Отмеченное не помогло").click()
        expect(page.locator(".results")).not_to_have_attribute("data-query-id", query_id)
        expect(page.locator("#page-next")).to_be_in_viewport()  # what is to be done now, not the top of the page
    expect(left).to_have_count(0)
    expect(page.get_by_role("heading", name="Шаги не помогли: напишите в поддержку")).to_be_in_viewport()
    expect(draft(page)).to_have_value(re.compile(f"Проблема: {TYPED}"))

    query_id = page.locator(".results").get_attribute("data-query-id")
    page.locator(".answer summary").click()
    page.locator(".answer").get_by_label("устарело").check()
    page.get_by_role("button", name="Отправить").click()
    expect(page.locator(".answer").get_by_role("heading", name="Спасибо")).to_be_in_viewport()
    expect(draft(page)).to_have_value(re.compile("Уже сделано, не помогло:\n— "))
    votes = {vote.query_id: (vote.section_id, vote.outcome) for vote in read_journals([voting_site[1]]).feedback}
    assert votes[query_id] == (SECTION, "outdated")
    assert page.locator("form[data-feedback]").count() == 0

    page.get_by_role("link", name="способов связи").click()
    expect(page.locator("#page-contacts")).to_be_in_viewport()
    context.close()
