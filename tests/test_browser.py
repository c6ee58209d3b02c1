"""The pages in real Chromium, over our own help: questions find their answer, keys work, nothing overflows."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.model]

ANSWERED = {
    "не приходят уведомления на телефоне Android": ("Не приходят уведомления на Android", "notifications#android"),
    "Пользователь не найден": ("«Пользователь не найден»", "sign-in#user-not-found"),
    "чем отличается статус Передано в разработку от Заведено, ждём": ("статусы обращений", "support-portal#statuses"),
    "как запросить новую функцию": ("предложить новую функцию", "support#feature-request"),
}

VIEWS = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "desktop, dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
    "phone, dark": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "color_scheme": "dark"},
    "small phone": {"viewport": {"width": 320, "height": 640}},
}

ADDRESSES = ["/", "/?q=не приходит код", "/?q=????", "/?q=уведомления&platform=ios", "/articles/sign-in", "/nothing"]


@pytest.fixture
def page(chromium, real_site):
    """A page of the running site; a message on its console or a failed request fails the test."""
    yield from opened_page(chromium, real_site)


@pytest.fixture
def voting_page(chromium, voting_site):
    """The same, of a site that takes votes."""
    yield from opened_page(chromium, voting_site[0])


def opened_page(chromium, site):
    context = chromium.new_context(base_url=site)
    opened = context.new_page()
    wrong = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    # Leaving a page while it still loads aborts what is on its way.
    opened.on("requestfailed", lambda r: wrong.append(r.url) if r.failure != "net::ERR_ABORTED" else None)
    yield opened
    context.close()
    assert wrong == []


def search(page, text):
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")
    page.wait_for_url(re.compile(r"\?q="))


@pytest.mark.parametrize("query", ANSWERED)
def test_a_question_typed_into_the_box_shows_the_right_section_first(page, query):
    heading, section_id = ANSWERED[query]
    page.goto("/")
    search(page, query)
    first = page.locator("article.hit").first
    expect(first.get_by_role("heading")).to_contain_text(heading)
    first.get_by_role("link").click()
    article_id, anchor = section_id.split("#")
    expect(page).to_have_url(re.compile(f"/articles/{article_id}#{anchor}$"))
    expect(page.locator(f"[id='{anchor}'] h2")).to_be_in_viewport()


def test_found_words_are_marked(page):
    page.goto("/?q=уведомление")
    assert page.locator("mark").first.inner_text().lower().startswith("уведомлен")


def test_slash_leads_to_the_box_and_shift_enter_breaks_a_line(page):
    page.goto("/articles/sign-in")
    page.keyboard.press("/")
    box = page.get_by_role("textbox")
    expect(box).to_be_focused()
    height = box.bounding_box()["height"]
    box.type("первая")
    box.press("Shift+Enter")
    box.type("вторая")
    box.press("Shift+Enter")
    box.type("третья")
    assert box.input_value() == "первая\nвторая\nтретья"
    assert box.bounding_box()["height"] > height


def test_text_with_line_breaks_stays_out_of_the_address(page):
    page.goto("/")
    box = page.get_by_role("textbox")
    box.fill("Ошибка\nПользователь не найден\nв 10:15")
    box.press("Enter")
    expect(page.locator("article.hit").first).to_contain_text("Пользователь не найден")
    assert "q=" not in page.url
    assert page.get_by_role("textbox").input_value().startswith("Ошибка\n")


def test_filters_narrow_the_results_and_stand_in_the_address(page):
    page.goto("/?q=не приходят уведомления")
    page.get_by_text("Уточнить").click()
    page.get_by_label("Платформа").select_option("ios")
    page.get_by_role("button", name="Применить").click()
    page.wait_for_url(re.compile("platform=ios"))
    assert "audience" not in page.url
    expect(page.locator("article.hit h2", has_text="уведомления на iPhone")).to_be_visible()
    expect(page.locator("article.hit h2", has_text="на Android")).to_have_count(0)


def test_back_returns_to_the_results(page):
    page.goto("/?q=не приходит код")
    page.locator("article.hit").nth(1).get_by_role("link").click()
    page.wait_for_url(re.compile("/articles/"))
    page.go_back()
    expect(page.get_by_role("textbox")).to_have_value("не приходит код")


def test_the_site_works_without_javascript(chromium, real_site):
    context = chromium.new_context(base_url=real_site, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("textbox").fill("Пользователь не найден")
    page.get_by_role("button", name="Найти").click()
    page.wait_for_url(re.compile(r"/\?q="))
    page.locator("article.hit").first.get_by_role("link").click()
    page.wait_for_url(re.compile("sign-in#user-not-found"))
    context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_wider_than_the_screen_and_touch_targets_are_large_enough(chromium, real_site, view):
    context = chromium.new_context(base_url=real_site, **VIEWS[view])
    page = context.new_page()
    for address in ADDRESSES:
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= VIEWS[view]["viewport"]["width"], address
        for button in page.locator("button:visible, .search textarea").all():
            assert button.bounding_box()["height"] >= 44, address
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(chromium, real_site, scheme):
    context = chromium.new_context(base_url=real_site, color_scheme=scheme)
    page = context.new_page()
    for address in ADDRESSES:
        page.goto(address)
        weak = page.evaluate(CONTRAST)
        assert weak == [], address
    context.close()


# Every element with text of its own against the first opaque ground under it (WCAG 2.2, relative luminance).
CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const weak = [];
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility({opacityProperty: true}) || element.closest(".visually-hidden")) continue;
    let under = element, ground = [255, 255, 255, 0];
    while (under && rgba(getComputedStyle(under).backgroundColor)[3] < 255) under = under.parentElement;
    if (under) ground = rgba(getComputedStyle(under).backgroundColor);
    const [high, low] = [luminance(rgba(getComputedStyle(element).color)), luminance(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) weak.push(`${element.tagName} ${element.className}: ${ratio.toFixed(2)}`);
  }
  return weak;
}"""
