// What plain links and forms cannot do. Without this script every page still works.
import { startAnswer } from "./answer.js";
import { startArticle } from "./article.js";
import { startFeedback } from "./feedback.js";
import { startKeys, startSearchBox } from "./search-box.js";
import { startNavigation } from "./navigation.js";
import { startStickyBar } from "./sticky-bar.js";

function start(main) {
  startSearchBox(main);
  startArticle(main);
  startAnswer(main);
  startFeedback(main);
}

startKeys();
startStickyBar();
startNavigation(start);
start(document.querySelector("main"));
