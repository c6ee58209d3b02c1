// The agent's page without reloads: quotations of what is marked, a reply as soon as steps are picked, judgments.
import { copy } from "./copying.js";
import { announce, counted } from "./status.js";

const form = document.getElementById("agent-form");

function startQuoting(button) {
  const field = document.getElementById(button.dataset.quote);
  const section = button.closest(".found");
  button.hidden = false;
  section.querySelector(".quotation").hidden = true;
  button.addEventListener("mousedown", (event) => event.preventDefault()); // what is marked stays marked
  button.addEventListener("click", () => {
    const marked = markedIn(section.querySelector(".found-text"));
    copy(button, marked ? `${marked}\n\n${field.dataset.source}` : field.value, "Цитата скопирована");
  });
}

// What is marked within an element, without the words at the boxes.
function markedIn(element) {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return "";
  const range = selection.getRangeAt(0);
  if (!element.contains(range.commonAncestorContainer)) return "";
  const boxes = element.querySelectorAll(".pick");
  for (const box of boxes) box.hidden = true;
  const text = selection.toString().trim();
  for (const box of boxes) box.hidden = false;
  return text;
}

function startReply() {
  const letter = document.getElementById("agent-letter");
  if (!letter) return;
  const link = document.querySelector(".reply-link a");
  const boxes = [...form.querySelectorAll("input[name=step]")];
  let composed = letter.value;

  const compose = () => {
    letter.value = composed = replyOf(picked(boxes), letter.dataset);
  };
  const tell = () => {
    const number = picked(boxes).length;
    link.hidden = number === 0;
    link.textContent = `К ответу: ${counted(number, "шаг", "шага", "шагов")}`;
  };
  tell();
  if (!composed && picked(boxes).length) compose(); // ticked before this script came
  form.addEventListener("change", (event) => {
    if (event.target.name !== "step") return;
    // The same step may stand in two sections.
    for (const box of boxes) if (box.value === event.target.value) box.checked = event.target.checked;
    tell();
    if (letter.value !== composed) {
      announce("Ответ изменён вручную: чтобы собрать его заново, нажмите «Собрать ответ»");
      return;
    }
    compose();
    announce(`В ответе ${counted(picked(boxes).length, "шаг", "шага", "шагов")}`);
  });
  form.elements.compose.addEventListener("click", (event) => {
    event.preventDefault();
    compose();
    announce("Ответ собран");
  });
}

function picked(boxes) {
  const steps = new Map();
  for (const box of boxes) if (box.checked && !steps.has(box.value)) steps.set(box.value, box.dataset);
  return [...steps.values()];
}

// As server/replying.py writes it.
function replyOf(steps, { opening, more, closing }) {
  if (!steps.length) return "";
  const numbered = steps.map((step, place) => `${place + 1}. ${step.text}`);
  const urls = [...new Set(steps.map((step) => step.url))].map((url) => `${more} ${url}`);
  return [opening, "", ...numbered, "", ...urls, "", closing].join("\n");
}

async function judge(button) {
  const place = button.closest(".found-buttons");
  const body = new FormData(form, button);
  body.append("quietly", "1");
  let said = button.name === "fits" ? "Отмечено: подходит" : "Отмечено: не подходит";
  try {
    const response = await fetch(button.formAction, { method: "POST", body });
    if (!response.ok) throw new Error(String(response.status));
  } catch {
    said = "Не удалось сохранить. Повторите позже.";
  }
  let words = place.querySelector(".judged");
  if (!words) {
    words = Object.assign(document.createElement("p"), { className: "judged" });
    place.querySelector(".judging").before(words);
  }
  words.textContent = said;
  announce(said);
}

for (const button of form.querySelectorAll("[data-quote]")) startQuoting(button);
startReply();
form.addEventListener("submit", (event) => {
  if (event.submitter?.name !== "fits" && event.submitter?.name !== "misfits") return;
  event.preventDefault();
  judge(event.submitter);
});
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing) return;
  if (event.target.name === "step") event.preventDefault(); // would press the form's first button
  if (event.target.name !== "q" || event.shiftKey) return;
  event.preventDefault();
  form.requestSubmit(form.elements.search);
});
