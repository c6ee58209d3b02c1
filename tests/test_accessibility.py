"""What stands on the pages and in every state of them: axe finds nothing, nothing jumps, the first paint is light."""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe
from screenshots import STATES, VIEWS

pytestmark = [pytest.mark.browser, pytest.mark.model]

LARGEST_SHIFT = 0.1  # Cumulative Layout Shift that web.dev calls good
FIRST_PAINT = 60_000  # bytes, compressed

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({type: "layout-shift", buffered: true});
"""


@pytest.fixture(scope="module")
def axe():
    return Axe()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_and_nothing_jumps(chromium, voting_site, axe, view, state):
    address, act, _ = STATES[state]
    context = chromium.new_context(base_url=voting_site[0], **VIEWS[view])
    context.add_init_script(SHIFTS)
    page = context.new_page()
    page.goto(address)
    if act:
        act(page)
    page.wait_for_load_state()  # axe asks for a layout, which would come to be without a stylesheet that is on its way
    found = axe.run(page, options={}).response["violations"]
    told = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]
    shift = page.evaluate("shifts.reduce((sum, value) => sum + value, 0)")
    context.close()
    assert told == []
    assert shift < LARGEST_SHIFT or state == "article-printed"  # paper has another layout than the screen


@pytest.mark.parametrize("address", ["/", "/?q=не приходят уведомления", "/articles/sign-in", "/nothing"])
def test_first_paint_needs_little(chromium, voting_site, address):
    context = chromium.new_context(base_url=voting_site[0])
    page = context.new_page()
    responses = []
    page.on("response", lambda response: responses.append(response))
    page.goto(address, wait_until="networkidle")
    size = sum(len(gzip.compress(response.body())) for response in responses)
    hosts = {response.url.split("/")[2] for response in responses}
    context.close()
    assert hosts == {voting_site[0].split("/")[2]}  # nothing comes from elsewhere
    assert size <= FIRST_PAINT
