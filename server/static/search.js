// What plain forms cannot do: Enter searches, Shift+Enter breaks a line, the field grows, "/" leads to it,
// and short text goes by address so that it can be shared and gone back to.
"use strict";

const form = document.querySelector("form.search");
const field = form && form.querySelector("textarea");

function grow() {
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

function chooseMethod() {
  const text = field.value.trim();
  const isLong = text.length > Number(form.dataset.longest) || text.includes("\n");
  form.method = isLong ? "post" : "get";
  // An empty filter says nothing: keep it out of the address.
  for (const select of form.querySelectorAll("select")) select.disabled = select.value === "";
}

if (field) {
  if (!CSS.supports("field-sizing", "content")) {
    field.addEventListener("input", grow);
    grow();
  }
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (field.value.trim()) form.requestSubmit();
    }
  });
  form.addEventListener("submit", chooseMethod);
  // A page kept by the browser comes back as it was left, with its fields disabled.
  window.addEventListener("pageshow", () => {
    for (const select of form.querySelectorAll("select")) select.disabled = false;
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
}
