// The switch between light, dark and what the system says; before anything is drawn, so that nothing flashes.
(() => {
  "use strict";
  const THEMES = ["auto", "light", "dark"];
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("citerefine-theme"); } catch { return null; } };
  const keep = (theme) => { try { localStorage.setItem("citerefine-theme", theme); } catch { /* not kept then */ } };
  const theme = () => (THEMES.includes(root.dataset.theme) ? root.dataset.theme : "auto");
  root.classList.add("js");
  root.dataset.theme = kept() ?? "auto";

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = "Theme: " + theme(); };
    button.addEventListener("click", () => {
      root.dataset.theme = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];
      keep(theme());
      name();
    });
    name();
  });
})();
