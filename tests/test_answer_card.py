"""The answer card: steps that lead on, with and without a script, and the letter when they do not help."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.model]

QUERY = "не приходят уведомления на Android"


@pytest.fixture(params=["script", "no script"])
def scripted(request):
    return request.param == "script"


@pytest.fixture
def page(chromium, real_site, scripted):
    """A phone's page of the running site; a message on its console fails the test."""
    context = chromium.new_context(
        base_url=real_site, viewport={"width": 390, "height": 844}, java_script_enabled=scripted
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


def tick(page, number, scripted):
    boxes(page).nth(number).click()  # not check(): the last tick may have its box replaced
    if not scripted:
        page.get_by_role("button", name="Отмеченное не помогло").click()


def test_a_step_leads_where_it_does_in_its_article_and_is_not_ticked_by_that(page):
    page.goto(f"/?q={QUERY}")
    step = page.locator(".steps li").filter(has_text="автозапуск и работу в фоне")
    step.get_by_role("link").click()
    page.wait_for_url(re.compile("/articles/android-background#any-android$"))
    page.go_back()
    expect(step.get_by_role("checkbox")).not_to_be_checked()


def test_ticked_steps_lead_on_and_after_the_last_come_the_letter_and_the_contacts(page, scripted):
    page.goto(f"/?q={QUERY}")
    specific = boxes(page).count()
    assert specific > 2
    tick(page, 0, scripted)
    expect(page.locator(".steps li.next input")).to_have_attribute("id", boxes(page).nth(1).get_attribute("id"))
    expect(boxes(page).nth(0)).to_be_checked()
    for number in range(1, specific):
        tick(page, number, scripted)
    # The specific steps are done: the general ones follow.
    expect(boxes(page).nth(specific)).to_be_visible()
    for number in range(specific, boxes(page).count()):
        tick(page, number, scripted)
    draft = page.get_by_label("Черновик письма")
    expect(draft).to_have_value(re.compile("Уже сделано, не помогло:\n— "))
    expect(draft).to_have_value(re.compile(f"Проблема: {QUERY}"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scripted", [True])
def test_ticks_are_remembered_for_the_query_and_focus_moves_on(page, scripted):
    page.goto(f"/?q={QUERY}")
    boxes(page).nth(0).focus()
    page.keyboard.press("Space")
    expect(boxes(page).nth(1)).to_be_focused()
    page.goto("/?q=что такое HUID")
    expect(page.locator(".answer .quote")).to_contain_text("HUID — постоянный идентификатор")
    expect(page.locator(".answer .source a").first).to_have_attribute(
        "href", re.compile(r"^/articles/profile#huid:~:text=HUID")
    )
    page.goto(f"/?q={QUERY}")
    expect(boxes(page).nth(0)).to_be_checked()
    expect(boxes(page).nth(1)).not_to_be_checked()


@pytest.mark.parametrize("scripted", [True])
def test_the_letter_is_copied_without_personal_data(page, scripted):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/?q=рецепт борща, звоните %2B7 916 123-45-67")
    expect(page.get_by_role("heading", name="В справке нет ответа на этот вопрос.")).to_be_visible()
    page.get_by_role("button", name="Скопировать черновик").click()
    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "Проблема: рецепт борща, звоните [телефон скрыт]" in copied
    expect(page.get_by_text("личные данные (телефон)")).to_be_visible()


@pytest.mark.parametrize("scripted", [True])
def test_after_the_last_step_the_focus_goes_to_what_is_next_and_back_returns(page, scripted):
    page.goto(f"/?q={QUERY}")
    specific = boxes(page).count()
    for number in range(specific):
        tick(page, number, scripted)
    expect(boxes(page).nth(specific)).to_be_focused()
    expect(boxes(page).nth(specific)).to_be_in_viewport()
    for number in range(specific, boxes(page).count()):
        tick(page, number, scripted)
    expect(page.get_by_role("heading", name="Шаги не помогли: напишите в поддержку")).to_be_focused()
    expect(page.get_by_label("Черновик письма")).to_be_in_viewport(ratio=1)
    page.go_back()
    expect(page.get_by_label("Черновик письма")).to_have_count(0)
    expect(boxes(page).nth(specific)).to_be_checked()


@pytest.mark.parametrize("scripted", [True])
def test_steps_that_were_all_remembered_lead_on_by_the_button(page, scripted):
    page.goto(f"/?q={QUERY}")
    button = page.get_by_role("button", name="Отмеченное не помогло")
    expect(button).to_be_hidden()  # each tick leads on by itself
    specific = boxes(page).count()
    for number in range(specific):
        tick(page, number, scripted)
    expect(boxes(page).nth(specific)).to_be_focused()
    for number in range(specific, boxes(page).count()):
        tick(page, number, scripted)
    expect(page.get_by_label("Черновик письма")).to_be_visible()
    expect(button).to_be_hidden()  # all is said
    page.goto(f"/?q={QUERY}")
    button.click()
    expect(boxes(page).nth(specific)).to_be_checked()  # the general ones are remembered too
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Черновик письма")).to_be_visible()


@pytest.mark.parametrize("scripted", [True])
def test_without_a_connection_the_last_tick_says_so_and_can_be_repeated(page, scripted):
    page.goto(f"/?q={QUERY}")
    specific = boxes(page).count()
    for number in range(specific - 1):
        tick(page, number, scripted)
    page.evaluate("() => { window.known = window.fetch; window.fetch = () => Promise.reject(new Error('offline')); }")
    boxes(page).nth(specific - 1).click()
    failure = page.get_by_role("alert")
    expect(failure).to_be_in_viewport()
    page.evaluate("() => { window.fetch = window.known; }")
    failure.get_by_role("button", name="Повторить").click()
    expect(boxes(page).nth(specific)).to_be_focused()


def test_who_takes_no_votes_shows_no_buttons_but_the_way_to_the_support(page, scripted):
    page.goto(f"/?q={QUERY}")
    expect(page.locator("form[data-feedback]")).to_have_count(0)
    page.locator(".answer").get_by_role("link", name="Связаться с поддержкой").click()
    expect(page.locator("#page-contacts")).to_be_in_viewport()
