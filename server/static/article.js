// An article's platform switch without a reload, and which search led to which section, for feedback.
import { announce } from "./status.js";

const ASKED = "spravka.asked"; // {queryId, article}: of the last result that was followed, in this tab only

export function startArticle(main) {
  main.addEventListener("click", (event) => rememberResult(event, main));
  const article = main.querySelector(".article");
  if (!article) return;
  const links = [...article.querySelectorAll(".platform-switch a")];
  for (const link of links) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      choose(article, links, link);
    });
  }
  const arrive = () => {
    if (!article.isConnected) return;
    fillFeedback(article);
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !article.contains(target) || target.checkVisibility()) return;
    choose(article, links, links[0]); // a link led to a part for another platform
    target.scrollIntoView();
  };
  addEventListener("hashchange", arrive);
  arrive();
}

function choose(article, links, chosen) {
  const { platform } = chosen.dataset;
  if (platform) article.dataset.platform = platform;
  else delete article.dataset.platform;
  for (const link of links) {
    if (link === chosen) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  history.replaceState(history.state, "", chosen.getAttribute("href") + location.hash);
  announce(platform ? `Показаны части для платформы ${chosen.textContent} и общие` : "Показаны части для всех платформ");
}

function rememberResult(event, main) {
  const link = event.target.closest?.(".results .hit a");
  if (!link) return;
  const article = decodeURIComponent(new URL(link.href).pathname.replace("/articles/", ""));
  try {
    sessionStorage.setItem(ASKED, JSON.stringify({ queryId: main.querySelector(".results").dataset.queryId, article }));
  } catch { /* no storage: the vote goes without its query */ }
}

// A vote is for the section that the reader came to, and for the query that found it.
function fillFeedback(article) {
  const anchor = decodeURIComponent(location.hash.slice(1));
  const isSection = anchor && document.getElementById(anchor)?.matches(".section");
  let asked = null;
  try {
    asked = JSON.parse(sessionStorage.getItem(ASKED));
  } catch { /* as above */ }
  for (const form of article.querySelectorAll("form[data-feedback]")) {
    if (isSection) form.elements.section_id.value = `${article.dataset.article}#${anchor}`;
    if (asked?.article === article.dataset.article) form.elements.query_id.value = asked.queryId;
  }
}
