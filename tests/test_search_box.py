"""The search box and the pages' forms in real Chromium: suggestions by keyboard, recent searches, votes, platforms."""

import re
from urllib.parse import unquote

import pytest
from playwright.sync_api import expect
from screenshots import VIEWS

from server.journal import read_journals

pytestmark = [pytest.mark.browser, pytest.mark.model]


@pytest.fixture
def page(chromium, voting_site):
    """A page of a running site that takes votes; an error of its scripts fails the test."""
    context = chromium.new_context(base_url=voting_site[0], reduced_motion="reduce")
    opened = context.new_page()
    wrong = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    context.close()
    assert wrong == []


def box(page):
    return page.locator("#page-q")


def options(page):
    return page.get_by_role("option")


def type_into(page, text):
    box(page).press_sequentially(text)
    expect(page.get_by_role("listbox")).to_be_visible()


def active_option(page):
    """The option that the field points to, as a screen reader finds it; None where it points to none."""
    option_id = box(page).get_attribute("aria-activedescendant")
    if option_id is None:
        return None
    option = page.locator(f"[id='{option_id}'][role=option]")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(page.locator("[aria-selected=true]")).to_have_count(1)
    return option.inner_text()


def test_typing_opens_suggestions_in_groups_and_tells_how_many(page):
    page.goto("/")
    combobox = page.get_by_role("combobox", name="Поиск по справке")
    expect(combobox).to_have_attribute("aria-expanded", "false")
    type_into(page, "пользователь не")
    expect(combobox).to_have_attribute("aria-expanded", "true")
    listbox = page.get_by_role("listbox", name="Подсказки")
    assert box(page).get_attribute("aria-controls") == listbox.get_attribute("id")
    assert listbox.get_by_role("group").count() == 3
    for name in ("Ошибки", "Вопросы", "Разделы"):
        expect(listbox.get_by_role("group", name=name)).to_be_visible()
    assert 0 < options(page).count() <= 8
    expect(page.locator("#page-status")).to_contain_text(f"{options(page).count()}\u00a0подсказ")
    assert active_option(page) is None


def test_what_was_typed_is_plain_and_what_it_is_completed_to_is_bold(page):
    page.goto("/")
    type_into(page, "не приходят увед")
    first = options(page).first
    assert first.inner_text() == "Не приходят уведомления на iPhone"
    assert "".join(first.locator("b").all_inner_texts()).replace(" ", "") == "омлениянаiPhone"


def test_arrows_go_round_through_the_field_itself(page):
    page.goto("/")
    type_into(page, "кэш")
    found = [text.strip() for text in options(page).all_inner_texts()]
    box(page).press("ArrowDown")
    assert active_option(page) == found[0]
    box(page).press("ArrowDown")
    assert active_option(page) == found[1]
    box(page).press("ArrowUp")
    box(page).press("ArrowUp")
    assert active_option(page) is None
    box(page).press("ArrowUp")
    assert active_option(page) == found[-1]
    assert box(page).input_value() == "кэш"


def test_enter_on_a_question_shows_its_answer_and_back_returns(page):
    page.goto("/")
    type_into(page, "увдомления")  # with a slip
    box(page).press("ArrowDown")
    chosen = active_option(page)
    box(page).press("Enter")
    page.wait_for_url(re.compile(r"/\?q="))
    expect(box(page)).to_have_value(chosen)
    expect(page.locator("article.hit h2").first).to_have_text(chosen)
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.locator("#page-status")).to_contain_text("Найдено разделов")
    page.go_back()
    expect(page.get_by_role("heading", name="Чем помочь?")).to_be_visible()
    page.go_forward()
    expect(page.locator("article.hit h2").first).to_have_text(chosen)


def test_enter_on_a_section_leads_to_its_place(page):
    page.goto("/")
    type_into(page, "xiaomi")
    box(page).press("ArrowDown")
    box(page).press("Enter")
    page.wait_for_url(re.compile("/articles/android-background#xiaomi$"))


def test_a_touch_on_a_suggestion_chooses_it(page):
    page.goto("/")
    type_into(page, "yt ghb[jl")  # the other layout
    option = options(page).first
    chosen = option.inner_text()
    option.click()
    page.wait_for_url(re.compile(r"/\?q="))
    expect(box(page)).to_have_value(chosen)


def test_enter_without_a_choice_searches_for_what_was_typed(page):
    page.goto("/")
    type_into(page, "не приходит код")
    box(page).press("Enter")
    page.wait_for_url(re.compile(r"/\?q=%D0%BD%D0%B5"))
    expect(box(page)).to_have_value("не приходит код")
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_escape_closes_the_suggestions_and_keeps_the_text(page):
    page.goto("/")
    type_into(page, "кэш")
    box(page).press("ArrowDown")
    box(page).press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.get_by_role("combobox")).to_have_attribute("aria-expanded", "false")
    assert active_option(page) is None
    expect(box(page)).to_have_value("кэш")
    expect(box(page)).to_be_focused()
    box(page).press("ArrowDown")  # and opens them again
    expect(page.get_by_role("listbox")).to_be_visible()


def test_tab_closes_the_suggestions_and_goes_on(page):
    page.goto("/")
    type_into(page, "кэш")
    box(page).press("Tab")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(page.get_by_role("button", name="Найти")).to_be_focused()


def test_one_request_is_made_for_what_is_typed_in_one_go(page):
    page.clock.install()
    page.goto("/")
    # Between two keys no time passes, however busy the machine is.
    page.clock.pause_at(page.evaluate("Date.now()") + 1000)
    asked = []
    page.on("request", lambda request: asked.append(unquote(request.url)) if "/v1/suggest" in request.url else None)
    box(page).press_sequentially("уведом")
    page.clock.run_for(140)
    box(page).press_sequentially("ления")
    page.clock.run_for(140)
    assert asked == []
    page.clock.run_for(20)
    expect(page.get_by_role("listbox")).to_be_visible()
    assert [url.partition("?q=")[2] for url in asked] == ["уведомления"]


def test_text_with_line_breaks_asks_for_no_suggestions(page):
    page.goto("/")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/suggest" in request.url else None)
    box(page).fill("Ошибка\nПользователь не найден")
    page.wait_for_timeout(400)
    assert asked == []


@pytest.mark.parametrize("keys", ["/", "Control+k"])
def test_keys_lead_to_the_box(page, keys):
    page.goto("/articles/sign-in")
    page.keyboard.press(keys)
    expect(box(page)).to_be_focused()
    assert box(page).input_value() == ""


def test_recent_searches_come_back_and_can_be_cleared(page):
    page.goto("/")
    for text in ("не приходит код", "очистить кэш", "анна anna@example.ru", "телефон +7 912 345-67-89"):
        box(page).fill(text)
        box(page).press("Enter")
        expect(page.locator(".results")).to_be_visible()
        page.goto("/")
    box(page).press("ArrowDown")
    expect(page.get_by_role("group", name="Недавние запросы")).to_be_visible()
    assert options(page).all_inner_texts() == ["очистить кэш", "не приходит код"]
    box(page).press("ArrowDown")
    box(page).press("ArrowDown")
    box(page).press("Enter")
    page.wait_for_url(re.compile(r"/\?q="))
    expect(box(page)).to_have_value("не приходит код")
    page.goto("/")
    box(page).click()
    expect(page.get_by_role("listbox")).to_be_visible()
    box(page).press("Tab")
    expect(page.get_by_role("button", name="Очистить недавние запросы")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listbox")).to_be_hidden()
    box(page).press("ArrowDown")
    page.wait_for_timeout(200)
    expect(page.get_by_role("listbox")).to_be_hidden()
    assert page.evaluate("localStorage.getItem('spravka.recent')") == "[]"


def test_slow_results_show_placeholders_and_failed_ones_can_be_repeated(page):
    page.goto("/?q=кэш")
    page.route(re.compile(r"/\?q="), lambda route: route.abort())
    box(page).fill("не приходит код")
    box(page).press("Enter")
    failure = page.get_by_role("alert")
    expect(failure).to_contain_text("Не удалось получить ответ")
    expect(box(page)).to_have_value("не приходит код")
    assert page.locator("article.hit").count() > 0  # what was there stays
    page.unroute_all()
    page.evaluate(
        """() => {
            const before = window.fetch;
            const released = new Promise((done) => (window.release = done));
            window.fetch = (...given) => released.then(() => before(...given));
        }"""
    )
    failure.get_by_role("button", name="Повторить").click()
    expect(page.locator(".placeholders")).to_be_visible()
    page.evaluate("release()")
    expect(page.locator("article.hit h2").first).to_have_text("Не приходит СМС-код")
    expect(page.locator(".placeholders")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_too_many_requests_are_told_so(page):
    page.goto("/")
    page.route(re.compile(r"/\?q="), lambda route: route.fulfill(status=503, body="busy"))
    box(page).fill("код")
    box(page).press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Повторите через 10\u00a0секунд")
    expect(box(page)).to_have_value("код")


def test_posted_text_that_got_no_answer_is_still_there(page):
    page.goto("/")
    page.route("**/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    box(page).fill("Ошибка\nв журнале")
    with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        box(page).press("Enter")
    page.unroute_all()
    page.goto("/")
    expect(box(page)).to_have_value("Ошибка\nв журнале")


def test_a_vote_names_the_search_and_the_section_that_it_led_to(page, voting_site):
    page.goto("/?q=не приходит код")
    query_id = page.locator(".results").get_attribute("data-query-id")
    page.locator("article.hit").first.get_by_role("link").click()
    page.wait_for_url(re.compile("/articles/"))
    page.get_by_role("button", name="Помогло", exact=True).click()
    thanks = page.locator("#page-feedback .feedback-title")
    expect(thanks).to_have_text("Спасибо")
    expect(thanks).to_be_focused()
    votes = {vote.query_id: vote for vote in read_journals([voting_site[1]]).feedback}
    assert (votes[query_id].section_id, votes[query_id].outcome) == ("sign-in#sms-code", "solved")


def test_a_reason_and_a_comment_are_given_by_keyboard_and_survive_a_failure(page, voting_site):
    page.goto("/articles/cache")
    page.locator("summary", has_text="Не помогло").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("устарело")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("кнопка называется иначе")
    page.route("**/feedback", lambda route: route.abort())
    page.get_by_role("button", name="Отправить").click()
    expect(page.get_by_role("alert")).to_contain_text("Не удалось отправить")
    expect(page.get_by_label("Комментарий")).to_have_value("кнопка называется иначе")
    page.unroute_all()
    page.get_by_role("button", name="Отправить").click()
    expect(page.locator("#page-feedback .feedback-title")).to_have_text("Спасибо")
    votes = [
        vote for vote in read_journals([voting_site[1]]).feedback if vote.comment and vote.section_id == "cache#top"
    ]
    assert [(vote.section_id, vote.outcome, vote.comment) for vote in votes] == [
        ("cache#top", "outdated", "кнопка называется иначе")
    ]


def send_a_reason(page):
    """Fills in the form of an article that did not help and sends it; gives the request, held back."""
    held = []
    page.goto("/articles/chats")
    page.locator("summary", has_text="Не помогло").click()
    page.get_by_label("устарело").check()
    page.get_by_label("Комментарий").fill("экран выглядит иначе")
    page.route("**/feedback", lambda route: held.append(route))
    with page.expect_request("**/feedback"):
        page.get_by_role("button", name="Отправить").click()
    expect(page.get_by_role("heading", name="Отправляем…")).to_be_focused()
    while not held:  # the route hears of the request after the page
        page.wait_for_timeout(10)
    return held[0]


def test_a_vote_on_its_way_is_said_and_moves_nothing_when_it_arrives(page):
    request = send_a_reason(page)
    block = page.locator("#page-feedback")
    expect(block.get_by_role("button")).to_have_count(0)  # nothing can be sent twice
    place = block.bounding_box()
    request.continue_()
    expect(block.get_by_role("heading", name="Спасибо")).to_be_focused()
    assert block.bounding_box() == place


def test_a_vote_that_fails_late_gives_the_form_and_the_focus_back(page):
    send_a_reason(page).abort()
    expect(page.get_by_role("alert")).to_contain_text("Не удалось отправить")
    expect(page.get_by_role("button", name="Отправить")).to_be_focused()
    expect(page.get_by_label("устарело")).to_be_checked()
    expect(page.get_by_label("Комментарий")).to_have_value("экран выглядит иначе")


def test_votes_and_platforms_work_without_javascript(chromium, voting_site):
    context = chromium.new_context(base_url=voting_site[0], java_script_enabled=False)
    page = context.new_page()
    page.goto("/articles/notifications")
    page.get_by_role("link", name="iOS", exact=True).click()
    page.wait_for_url(re.compile("platform=ios"))
    expect(page.locator("#iphone")).to_be_visible()
    expect(page.locator("#android")).to_be_hidden()
    page.locator("summary", has_text="Не помогло").click()
    page.get_by_label("не про это").check()
    page.get_by_role("button", name="Отправить").click()
    page.wait_for_url(re.compile("platform=ios&voted=1#page-feedback"))
    expect(page.get_by_role("heading", name="Спасибо")).to_be_in_viewport()
    context.close()


@pytest.mark.parametrize("scripted", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize(("width", "is_folded"), [(390, True), (1440, False)])
def test_contents_are_folded_on_a_phone_and_stand_beside_the_text_on_a_desktop(
    chromium, voting_site, width, is_folded, scripted
):
    context = chromium.new_context(
        base_url=voting_site[0], viewport={"width": width, "height": 844}, java_script_enabled=scripted
    )
    page = context.new_page()
    page.goto("/articles/notifications")
    contents = page.get_by_role("navigation", name="Содержание")
    link = contents.get_by_role("link", name="Не приходят уведомления на iPhone")
    text = page.locator(".article-text").bounding_box()
    if is_folded:
        expect(link).to_be_hidden()
        assert text["y"] < 500  # the text comes first
        contents.locator("summary").click()
    else:
        expect(contents.locator("summary")).to_be_hidden()
        assert contents.bounding_box()["x"] > text["x"] + text["width"]
    expect(link).to_be_visible()
    link.click()
    expect(page.locator("#iphone")).to_be_in_viewport()
    context.close()


def test_platform_switch_shows_the_parts_for_one_platform(page):
    page.goto("/articles/notifications")
    switch = page.get_by_role("navigation", name="Показать для платформы")
    switch.get_by_role("link", name="Android").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#iphone")).to_be_hidden()
    expect(page.locator("#android")).to_be_visible()
    expect(page.get_by_role("navigation", name="Содержание").get_by_text("на iPhone")).to_be_hidden()
    expect(switch.locator("[aria-current=true]")).to_have_text("Android")
    expect(page.locator("#page-status")).to_contain_text("Android")
    assert page.url.endswith("?platform=android")
    page.reload()
    expect(page.locator("#iphone")).to_be_hidden()
    page.evaluate("location.hash = '#iphone'")  # a link to what is hidden shows it
    expect(page.locator("#iphone")).to_be_in_viewport()
    expect(switch.locator("[aria-current=true]")).to_have_text("Все платформы")


def test_on_a_phone_the_box_leaves_while_reading_on_and_comes_back_on_scrolling_up(chromium, voting_site):
    context = chromium.new_context(base_url=voting_site[0], **VIEWS["phone"], reduced_motion="reduce")
    page = context.new_page()
    page.goto("/articles/sign-in")
    page.evaluate("scrollTo(0, 1500)")
    expect(box(page)).not_to_be_in_viewport()
    page.evaluate("scrollBy(0, -200)")
    expect(box(page)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_on_a_phone_filters_are_a_sheet_that_escape_and_a_touch_beside_it_close(chromium, voting_site):
    context = chromium.new_context(base_url=voting_site[0], **VIEWS["phone"])
    page = context.new_page()
    page.goto("/?q=не приходят уведомления")
    sheet = page.locator(".filter-fields")
    for close in (lambda: page.keyboard.press("Escape"), lambda: page.locator("h1").evaluate("node => node.click()")):
        page.get_by_text("Уточнить").click()
        bounds = sheet.bounding_box()
        assert round(bounds["y"] + bounds["height"]) == 844
        close()
        expect(sheet).to_be_hidden()
    page.get_by_text("Уточнить").click()
    page.get_by_label("Платформа").select_option("ios")
    page.get_by_role("button", name="Применить").click()
    page.wait_for_url(re.compile("platform=ios"))
    chip = page.get_by_role("list", name="Выбранные уточнения").get_by_role("link")
    expect(chip).to_have_accessible_name("iOS — убрать уточнение")
    chip.click()
    expect(page).not_to_have_url(re.compile("platform"))
    context.close()
