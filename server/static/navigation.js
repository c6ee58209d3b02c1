// Results without leaving the page: quiet placeholders when they take longer, what went wrong with a way to repeat it,
// and the typed text always still there. The address and Back work as if the page had been loaded.
import { announce } from "./status.js";

const PATIENCE = 300; // ms until placeholders

let start = () => {};
let shown = address();
let running = null;

export function startNavigation(startPage) {
  start = startPage;
  addEventListener("popstate", (event) => {
    if (address() !== shown) show(address(), { isBack: true, scroll: event.state?.scroll ?? 0 });
  });
}

// Shows the page of an address in place of this one, from `scroll` on, or with the focus on what a selector finds in it.
export async function show(wanted, { isBack = false, scroll = 0, focus = "" } = {}) {
  running?.abort();
  const mine = (running = new AbortController());
  clearFailure();
  const waiting = setTimeout(showPlaceholders, PATIENCE);
  try {
    const response = await fetch(wanted, { signal: mine.signal });
    if (response.status >= 500 || response.status === 429) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const main = page.querySelector("main");
    if (!main) throw new Error("no page");
    if (mine.signal.aborted) return;
    if (!isBack) move(wanted);
    shown = address();
    const hadFocus = document.activeElement?.id === "page-q";
    document.title = page.title;
    document.querySelector("main").replaceWith(main);
    start(main);
    if (hadFocus) main.querySelector("#page-q")?.focus({ preventScroll: true });
    scrollTo(0, scroll);
    const target = focus && main.querySelector(focus);
    if (target) {
      target.focus({ preventScroll: true });
      target.scrollIntoView(); // to the top: what follows is to be seen with it
    }
    const found = main.querySelectorAll("article.hit").length;
    announce(main.querySelector(".no-answer h2")?.textContent ?? (found ? `Найдено разделов: ${found}` : page.title));
  } catch (error) {
    if (mine.signal.aborted) return;
    showFailure(error.message, () => show(wanted, { isBack, scroll, focus }));
  } finally {
    clearTimeout(waiting);
    if (running === mine) clearPlaceholders();
  }
}

function move(wanted) {
  history.replaceState({ ...history.state, scroll: scrollY }, "");
  if (wanted === address()) history.replaceState({}, "", wanted);
  else history.pushState({}, "", wanted);
}

function address() {
  return location.pathname + location.search;
}

// What stands under the search box, at whose place something else is shown.
function place() {
  const bar = document.querySelector("main .search-bar");
  return bar.closest(".hero") ?? bar;
}

function showPlaceholders() {
  const quiet = document.createElement("div");
  quiet.className = "placeholders";
  quiet.ariaHidden = "true";
  for (let number = 0; number < 3; number += 1) {
    const card = document.createElement("div");
    card.className = "card placeholder";
    card.append(...["short", "", ""].map((kind) => Object.assign(document.createElement("span"), { className: kind })));
    quiet.append(card);
  }
  document.querySelector("main").classList.add("is-waiting");
  place().after(quiet);
  announce("Ищем");
}

function clearPlaceholders() {
  document.querySelector("main").classList.remove("is-waiting");
  document.querySelector(".placeholders")?.remove();
}

function showFailure(reason, repeat) {
  const busy = reason === "503" || reason === "429";
  const failure = document.createElement("section");
  failure.className = "card failure";
  failure.setAttribute("role", "alert");
  const title = Object.assign(document.createElement("h2"), {
    textContent: busy ? "Сейчас слишком много запросов." : "Не удалось получить ответ.",
  });
  const advice = Object.assign(document.createElement("p"), {
    textContent: busy
      ? "Повторите через 10\u00a0секунд\u00a0— текст сохранён."
      : "Проверьте подключение к\u00a0интернету и\u00a0повторите\u00a0— текст сохранён.",
  });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Повторить" });
  button.addEventListener("click", repeat);
  failure.append(title, advice, button);
  place().after(failure);
  failure.scrollIntoView({ block: "nearest" });
}

function clearFailure() {
  document.querySelector(".failure")?.remove();
}
