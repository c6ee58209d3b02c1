"""Other sites: which of them may ask the server from their pages, and the element that they show."""

import pytest
from flask import Flask
from playwright.sync_api import expect
from serving import served

from server import cors
from server.app import create_app

SITE = "https://www.example.ru"


@pytest.fixture(scope="module")
def client(built_index, encoder):
    return create_app(built_index, encoder, origins=[SITE]).test_client()


def test_an_allowed_site_may_read_the_answer(client):
    response = client.post("/v1/search", json={"query": "фото"}, headers={"Origin": SITE})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == SITE
    assert "Origin" in response.headers["Vary"]


def test_its_browser_may_ask_first(client):
    response = client.options("/v1/search", headers={"Origin": SITE, "Access-Control-Request-Method": "POST"})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert response.headers["Access-Control-Allow-Headers"] == "Content-Type"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://www.example.ru", SITE + ".evil.example", "null"])
def test_no_other_site_may(client, origin):
    response = client.post("/v1/search", json={"query": "фото"}, headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in response.headers


def test_pages_are_nobody_elses(client):
    assert "Access-Control-Allow-Origin" not in client.get("/", headers={"Origin": SITE}).headers


def test_errors_can_be_read_too(client):
    response = client.post("/v1/search", json={"query": ""}, headers={"Origin": SITE})
    assert response.status_code == 422
    assert response.headers["Access-Control-Allow-Origin"] == SITE


def test_without_a_list_nothing_is_added(built_index, encoder):
    response = create_app(built_index, encoder).test_client().get("/v1/articles", headers={"Origin": SITE})
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("text", ["*", "www.example.ru", "https://www.example.ru/", "https://a@b.ru", "null", ""])
def test_only_an_origin_is_one(text):
    with pytest.raises(ValueError, match="is no origin; expected scheme and host alone"):
        cors.origin(text)


@pytest.fixture(scope="module")
def sites(real_index):
    """A help, and another site that shows its element; each on an origin of its own."""
    shop = Flask("shop")
    strict = "default-src 'none'; script-src {0}; connect-src {0}; style-src 'self'"
    help_at = {}

    @shop.get("/")
    def page():
        address = help_at["address"]
        script = f'<script src="{address}/static/widget.js" defer></script>'
        shown = '<main><h1>Помощь</h1><support-search limit="3"></support-search></main>'
        body = f'<!doctype html><html lang="ru"><title>Магазин</title>{script}{shown}'
        return body, {"Content-Security-Policy": strict.format(address)}

    with served(shop) as shop_address, served(create_app(real_index, origins=[shop_address])) as address:
        help_at["address"] = address
        yield address, shop_address


@pytest.fixture
def shop_page(chromium, sites):
    """The page of the other site; a message on its console fails the test."""
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    wrong = []
    # That the server was busy, the browser says by itself.
    page.on("console", lambda message: None if "503" in message.text else wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(sites[1])
    yield page
    context.close()
    assert wrong == []


@pytest.mark.browser
@pytest.mark.model
def test_the_element_answers_on_another_site(shop_page, sites):
    field = shop_page.get_by_role("textbox", name="Поиск по справке")
    field.fill("ytn edtljvktybq yf fylhjbl")
    field.press("Enter")
    first = shop_page.get_by_role("listitem").first.get_by_role("link")
    expect(first).to_contain_text("на Android")
    assert first.get_attribute("href").startswith(f"{sites[0]}/articles/notifications#")
    expect(shop_page.get_by_text("Показано по запросу")).to_contain_text("нет уведомлений на андроид")
    assert shop_page.get_by_role("listitem").count() <= 3
    assert shop_page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.browser
@pytest.mark.model
def test_the_element_says_when_there_is_no_answer(shop_page):
    shop_page.get_by_role("textbox").fill("рецепт борща")
    shop_page.get_by_role("button", name="Найти").click()
    expect(shop_page.get_by_text("В справке нет ответа на этот вопрос.")).to_be_visible()
    expect(shop_page.get_by_role("link", name="способы связи")).to_be_visible()


@pytest.mark.browser
@pytest.mark.model
def test_the_element_keeps_the_text_when_the_server_is_away_and_asks_again(shop_page):
    shop_page.route(
        "**/v1/search",
        lambda route: route.fulfill(
            status=503,
            headers={
                "Retry-After": "10",
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "Retry-After",
            },
            json={"error": {"code": "overloaded", "message": "Занято."}},
        ),
    )
    field = shop_page.get_by_role("textbox")
    field.fill("как сменить фото")
    field.press("Enter")
    expect(shop_page.get_by_text("Повторите через 10 с — текст сохранён.")).to_be_visible()
    expect(field).to_have_value("как сменить фото")
    shop_page.unroute("**/v1/search")
    shop_page.get_by_role("button", name="Повторить").click()
    expect(shop_page.get_by_role("listitem").first).to_be_visible()
