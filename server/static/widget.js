// <support-search>: the search of this help as an element for other sites. One line brings it there:
//   <script src="https://help.example.ru/static/widget.js" defer></script> … <support-search></support-search>
// Attributes: server (default: where this script came from), platform, audience, limit (default 5).
// Looks follow the CSS variables --support-accent, --support-on-accent, --support-surface, --support-text,
// --support-muted, --support-line, --support-mark, --support-radius and --support-font.
"use strict";

(() => {
  const home = new URL(document.currentScript.src).origin;
  const LONGEST_ADDRESS = 300; // longer text does not go into an address

  const sheet = new CSSStyleSheet(); // not an inline style: sites with a strict policy allow it
  sheet.replaceSync(`
    :host {
      --accent: var(--support-accent, #0b5fd0); --on-accent: var(--support-on-accent, #ffffff);
      --surface: var(--support-surface, #ffffff); --text: var(--support-text, #1b1f24);
      --muted: var(--support-muted, #57606a); --line: var(--support-line, #d5dae1);
      --mark: var(--support-mark, #fff0b3); --radius: var(--support-radius, 10px);
      display: block; color: var(--text); overflow-wrap: break-word;
      font: var(--support-font, 17px/26px system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif);
    }
    @media (prefers-color-scheme: dark) {
      :host {
        --accent: var(--support-accent, #7db4ff); --on-accent: var(--support-on-accent, #0b1a2e);
        --surface: var(--support-surface, #1d2229); --text: var(--support-text, #e8ebef);
        --muted: var(--support-muted, #a3adba); --line: var(--support-line, #333b46);
        --mark: var(--support-mark, #5a4a00);
      }
    }
    :host([hidden]) { display: none; }
    *, *::before, *::after { box-sizing: border-box; }
    form { display: flex; align-items: flex-end; gap: 8px; padding: 6px; background: var(--surface);
      border: 1px solid var(--muted); border-radius: var(--radius); }
    form:focus-within { outline: 2px solid var(--accent); outline-offset: 2px; }
    textarea { flex: 1; min-width: 0; min-height: 44px; max-height: 200px; padding: 9px 10px; border: 0; resize: none;
      background: none; color: inherit; font: inherit; field-sizing: content; }
    textarea:focus { outline: none; }
    textarea::placeholder { color: var(--muted); opacity: 1; }
    button { min-height: 44px; padding: 8px 18px; border: 0; border-radius: 7px; background: var(--accent);
      color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
    a { color: var(--accent); text-underline-offset: 3px; }
    p, ol { margin: 0; }
    ol { padding: 0; list-style: none; }
    .results:not(:empty) { margin-top: 12px; padding: 4px 20px; background: var(--surface);
      border: 1px solid var(--line); border-radius: var(--radius); }
    .results > p { padding-block: 12px; }
    li { padding-block: 12px; border-bottom: 1px solid var(--line); }
    li a { font-weight: 600; }
    .path, .note { color: var(--muted); font-size: 14px; line-height: 20px; }
    mark { background: var(--mark); color: inherit; border-radius: 3px; }
    .name { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  `);

  function element(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  // The snippet with the found words marked. Offsets count code points, as the server does.
  function marked(hit) {
    const letters = Array.from(hit.snippet);
    const parts = [];
    let end = 0;
    for (const [start, stop] of hit.highlights) {
      parts.push(letters.slice(end, start).join(""), element("mark", {}, letters.slice(start, stop).join("")));
      end = stop;
    }
    return [...parts, letters.slice(end).join("")];
  }

  class SupportSearch extends HTMLElement {
    #field;
    #results;
    #running = null;

    connectedCallback() {
      if (this.shadowRoot) return;
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sheet];
      this.#field = element("textarea", {
        rows: 1, maxLength: 16384, id: "q", spellcheck: false, placeholder: "Опишите проблему или вставьте текст ошибки",
      });
      this.#results = element("div", { className: "results" });
      this.#results.setAttribute("aria-live", "polite");
      this.#results.setAttribute("part", "results");
      const label = element("label", { className: "name", htmlFor: "q" }, "Поиск по справке");
      const form = element("form", {}, label, this.#field, element("button", { type: "submit" }, "Найти"));
      form.setAttribute("role", "search");
      form.setAttribute("part", "form");
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.#search();
      });
      this.#field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          this.#search();
        }
      });
      root.append(form, this.#results);
    }

    get #server() {
      return (this.getAttribute("server") || home).replace(/\/+$/, "");
    }

    #show(...children) {
      this.#results.replaceChildren(...children);
    }

    async #search() {
      const query = this.#field.value.trim();
      if (!query) return;
      this.#running?.abort(); // only the last question is answered
      const mine = (this.#running = new AbortController());
      const waiting = setTimeout(() => this.#show(element("p", { className: "note" }, "Ищем…")), 300);
      try {
        const filters = {};
        for (const name of ["platform", "audience"]) {
          if (this.getAttribute(name)) filters[name] = [this.getAttribute(name)];
        }
        const limit = Number(this.getAttribute("limit")) || 5;
        const response = await fetch(`${this.#server}/v1/search`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ query, limit, filters }),
          signal: mine.signal,
        });
        const reply = await response.json();
        if (response.ok) this.#answer(query, reply);
        else this.#failed(this.#saidBy(response, reply));
      } catch (error) {
        if (error.name !== "AbortError") {
          this.#failed("Не удалось связаться со справкой. Проверьте подключение; текст сохранён.");
        }
      } finally {
        clearTimeout(waiting);
      }
    }

    #saidBy(response, reply) {
      if (response.status !== 429 && response.status !== 503) return reply.error.message;
      const seconds = response.headers.get("Retry-After");
      return `Сейчас слишком много запросов. Повторите ${seconds ? `через ${seconds} с` : "позже"} — текст сохранён.`;
    }

    #failed(text) {
      const again = element("button", { type: "button" }, "Повторить");
      again.addEventListener("click", () => {
        this.#field.focus();
        this.#search();
      });
      this.#show(element("p", {}, text), element("p", {}, again));
    }

    #answer(query, reply) {
      const shown = reply.answerable ? reply.hits : reply.near_misses.filter((hit) => hit.relevance >= 0.2).slice(0, 3);
      const said = [];
      if (!reply.answerable) said.push(element("p", {}, "В справке нет ответа на этот вопрос."));
      if (reply.interpretation.changes.some((change) => change.kind !== "synonym")) {
        said.push(element("p", { className: "note" }, `Показано по запросу «${reply.interpretation.read_as}».`));
      }
      if (!reply.answerable && shown.length) said.push(element("p", { className: "note" }, "Возможно, близко:"));
      const items = shown.map((hit) => {
        const link = element("a", { href: this.#server + hit.url }, hit.headings.at(-1) || hit.title);
        const path = element("p", { className: "path" }, hit.headings.slice(0, -1).join(" › "));
        return element("li", {}, path, link, element("p", {}, ...marked(hit)));
      });
      const whole = query.length > LONGEST_ADDRESS || query.includes("\n") ? "/" : `/?${new URLSearchParams({ q: query })}`;
      const more = reply.answerable ? "Все ответы в справке" : "Открыть справку: способы связи с поддержкой";
      this.#show(...said, element("ol", {}, ...items), element("p", {}, element("a", { href: this.#server + whole }, more)));
    }
  }

  customElements.define("support-search", SupportSearch);
})();
