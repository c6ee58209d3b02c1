// Keys, live counts and a warning before typed text is lost. Without it the page is a plain form.
"use strict";

const form = document.getElementById("page-form");
const cards = [...document.querySelectorAll(".judged")];
const said = document.getElementById("page-said");
const NAMES = { "": "не отмечен", okay: "полезный", vital: "обязательный" };
const NEXT = { "": "okay", okay: "vital", vital: "" };
let last = null; // the card that had the focus last
let saved = false; // whether the page is being left by its form

document.documentElement.classList.add("js");
document.getElementById("page-keys").hidden = false;

const gradeOf = (card) => card.querySelector(".grade input:checked")?.value ?? "";
const reasonOf = (card) => card.querySelector(".reason input");
const stepsOf = (card) => [...card.querySelectorAll(".steps button")].filter((button) => button.checkVisibility());
const here = () => document.activeElement.closest(".judged") ?? last;

// What sticks covers what is scrolled to.
const bar = document.querySelector(".save-bar");
const asked = document.getElementById("page-asked");
const room = () => innerHeight - asked.offsetHeight - bar.offsetHeight - 32;
function measure() {
  document.documentElement.style.scrollPaddingBlock = `${asked.offsetHeight + 16}px ${bar.offsetHeight + 16}px`;
}
new ResizeObserver(measure).observe(asked);
measure();

function go(card) {
  if (!card) return;
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: card.offsetHeight > room() ? "start" : "nearest" });
}

function count() {
  const graded = cards.filter(gradeOf).length;
  if (cards.length) said.textContent = `Оценено ${graded}\u00a0из\u00a0${cards.length}`;
}

// Steps: a button in place of each list of choices.
for (const select of form.querySelectorAll(".steps select")) {
  const button = document.createElement("button");
  button.type = "button";
  const label = select.labels[0];
  const show = () => {
    button.textContent = NAMES[select.value];
    button.dataset.mark = select.value;
    button.setAttribute("aria-label", `${label.textContent.trim()} — ${NAMES[select.value]}`);
  };
  select.parentElement.addEventListener("click", (event) => {
    if (event.target !== button && getSelection().toString()) return; // its text is being copied
    event.preventDefault();
    select.value = NEXT[select.value];
    button.focus();
    show();
  });
  select.hidden = true;
  select.after(button);
  show();
}

function mark(card) {
  const steps = stepsOf(card);
  if (steps.includes(document.activeElement)) document.activeElement.click();
  else if (steps.length) steps[0].focus();
  else if (!card.querySelector(".steps")) said.textContent = "В этом разделе нет шагов";
  else said.textContent = "Шаги отмечают у разделов с оценкой 1 или 2";
}

function move(card, by, arrow) {
  if (arrow && card) {
    const steps = stepsOf(card);
    const step = steps[steps.indexOf(document.activeElement) + by];
    if (steps.includes(document.activeElement) && (step || by < 0)) return step ? step.focus() : go(card);
    const box = card.getBoundingClientRect();
    const hidden = by > 0 ? box.bottom > innerHeight - bar.offsetHeight : box.top < asked.getBoundingClientRect().bottom;
    if (hidden) return scrollBy(0, by * room() * 0.4); // the rest of a long section first
  }
  return go(card ? cards[cards.indexOf(card) + by] : cards[0]);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const card = here();
  const target = event.target;
  const typing = target.matches(".reason input, select");
  const arrow = { ArrowDown: 1, ArrowUp: -1 }[event.code];
  // By the place of the key, so that they work in the Russian layout too.
  const digit = /^(?:Digit|Numpad)([012])$/.exec(event.code)?.[1];
  if (event.key === "Escape") go(card);
  else if (event.key === "Enter") {
    if (target.closest("button, a, summary, select, .reason")) return;
    form.requestSubmit();
  } else if (arrow) {
    if (target.closest("select")) return;
    move(card, arrow, !typing);
  } else if (typing || event.shiftKey) return;
  else if (event.code === "KeyJ") move(card, 1);
  else if (event.code === "KeyK") move(card, -1);
  else if (event.code === "KeyR" && card) reasonOf(card).focus();
  else if (event.code === "KeyN" && card) mark(card);
  else if (digit && card) {
    const radio = card.querySelector(`.grade input[value="${digit}"]`);
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
    if (!card.contains(document.activeElement)) go(card);
  } else return;
  event.preventDefault();
});

document.addEventListener("focusin", (event) => { last = event.target.closest(".judged") ?? last; });
form.addEventListener("change", count);

// A first look at what the server would send back; it decides.
const lacksReason = (card) => ["1", "2"].includes(gradeOf(card)) && !reasonOf(card).value.trim();
form.addEventListener("input", (event) => {
  const card = event.target.closest(".judged");
  if (!card || lacksReason(card)) return;
  reasonOf(card).removeAttribute("aria-invalid");
  card.querySelector(".problem").textContent = "";
});
form.addEventListener("submit", (event) => {
  const wrong = cards.filter(lacksReason);
  for (const card of wrong) {
    reasonOf(card).setAttribute("aria-invalid", "true");
    card.querySelector(".problem").textContent = form.dataset.noReason;
  }
  if (wrong.length) {
    event.preventDefault();
    reasonOf(wrong[0]).focus();
  } else saved = true;
});

const contents = () => new URLSearchParams(new FormData(form)).toString();
const before = document.querySelector(".notice") ? null : contents(); // a form that came back is not saved
addEventListener("beforeunload", (event) => { if (!saved && contents() !== before) event.preventDefault(); });
addEventListener("pageshow", () => { saved = false; count(); });

if (!document.querySelector("[autofocus]") && !location.hash) {
  const first = cards.find((card) => !gradeOf(card));
  if (first === cards[0]) first?.focus({ preventScroll: true });
  else go(first);
}
