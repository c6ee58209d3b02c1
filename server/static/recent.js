// The last short searches, in this browser only. Text that may name a person is not kept.
const KEY = "spravka.recent";
const MOST = 5, LONGEST = 80; // searches, characters
const PERSONAL = /@|\d[\d ()-]{4,}\d/; // addresses, phones, numbers of contracts

export function recentSearches() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((text) => typeof text === "string").slice(0, MOST) : [];
  } catch {
    return []; // storage is switched off, or somebody else wrote there
  }
}

export function rememberSearch(text) {
  if (!text || text.length > LONGEST || text.includes("\n") || PERSONAL.test(text)) return;
  store([text, ...recentSearches().filter((other) => other !== text)].slice(0, MOST));
}

export function forgetSearches() {
  store([]);
}

function store(searches) {
  try {
    localStorage.setItem(KEY, JSON.stringify(searches));
  } catch { /* storage is switched off or full: nothing is lost but convenience */ }
}
