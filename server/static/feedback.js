// Votes without a reload. The block takes its last shape as soon as it is sent, so that nothing moves when the answer
// comes. Whatever goes wrong, the form comes back with what was written.
import { announce } from "./status.js";

export function startFeedback(main) {
  for (const form of main.querySelectorAll("form[data-feedback]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const body = new URLSearchParams(new FormData(form, event.submitter));
      const block = form.closest(".feedback");
      const asked = [...block.childNodes];
      const title = thank(block);
      // The plain form's answer is a redirect, which is all that there is to know.
      const isKept = await fetch(form.action, { method: "POST", body, redirect: "manual" })
        .then((response) => response.type === "opaqueredirect", () => false);
      block.classList.remove("sending");
      if (isKept) {
        title.textContent = "Спасибо";
        announce(title.textContent);
        return;
      }
      const wasFocused = document.activeElement === title;
      block.replaceChildren(...asked);
      complain(form);
      if (wasFocused) event.submitter?.focus();
    });
  }
}

// Puts the thanks in the place of the question, unseen but for a title that says what is being done.
function thank(block) {
  const title = block.querySelector(".feedback-title").cloneNode();
  const words = document.createElement("p");
  words.textContent = "Ваш ответ поможет поправить справку.";
  title.textContent = "Отправляем…";
  title.tabIndex = -1;
  block.classList.add("sending");
  block.replaceChildren(title, words);
  title.focus();
  return title;
}

function complain(form) {
  form.querySelector(".failed")?.remove();
  const words = document.createElement("p");
  words.className = "failed";
  words.setAttribute("role", "alert");
  words.textContent = "Не удалось отправить. Проверьте подключение и повторите\u00a0— текст сохранён.";
  form.append(words);
}
