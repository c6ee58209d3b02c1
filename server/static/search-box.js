// The search box: Enter searches, Shift+Enter breaks a line, the field grows, "/" and Ctrl+K lead to it. Short text goes
// by address, so that it can be shared and gone back to; long text and text with line breaks goes by POST.
import { show } from "./navigation.js";
import { forgetSearches, recentSearches, rememberSearch } from "./recent.js";
import { announce } from "./status.js";
import { startSuggestions } from "./suggestions.js";

const DRAFT = "spravka.draft";

export function startSearchBox(main) {
  const form = main.querySelector("form.search");
  if (!form) return;
  const field = form.querySelector("textarea");
  restoreDraft(field);
  if (!CSS.supports("field-sizing", "content")) {
    const grow = () => {
      field.style.height = "auto";
      field.style.height = `${field.scrollHeight}px`;
    };
    field.addEventListener("input", grow);
    grow();
  }
  const choose = ({ text, kind, url }) => {
    if (kind === "section") return location.assign(url);
    field.value = text;
    if (kind === "recent") return form.requestSubmit();
    return show(url);
  };
  const recent = { all: recentSearches, forget: forgetSearches };
  const ask = (path, options) => fetch(path, options);
  startSuggestions(form, field, { ask, choose, announce, recent }); // before the next listener: Enter on a suggestion does not search
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (field.value.trim()) form.requestSubmit();
    }
  });
  form.addEventListener("submit", (event) => {
    const text = field.value.trim();
    if (text.length > Number(form.dataset.longest) || text.includes("\n")) {
      keepDraft(field.value);
      return;
    }
    event.preventDefault();
    if (!text) return;
    rememberSearch(text);
    if (matchMedia("(pointer: coarse)").matches) field.blur(); // the keyboard would hide the results
    const values = new URLSearchParams(new FormData(form));
    for (const [name, value] of [...values]) if (!value) values.delete(name); // an empty filter says nothing
    values.set("q", text);
    show(`/?${values}`);
  });
}

export function startKeys() {
  // Filters are a sheet over the page on a phone: a touch beside it or Esc puts it away.
  document.addEventListener("click", (event) => {
    const filters = document.querySelector(".filters[open]");
    if (filters && !filters.contains(event.target)) filters.open = false;
  });
  document.addEventListener("keydown", (event) => {
    const field = document.getElementById("page-q");
    const filters = document.querySelector(".filters[open]");
    if (event.key === "Escape" && filters?.contains(document.activeElement)) {
      filters.open = false;
      filters.querySelector("summary").focus();
    }
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    const command = event.ctrlKey || event.metaKey;
    // By the place of the key too: in the Russian layout it gives another character.
    const slash = (event.key === "/" || event.code === "Slash") && !command && !event.altKey && !event.shiftKey;
    const controlK = event.code === "KeyK" && command && !event.altKey && !event.shiftKey;
    if (field && ((slash && !typing) || controlK)) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
}

// A posted text is in no address: keep it until its page is there, in case it never comes.
function keepDraft(text) {
  try {
    sessionStorage.setItem(DRAFT, text);
  } catch { /* no storage, no draft */ }
}

function restoreDraft(field) {
  try {
    const draft = sessionStorage.getItem(DRAFT);
    sessionStorage.removeItem(DRAFT);
    if (draft && !field.value) field.value = draft;
  } catch { /* no storage, no draft */ }
}
