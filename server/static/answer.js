// Steps that lead on: a tick moves to the next one and is remembered for this query while the tab is open; the last
// one asks the server what comes after, and the focus goes there. And the letter, copied by a button.
import { copy } from "./copying.js";
import { show } from "./navigation.js";

// The first step that is left; or the button, where all were remembered from before; or what to do without any.
const NEXT = ".steps .next input, .steps:not(.finished) > button, #page-next h2";

const PREFIX = "spravka-tried:";

function remembered(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? [];
  } catch {
    return []; // no storage: nothing is remembered
  }
}

function remember(key, ids) {
  try {
    sessionStorage.setItem(key, JSON.stringify(ids));
  } catch {
    // Private windows may refuse; the ticks on the page stay.
  }
}

function startSteps(form) {
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const key = PREFIX + form.elements.q.value;
  const kept = remembered(key);
  for (const box of boxes) box.checked ||= kept.includes(box.value);

  const mark = () => {
    const next = boxes.find((box) => !box.checked);
    for (const box of boxes) box.closest("li").classList.toggle("next", box === next);
    return next;
  };
  mark();
  form.classList.add("scripted");
  form.addEventListener("change", (event) => {
    remember(key, boxes.filter((box) => box.checked).map((box) => box.value));
    const next = mark();
    if (!event.target.checked) return;
    if (next) next.focus();
    else form.requestSubmit();
  });
  form.addEventListener("submit", (event) => {
    if (form.method === "post") return; // a long text stays out of addresses
    event.preventDefault();
    show(`/?${new URLSearchParams(new FormData(form))}`, { focus: NEXT });
  });
}

function startCopying(button) {
  button.hidden = false;
  const text = document.getElementById(button.dataset.copy);
  button.addEventListener("click", () => copy(button, text.value, button.dataset.copied ?? "Черновик скопирован"));
}

export function startAnswer(main) {
  for (const form of main.querySelectorAll("[data-steps]")) startSteps(form);
  for (const button of main.querySelectorAll("[data-copy]")) startCopying(button);
}
