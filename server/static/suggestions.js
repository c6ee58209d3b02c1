// Suggestions under the search box: a listbox that the field leads (ARIA Authoring Practices, combobox with list
// autocomplete). The field is a textarea, which may have no role but its own; the element around it is the combobox that
// says whether the list is open, as ARIA 1.1 has it and browsers keep supporting.
import { counted } from "./status.js";

const DELAY = 150; // ms without typing
const MOST = 8;
const GROUPS = { error: "Ошибки", question: "Вопросы", section: "Разделы", recent: "Недавние запросы" };

// What the place of the box brings: `ask` (fetch, for a path of the help), `choose` (what follows the choice of a
// suggestion), `announce` (says something to a screen reader) and, where searches are remembered, `recent` with `all` and
// `forget`.
export function startSuggestions(form, field, { ask, choose, announce, recent = null }) {
  const popup = element("div", { className: "suggestions", hidden: true });
  const list = element("div", { id: "page-suggestions", role: "listbox", ariaLabel: "Подсказки" });
  const clear = element("button", { type: "button", className: "link", textContent: "Очистить недавние запросы" });
  const box = field.parentElement;
  const known = new Map();
  let options = [], active = -1, timer = 0, running = null;

  popup.append(list, clear);
  box.after(popup); // before the button, so that Tab reaches it first
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-controls", list.id);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-label": "Поиск по справке", "aria-expanded": "false", "aria-owns": list.id, "aria-controls": list.id,
  })) box.setAttribute(name, value);

  function open(suggestions, typed) {
    options = suggestions;
    list.replaceChildren(...groupsOf(suggestions, typed));
    clear.hidden = suggestions[0]?.kind !== "recent";
    activate(-1);
    const isOpen = suggestions.length > 0;
    popup.hidden = !isOpen;
    box.setAttribute("aria-expanded", String(isOpen));
  }

  function forgetTyped() {
    clearTimeout(timer);
    running?.abort(); // what was asked for less is not shown under more
    running = null;
  }

  function close() {
    forgetTyped();
    if (!popup.hidden) open([], "");
  }

  function activate(place) {
    active = place;
    const shown = list.querySelectorAll("[role=option]");
    shown.forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
    if (place < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", shown[place].id);
    return shown[place].scrollIntoView({ block: "nearest" });
  }

  function pick(place) {
    const picked = options[place];
    close();
    choose(picked);
  }

  function openRecent() {
    const found = (recent?.all() ?? []).map((text) => ({ text, kind: "recent" }));
    open(found, "");
    if (found.length) announce(`${counted(found.length, "недавний запрос", "недавних запроса", "недавних запросов")}`);
  }

  async function suggest() {
    const typed = field.value.trim();
    if (!typed) return close();
    if (typed.includes("\n") || typed.length > Number(form.dataset.longest)) return close();
    forgetTyped();
    const mine = (running = new AbortController());
    try {
      if (!known.has(typed)) known.set(typed, await fetched(ask, typed, mine.signal));
    } catch {
      if (running === mine) close(); // suggestions are a convenience: the search itself tells what is wrong
      return undefined;
    }
    if (running !== mine || field.getRootNode().activeElement !== field) return undefined; // typed on meanwhile, or gone
    const found = known.get(typed);
    open(found, typed);
    const hint = "стрелки вниз и вверх выбирают";
    announce(found.length ? `${counted(found.length, "подсказка", "подсказки", "подсказок")}, ${hint}` : "Подсказок нет");
    return undefined;
  }

  field.addEventListener("input", (event) => {
    forgetTyped();
    if (event.isComposing) return;
    if (!field.value) openRecent();
    else timer = setTimeout(suggest, DELAY);
  });
  field.addEventListener("click", () => {
    if (!field.value && popup.hidden) openRecent();
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const isOpen = !popup.hidden;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && isOpen) {
      // One place more than there are options: past the last one the field itself is active again.
      const places = options.length + 1;
      activate(((active + 1 + step + places) % places) - 1);
    } else if (step === 1 && !field.value.includes("\n") && field.selectionStart === field.value.length) {
      if (field.value.trim()) suggest();
      else openRecent();
    } else if (event.key === "Enter" && isOpen && active >= 0) {
      pick(active);
    } else if (event.key === "Escape" && isOpen) {
      close();
      announce("Подсказки закрыты");
    } else {
      if (event.key === "Tab" && clear.hidden) close();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) pick([...list.querySelectorAll("[role=option]")].indexOf(option));
  });
  clear.addEventListener("click", () => {
    recent.forget();
    close();
    field.focus();
    announce("Недавние запросы удалены");
  });
  popup.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      field.focus();
    }
  });
  form.addEventListener("focusout", (event) => {
    if (!popup.contains(event.relatedTarget) && event.relatedTarget !== field) close();
  });
  form.addEventListener("submit", close);
}

async function fetched(ask, typed, signal) {
  const response = await ask(`/v1/suggest?${new URLSearchParams({ q: typed })}`, { signal });
  if (!response.ok) throw new Error(String(response.status));
  return (await response.json()).suggestions.slice(0, MOST);
}

// The options under the names of their kinds.
function groupsOf(suggestions, typed) {
  const groups = new Map();
  suggestions.forEach(({ text, kind }, place) => {
    if (!groups.has(kind)) {
      const name = element("div", { id: `page-kind-${kind}`, className: "kind", role: "presentation", textContent: GROUPS[kind] });
      const group = element("div", { role: "group" });
      group.setAttribute("aria-labelledby", name.id);
      group.append(name);
      groups.set(kind, group);
    }
    const option = element("div", { id: `page-option-${place}`, role: "option", ariaSelected: "false" });
    option.append(...completed(text, typed));
    groups.get(kind).append(option);
  });
  return [...groups.values()];
}

// The text with all that was not typed in bold; plain where nothing was typed that stands in it.
function completed(text, typed) {
  const fold = (part) => part.toLowerCase().replaceAll("ё", "е");
  const words = fold(typed).match(/[\p{L}\p{N}_]+/gu) ?? [];
  const parts = []; // [text, was typed]
  for (const [part] of text.matchAll(/[\p{L}\p{N}_]+|[^\p{L}\p{N}_]+/gu)) {
    const length = Math.max(0, ...words.filter((word) => fold(part).startsWith(word)).map((word) => word.length));
    if (length) parts.push([part.slice(0, length), true]);
    if (length < part.length) parts.push([part.slice(length), false]);
  }
  if (!parts.some(([, wasTyped]) => wasTyped)) return [text];
  return parts.map(([part, wasTyped]) => (wasTyped || !part.trim() ? part : element("b", { textContent: part })));
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
