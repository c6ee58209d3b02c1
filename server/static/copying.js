// Copies a text and says so where the button is and to a screen reader.
import { announce } from "./status.js";

const SHOWN = 3000; // ms that a button says «Скопировано»

export async function copy(button, text, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
    field.select(); // without the right to copy
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.dataset.name ??= button.textContent;
  button.textContent = "Скопировано";
  announce(said);
  setTimeout(() => (button.textContent = button.dataset.name), SHOWN);
}
