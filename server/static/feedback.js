// Votes without a reload. Whatever goes wrong, the comment stays in its field.
export function startFeedback(main) {
  for (const form of main.querySelectorAll("form[data-feedback]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = event.submitter;
      const body = new URLSearchParams(new FormData(form, button));
      if (button) button.disabled = true;
      try {
        // The plain form's answer is a redirect, which is all that there is to know.
        const response = await fetch(form.action, { method: "POST", body, redirect: "manual" });
        if (response.type !== "opaqueredirect") throw new Error(String(response.status));
        thank(form.closest(".feedback"));
      } catch {
        if (button) button.disabled = false;
        complain(form);
      }
    });
  }
}

function thank(block) {
  const title = block.querySelector(".feedback-title");
  const words = document.createElement("p");
  words.textContent = "Ваш ответ поможет поправить справку.";
  title.textContent = "Спасибо";
  title.tabIndex = -1;
  block.replaceChildren(title, words);
  title.focus();
}

function complain(form) {
  form.querySelector(".failed")?.remove();
  const words = document.createElement("p");
  words.className = "failed";
  words.setAttribute("role", "alert");
  words.textContent = "Не удалось отправить. Проверьте подключение и повторите\u00a0— текст сохранён.";
  form.append(words);
}
