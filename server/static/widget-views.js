// What the element shows: an answer, that there is none, what went wrong, or that it waits.
import { counted } from "./status.js";
import { Refusal } from "./widget-help.js";

const DANGERS = {
  signs_out: "понадобится войти заново",
  deletes_data: "удалит данные с\u00a0устройства",
  needs_admin: "нужен администратор",
};
const NO_ANSWER = "В\u00a0справке нет ответа на этот вопрос.";
const LINKED = /^(https?|mailto|tel):/i;

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A page opens in a tab of its own: the page around, with what was typed and found, stays.
function link(address, text) {
  const made = element("a", { href: address, rel: "noopener noreferrer" }, text);
  if (/^https?:/i.test(address)) made.target = "_blank";
  return made;
}

function note(...children) {
  return element("p", { className: "note" }, ...children);
}

// The card of what was found for a question (see Help.find); `page` is the same search on the help's own site.
export function answerCard({ answer, sources, hits }, help, page) {
  const card = element("section", { className: "card" });
  if (answer.interpretation.changes.some((change) => change.kind !== "synonym")) {
    card.append(note(`Показано по запросу «${answer.interpretation.read_as}».`));
  }
  if (answer.degraded) card.append(note("Ищем только по словам: умный поиск временно недоступен."));
  if (sources.length) {
    card.append(element("h2", {}, link(help.address(sources[0].url), lastHeading(sources[0]))));
    if (answer.quote) card.append(element("blockquote", {}, answer.quote.text));
    if (answer.steps.length) card.append(element("ol", { className: "steps" }, ...answer.steps.map(step)));
    card.append(note("Источник: ", ...listed(sources, help, (source) => source.headings.join(" › "))));
    if (answer.alternatives.length) card.append(note("Для других устройств: ", ...listed(answer.alternatives, help, lastHeading)));
  } else if (answer.answerable) {
    card.append(element("h2", {}, "Ближайшие разделы справки"), sections(hits, help));
  } else {
    const advice = "Опишите проблему другими словами или вставьте текст ошибки целиком.";
    card.append(element("h2", {}, NO_ANSWER), element("p", {}, advice));
    if (hits.length) card.append(element("h3", {}, "Возможно, близко"), sections(hits, help));
  }
  card.append(...support(answer, help));
  card.append(element("p", { className: "more" }, link(page, answer.answerable ? "Все ответы в\u00a0справке" : "Открыть справку")));
  return card;
}

// What a screen reader is told of it.
export function announcement({ answer, sources, hits }) {
  if (answer.steps.length) return `Ответ найден: ${counted(answer.steps.length, "шаг", "шага", "шагов")}`;
  if (sources.length) return "Ответ найден";
  const found = hits.length ? `Найдено разделов: ${hits.length}` : "";
  return answer.answerable ? found : [NO_ANSWER, found].filter(Boolean).join(" ");
}

function step({ text, substeps, danger }) {
  const item = element("li", {}, element("p", {}, text));
  if (substeps.length) item.append(element("ul", {}, ...substeps.map((each) => element("li", {}, each))));
  if (danger.length) {
    const sign = element("span", { ariaHidden: "true" }, "⚠ ");
    item.append(element("p", { className: "danger" }, sign, danger.map((each) => DANGERS[each] ?? each).join(", ")));
  }
  return item;
}

function lastHeading({ headings, title }) {
  return headings.at(-1) || title;
}

function listed(cited, help, named) {
  return cited.flatMap((each, place) => [place ? ", " : "", link(help.address(each.url), named(each))]);
}

function sections(hits, help) {
  const items = hits.map((hit) => element(
    "li", {},
    note(hit.headings.slice(0, -1).join(" › ")),
    link(help.address(hit.url), lastHeading(hit)),
    element("p", {}, ...marked(hit)),
  ));
  return element("ul", { className: "sections" }, ...items);
}

// The snippet with the found words marked. Offsets count code points, as the server does.
function marked(hit) {
  const letters = Array.from(hit.snippet);
  const parts = [];
  let end = 0;
  for (const [start, stop] of hit.highlights) {
    parts.push(letters.slice(end, start).join(""), element("mark", {}, letters.slice(start, stop).join("")));
    end = stop;
  }
  return [...parts, letters.slice(end).join("")];
}

// The ways to reach support: folded away under an answer, in plain sight where there is none.
function support({ escalation, answerable }, help) {
  const { routes } = escalation;
  if (!routes.length) return [];
  const title = "Как связаться с\u00a0поддержкой";
  const hours = [...new Set(routes.map((route) => route.hours))];
  const told = hours.flatMap((text) => {
    const ways = routes.filter((route) => route.hours === text).map((route) => way(route, help));
    return [element("ul", { className: "routes" }, ...ways), ...(text ? [note(`Часы работы. ${text}`)] : [])];
  });
  if (!answerable) return [element("h3", {}, title), ...told];
  return [element("details", {}, element("summary", {}, `Не помогло? ${title}`), ...told)];
}

function way({ name, how, address }, help) {
  const target = address.startsWith("/") ? help.address(address) : address;
  const named = LINKED.test(target) ? link(target, name) : name;
  return element("li", {}, element("strong", {}, named), note(how));
}

// What happened, a way to repeat it and one around it.
export function failureCard(error, page, repeat) {
  const [title, advice] = failureWords(error);
  const again = element("button", { type: "button" }, "Повторить");
  again.addEventListener("click", repeat);
  const ways = element("p", { className: "ways" }, again, link(page, "Открыть справку"));
  return element("section", { className: "card failure", role: "alert" }, element("h2", {}, title), element("p", {}, advice), ways);
}

function failureWords(error) {
  if (error instanceof Refusal && (error.status === 429 || error.status === 503)) {
    const when = error.seconds ? `через ${counted(error.seconds, "секунду", "секунды", "секунд")}` : "позже";
    return ["Сейчас слишком много запросов.", `Повторите ${when}\u00a0— текст сохранён.`];
  }
  if (error instanceof Refusal) {
    return [error.said ?? `Справка ответила ошибкой (${error.status}).`, "Измените вопрос или повторите\u00a0— текст сохранён."];
  }
  if (error.isAlive) {
    const advice = "Справка работает, но этот сайт, возможно, не\u00a0внесён в\u00a0список сайтов, которым она отвечает. Текст сохранён.";
    return ["Не\u00a0удалось получить ответ.", advice];
  }
  const advice = "Проверьте подключение к\u00a0интернету и\u00a0повторите\u00a0— текст сохранён.";
  return ["Не\u00a0удалось связаться со\u00a0справкой.", advice];
}

export function placeholders() {
  const lines = ["short", "", ""].map((className) => element("span", { className }));
  return element("div", { className: "card placeholder", ariaHidden: "true" }, ...lines);
}
