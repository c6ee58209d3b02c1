// Says something to a screen reader without moving anything.
export function announce(text) {
  document.getElementById("page-status").textContent = text;
}

// 1 подсказка, 2 подсказки, 5 подсказок
export function counted(number, one, few, many) {
  const tens = number % 100, units = number % 10;
  const teens = tens >= 11 && tens <= 14;
  return `${number}\u00a0${!teens && units === 1 ? one : !teens && units >= 2 && units <= 4 ? few : many}`;
}
