// On a phone the search box leaves while one reads on and comes back when one scrolls up.
export function startStickyBar() {
  document.documentElement.classList.add("has-script");
  let last = scrollY;
  addEventListener("scroll", () => {
    const bar = document.querySelector(".search-bar");
    const goesDown = scrollY > last && scrollY > 120;
    last = scrollY;
    bar?.classList.toggle("stuck", scrollY > 120);
    bar?.classList.toggle("away", goesDown && !bar.contains(document.activeElement));
  }, { passive: true });
}
