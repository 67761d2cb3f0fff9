// Runs before anything is painted, so that the page does not flash in the other theme. Its name holds a version, for it
// is cached for good.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("slipway:theme");
  } catch {
    // Storage is closed: the theme of the system holds.
  }
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
