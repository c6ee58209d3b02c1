"""The agents' page: a log is read, what was read can be edited, a reply is composed, judgments reach evaluation."""

import dataclasses
import html
import json
import re

import pytest
from playwright.sync_api import expect

import evaluation.__main__ as cli
from evaluation.judgments import read_judged
from server.app import create_app
from server.journal import Journal, JournalError, read_journals
from server.replying import CLOSING, OPENING, reply, with_boxes

LOG = (
    "2026-11-20 10:11:12 ERROR [worker] ru.express: chat_not_found id=1234\n"
    "    at foo.bar(Baz.java:1)\n"
    "от +7 912 345-67-89"
)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def client(built_index, encoder, folder):
    return create_app(built_index, encoder, folder).test_client()


@pytest.fixture(scope="module")
def client_without(built_index, encoder):
    return create_app(built_index, encoder).test_client()


def post(client, address="/agent", **fields):
    return client.post(address, data=fields, content_type="multipart/form-data")


def field(response, name):
    """The value of a field of the page: what a textarea holds, an input's value, the chosen option."""
    if area := re.search(rf'<textarea[^>]*name="{name}".*?>\n?(.*?)</textarea>', response.text, re.DOTALL):
        return html.unescape(area[1])
    if select := re.search(rf'<select name="{name}".*?</select>', response.text, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', select[0])
        return chosen[1] if chosen else ""
    return html.unescape(re.search(rf'<input[^>]*name="{name}" value="([^"]*)"', response.text)[1])


def fields_of(response, **changed):
    """What a browser sends of the page, but for the fields that somebody changed."""
    names = ("text", "platform", "audience", "read_platform", "read_audience", "q", "read_as", "edited")
    untouched = re.findall(r'name="untouched" value="([^"]*)"', response.text)
    return {name: field(response, name) for name in names} | {"untouched": untouched} | changed


def found(response):
    """The addresses of the sections in full."""
    return re.findall(r'<h3 id="found-\d+-title"><a href="([^"]*)"', response.text)


def test_nothing_leads_to_the_page_and_no_robot_keeps_it(client):
    response = client.get("/agent")
    assert '<meta name="robots" content="noindex">' in response.text
    assert "Разобрать" in response.text
    for address in ("/", "/?q=фото", "/articles/files"):
        assert "/agent" not in client.get(address).text


def test_a_pasted_log_gives_its_code_and_message_and_sections_in_full(client):
    response = post(client, text=LOG.replace("\n", "\r\n"))
    assert response.status_code == 200
    assert "<code>chat_not_found</code>" in response.text
    assert field(response, "text") == LOG
    assert "1234" not in field(response, "q")
    assert found(response)
    assert "Почему найдено" in response.text


def test_query_in_the_address_is_not_read(client):
    assert "Почему найдено" not in client.get("/agent?text=фото&q=фото").text


@pytest.mark.parametrize(
    ("text", "message"), [("а" * 16_385, "Текст длиннее 16 384 символов. Сократите его."), (" ", "Введите запрос.")]
)
def test_what_cannot_be_read_is_told_and_stays_in_the_field(client, text, message):
    response = post(client, text=text)
    assert response.status_code == 422
    assert message in response.text
    assert field(response, "text").strip() == text.strip()


def test_a_letter_of_full_length_goes_through_with_everything_that_the_form_repeats(client):
    page = post(client, text="не приходят уведомления " * 680)
    assert page.status_code == 200
    assert post(client, **fields_of(page)).status_code == 200


def test_edited_wording_is_searched_and_the_pasted_text_stays(client):
    first = post(client, text=LOG)
    again = post(client, **fields_of(first, q="как поменять фото"))
    assert found(again)[0] == "/articles/profile#photo"
    assert field(again, "text") == LOG
    assert "<code>chat_not_found</code>" in again.text
    # It stays so while something else changes, and ends with reading the text anew.
    assert field(post(client, **fields_of(again, platform="ios")), "q") == "как поменять фото"
    assert found(post(client, **fields_of(again, anew="1"))) == found(first)


def test_each_change_is_shown_with_its_confidence_and_can_be_undone_and_done_again(client):
    first = post(client, text="не приходят уведомлния на vpn yf ntktajy")
    assert "опечатка: уведомлния → уведомления" in first.text
    assert re.search(r"уведомления <span class=\"muted\">\d\d&nbsp;%", first.text)
    undone = post(client, **fields_of(first, undo="уведомлния"))
    assert "уведомлния" in field(undone, "q")
    assert "опечатка" not in undone.text
    assert "на телефон" in field(undone, "q")  # other changes stay
    again = post(client, **fields_of(undone, redo="уведомлния"))
    assert field(again, "q") == field(first, "q")


def test_platform_that_the_text_tells_is_prefilled_and_can_be_overruled(client):
    first = post(client, text="не приходят уведомления на андроид")
    assert field(first, "platform") == "android"
    assert "найдено в тексте" in first.text
    assert field(post(client, **fields_of(first)), "platform") == "android"
    for chosen in ("ios", ""):
        page = post(client, **fields_of(first, platform=chosen))
        assert field(page, "platform") == chosen
        assert "найдено в тексте" not in page.text
        assert field(post(client, **fields_of(page)), "platform") == chosen
    assert "/articles/notifications#missing-android" not in found(post(client, **fields_of(first, platform="ios")))


def test_a_new_text_is_not_read_with_the_platform_of_the_old_one(client):
    first = post(client, text="не приходят уведомления на андроид")
    page = post(client, **fields_of(first, text="как поменять фото", anew="1"))
    assert (field(page, "platform"), found(page)[0]) == ("", "/articles/profile#photo")


def test_every_step_has_a_box_where_it_stands(artifact):
    for section in artifact.sections:
        made = with_boxes(section, "/", ())
        assert made.count('type="checkbox"') == len(section.steps)
        assert re.sub(r'(?s)<label class="pick">.*?</label>', "", made) == section.html


def test_steps_of_a_list_without_numbers_stand_once_more_with_their_boxes(sections_by_id):
    section = next(section for section in sections_by_id.values() if section.steps)
    made = with_boxes(dataclasses.replace(section, html="<ul><li>Сделайте это.</li></ul>"), "/", ())
    assert made.startswith("<ul><li>Сделайте это.</li></ul><ol><li><label")
    assert made.count('type="checkbox"') == len(section.steps)


def test_picked_steps_become_a_numbered_reply_with_the_source(client):
    page = post(client, text="не приходят уведомления на андроид")
    steps = dict.fromkeys(re.findall(r'name="step" value="(\w+)"', page.text))
    first, second, *_ = steps
    reply_page = post(client, **fields_of(page, compose="1", step=[second, first]))
    letter = field(reply_page, "reply")
    texts = dict(re.findall(r'name="step" value="(\w+)" data-text="([^"]*)"', page.text))
    assert letter.startswith(f"{OPENING}\n\n1. {html.unescape(texts[first])}\n2. {html.unescape(texts[second])}\n")
    assert letter.endswith(f"\n\n{CLOSING}")
    assert "\nПодробнее: http://localhost/articles/" in letter
    assert set(re.findall(r'name="step" value="(\w+)"[^>]* checked>', reply_page.text)) == {first, second}
    assert reply([]) == ""


def test_quotation_has_the_steps_the_absolute_address_and_the_date(client):
    page = post(client, text="не приходят уведомления на андроид")
    quoted = html.unescape(re.search(r'id="found-1-quotation".*?>\n(.*?)</textarea>', page.text, re.DOTALL)[1])
    assert quoted.startswith("1. ")
    assert re.search(r"\n\nhttp://localhost/articles/notifications#\S+\nпо состоянию на \d+\xa0\w+ 20\d\d$", quoted)


def test_nothing_fits_is_said_with_the_letter_to_technical_support(client):
    page = post(client, text="!!!")
    assert "В справке нет ответа на этот вопрос." in page.text
    assert "Письмо в техническую поддержку" in page.text
    assert not found(page)


def test_a_judgment_goes_from_the_click_to_the_exported_row(client, folder, tmp_path, capsys):
    page = post(client, text=f"не приходят уведомления, {LOG}")
    section_id = html.unescape(re.search(r'name="misfits" value="([^"]*)"', page.text)[1])
    told = post(client, "/agent/judgments", **fields_of(page, misfits=section_id))
    assert "Отмечено: не подходит" in told.text
    assert field(told, "text") == field(page, "text")
    assert post(client, "/agent/judgments", **fields_of(page, fits=section_id, quietly="1")).status_code == 204
    (kept,) = read_journals([folder]).judgments
    assert (kept.section_id, kept.grade) == (section_id, 2)
    assert "912" not in kept.query
    assert "[телефон скрыт]" in kept.query
    out = tmp_path / "judged"
    assert cli.main(["gaps", str(folder), "--judged", str(out)]) == 0
    assert "agents.tsv: 1 judgments" in capsys.readouterr().out
    judged = read_judged(out, "agents")
    (query,) = judged.queries
    assert query.text == kept.query
    assert judged.qrels == {query.query_id: {section_id: 2}}
    assert json.loads((out / "queries.jsonl").read_text(encoding="utf-8"))["_id"] == query.query_id
    assert cli.main(["gaps", str(folder), "--judged", str(out)]) == 1  # nothing is written over


def test_an_export_without_a_journal_or_judgments_is_refused(client, folder, tmp_path, capsys):
    assert cli.main(["gaps", str(folder), "--judged", str(tmp_path / "out")]) == 1
    assert "no judgments" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 204), ({"Sec-Fetch-Site": "same-origin"}, 204), ({"Sec-Fetch-Site": "cross-site"}, 403)],
)
def test_judgments_from_other_sites_are_refused(client, folder, headers, status):
    sent = {"text": "фото", "fits": "profile#photo", "quietly": "1"}
    assert client.post("/agent/judgments", data=sent, headers=headers).status_code == status
    assert len(read_journals([folder]).judgments) == (status == 204)


@pytest.mark.parametrize(("sent", "status"), [({"text": "фото", "fits": "no#such"}, 404), ({"fits": "files#top"}, 422)])
def test_judgments_on_nothing_are_refused(client, folder, sent, status):
    assert post(client, "/agent/judgments", **sent).status_code == status
    assert read_journals([folder]).judgments == ()


def test_without_a_data_folder_there_is_nothing_to_judge_with(client_without):
    assert "Раздел подходит" not in post(client_without, text="фото").text
    assert post(client_without, "/agent/judgments", text="фото", fits="profile#photo").status_code == 404


def test_a_judgment_that_cannot_be_kept_is_told(client, monkeypatch):
    def fail(*args):
        raise JournalError("the disk is full")

    monkeypatch.setattr(Journal, "add_judgment", fail)
    response = post(client, "/agent/judgments", text="фото", fits="profile#photo")
    assert response.status_code == 503
    assert "disk" not in response.text


def test_searches_of_agents_are_not_remembered(client, folder):
    post(client, text="фото")
    assert read_journals([folder]).queries == ()


@pytest.fixture(params=["script", "no script"])
def scripted(request):
    return request.param == "script"


@pytest.fixture
def page(chromium, voting_site, scripted):
    """A desktop's page of the running site; a message on its console fails the test."""
    context = chromium.new_context(
        base_url=voting_site[0], viewport={"width": 1440, "height": 900}, java_script_enabled=scripted
    )
    if scripted:
        context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    wrong = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    context.close()
    assert wrong == []


def paste(page, text):
    page.goto("/agent")
    page.get_by_label("Письмо клиента или журнал").fill(text)
    page.get_by_role("button", name="Разобрать").click()
    expect(page.get_by_role("heading", name="Как прочитано")).to_be_visible()
    page.wait_for_load_state()  # and with it the scripts


@pytest.mark.browser
@pytest.mark.model
class TestInBrowser:
    """The whole way, with and without a script."""

    def test_log_is_read_edited_and_searched_again(self, page, scripted):
        paste(page, LOG)
        expect(page.locator(".error-found code")).to_have_text("chat_not_found")
        expect(page.locator(".found h3 a").first).to_have_attribute("href", "/articles/bots#send-errors")
        wording = page.get_by_label("Искали")
        wording.fill("не приходят уведомления на андроиде")
        if scripted:
            wording.press("Enter")
        else:
            page.get_by_role("button", name="Искать").click()
        expect(page.locator(".found h3 a").first).to_have_attribute("href", re.compile("/articles/notifications#"))
        expect(page.get_by_label("Письмо клиента или журнал")).to_have_value(LOG)
        page.get_by_label("Платформа").select_option("ios")
        page.get_by_role("button", name="Искать").click()
        expect(page.get_by_label("Платформа")).to_have_value("ios")
        assert "?" not in page.url

    def test_steps_are_picked_for_a_reply_that_is_the_same_without_a_script(self, page, scripted):
        paste(page, "не приходят уведомления на Android")
        boxes = page.locator(".found").first.get_by_role("checkbox")
        boxes.nth(1).check()
        boxes.nth(0).check()
        texts = [boxes.nth(place).get_attribute("data-text") for place in (0, 1)]
        url = boxes.first.get_attribute("data-url")
        if not scripted:
            page.get_by_role("button", name="Собрать ответ").click()
        letter = page.get_by_label("Текст ответа")
        whole = f"{OPENING}\n\n1. {texts[0]}\n2. {texts[1]}\n\nПодробнее: {url}\n\n{CLOSING}"
        expect(letter).to_have_value(whole)
        if scripted:
            expect(page.get_by_role("link", name="К ответу: 2 шага")).to_be_visible()
            letter.press("End")
            letter.fill(whole + "\nС уважением")
            boxes.nth(0).uncheck()  # what was written by hand is not lost
            expect(letter).to_have_value(whole + "\nС уважением")
            page.get_by_role("button", name="Скопировать ответ").click()
            expect(page.locator("#page-status")).to_have_text("Ответ скопирован")
            assert page.evaluate("navigator.clipboard.readText()") == whole + "\nС уважением"
            page.get_by_role("button", name="Собрать ответ").click()
            expect(letter).to_have_value(re.compile(re.escape(f"1. {texts[1]}\n\n")))

    def test_quotation_is_of_what_is_marked_or_of_the_steps(self, page, scripted):
        paste(page, "не приходят уведомления на Android")
        section = page.locator(".found").first
        if not scripted:
            section.get_by_text("Цитата", exact=True).click()
            expect(section.get_by_label("Цитата раздела")).to_have_value(
                re.compile(r"^1\. .*http.*\nпо состоянию на ", re.DOTALL)
            )
            return
        button = section.get_by_role("button", name="Скопировать цитату")
        button.click()
        expect(section.get_by_role("button", name="Скопировано")).to_be_visible()
        expect(page.locator("#page-status")).to_have_text("Цитата скопирована")
        assert page.evaluate("navigator.clipboard.readText()").startswith("1. ")
        page.evaluate("""() => {
            const item = document.querySelector(".found .found-text li");
            getSelection().selectAllChildren(item);
        }""")
        section.get_by_role("button", name="Скопировано").click()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert not copied.startswith("1. ")
        assert "в ответ" not in copied
        assert re.search(r"\S\n\nhttp://127\.0\.0\.1:\d+/articles/\S+\nпо состоянию на \d+\xa0\w+ 20\d\d$", copied)

    def test_wrong_section_becomes_a_row(self, page, scripted, voting_site):
        text = f"не приходят уведомления на Android, {scripted}"
        paste(page, text)
        section = page.locator(".found").first
        section.get_by_role("button", name="Раздел не подходит").click()
        expect(section.locator(".judged")).to_have_text("Отмечено: не подходит")
        kept = [each for each in read_journals([voting_site[1]]).judgments if each.query == text]
        assert [(each.section_id, each.grade) for each in kept] == [("notifications#android", 0)]

    def test_letter_to_technical_support_is_ready_to_copy(self, page, scripted):
        paste(page, LOG)
        draft = page.get_by_label("Черновик письма")
        expect(draft).to_have_value(re.compile(r"chat_not_found.*\[телефон скрыт\]", re.DOTALL))
        if scripted:
            page.get_by_role("button", name="Скопировать черновик").click()
            expect(page.locator("#page-status")).to_have_text("Черновик скопирован")

    def test_page_is_no_wider_than_a_phone(self, page, scripted):
        page.set_viewport_size({"width": 390, "height": 844})
        paste(page, LOG)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") if scripted else True
