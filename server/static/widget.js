// <support-search>: the search and the answers of this help as an element for other sites. Two lines bring it there:
//
//   <script type="module" src="https://help.example.ru/static/widget.js"></script>
//   <support-search></support-search>
//
// The help has to allow the site: python -m server --allow-origin https://www.example.ru
// A site with a Content-Security-Policy allows the help in script-src and connect-src, and nothing else.
//
// Attributes
//   server       address of the help; without it, where this script came from
//   placeholder  hint in the empty field
//   platform     android, ios, web, desktop or server: answers for that platform
//   audience     user or admin: answers for them
//   theme        light, dark or auto (the default): as the visitor's system is set
//
// CSS variables, set on the element or anything around it; each stands for both themes
//   --support-accent     links, the button, the focus ring      --support-on-accent  text of the button
//   --support-surface    cards, field, suggestions              --support-ground     quotes, placeholders
//   --support-text       text                                   --support-muted      paths, hours, notes
//   --support-line       lines between parts                    --support-control    borders of field and buttons
//   --support-selected   the chosen suggestion                  --support-mark       found words
//   --support-warn       marks of danger                        --support-bad        errors
//   --support-radius     10px                                   --support-font       17px/26px system-ui, …
import { startSuggestions } from "./suggestions.js";
import { Help } from "./widget-help.js";
import { sheet } from "./widget-style.js";
import { announcement, answerCard, element, failureCard, placeholders } from "./widget-views.js";

const HOME = new URL("..", import.meta.url).href;
const LONGEST_ADDRESS = 300; // characters; longer text does not go into an address
const LONGEST_QUERY = 16_384; // characters that the server takes
const MOST_LINES = 6; // of the field, where it cannot grow by itself
const PATIENCE = 300; // ms until placeholders
const PLACEHOLDER = "Опишите проблему или вставьте текст ошибки";

class SupportSearch extends HTMLElement {
  static observedAttributes = ["placeholder"];

  #field = element("textarea", {
    id: "q", rows: 1, maxLength: LONGEST_QUERY, spellcheck: false, autocomplete: "off", enterKeyHint: "search",
  });
  #results = element("div", { className: "results" });
  #status = element("p", { className: "unseen", role: "status" });
  #running = null;

  connectedCallback() {
    if (this.shadowRoot) return;
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    this.#field.placeholder = this.getAttribute("placeholder") ?? PLACEHOLDER;
    const form = this.#form();
    const widget = element("div", { className: "widget", lang: "ru" }, form, this.#results, this.#status);
    // A letter typed here is no shortcut of the page around, which sees this element instead of its field.
    for (const kind of ["keydown", "keypress", "keyup"]) {
      widget.addEventListener(kind, (event) => {
        const isCommand = event.ctrlKey || event.metaKey || event.altKey;
        if (event.key?.length === 1 && !isCommand) event.stopPropagation();
      });
    }
    root.append(widget);
  }

  attributeChangedCallback(_name, _before, placeholder) {
    this.#field.placeholder = placeholder ?? PLACEHOLDER;
  }

  #form() {
    const label = element("label", { className: "unseen", htmlFor: this.#field.id }, "Поиск по справке");
    const line = element("div", { className: "field" }, this.#field);
    const form = element("form", { role: "search" }, label, line, element("button", { type: "submit" }, "Найти"));
    form.dataset.longest = LONGEST_ADDRESS;
    startSuggestions(form, this.#field, {
      ask: (path, options) => this.#help.ask(path, options),
      choose: (suggestion) => this.#choose(suggestion),
      announce: (text) => this.#announce(text),
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
    this.#field.addEventListener("input", () => {
      this.#field.rows = Math.min(MOST_LINES, this.#field.value.split("\n").length);
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    });
    return form;
  }

  get #help() {
    return new Help(new URL(this.getAttribute("server") || HOME, document.baseURI));
  }

  #announce(text) {
    this.#status.textContent = text;
  }

  #choose({ text, kind, url }) {
    if (kind === "section") {
      open(this.#help.address(url), "_blank", "noopener,noreferrer");
    } else {
      this.#field.value = text;
      this.#search();
    }
  }

  async #search() {
    const query = this.#field.value.trim();
    if (!query) {
      this.#field.focus();
      return;
    }
    if (matchMedia("(pointer: coarse)").matches) this.#field.blur(); // the keyboard would hide the answer
    this.#running?.abort(); // only the last question is answered
    const { signal } = (this.#running = new AbortController());
    const waiting = setTimeout(() => this.#show(placeholders(), "Ищем"), PATIENCE);
    const help = this.#help;
    const isLong = query.length > LONGEST_ADDRESS || query.includes("\n");
    const page = help.address(isLong ? "/" : `/?${new URLSearchParams({ q: query })}`);
    let shown, said;
    try {
      const found = await help.find(query, this.getAttribute("platform"), this.getAttribute("audience"), signal);
      shown = answerCard(found, help, page);
      said = announcement(found);
    } catch (error) {
      shown = failureCard(error, page, () => {
        this.#field.focus();
        this.#search();
      });
      said = ""; // the card is an alert
    } finally {
      clearTimeout(waiting);
    }
    if (!signal.aborted) this.#show(shown, said);
  }

  #show(card, said) {
    this.#results.replaceChildren(card);
    this.#announce(said);
  }
}

if (!customElements.get("support-search")) customElements.define("support-search", SupportSearch);
