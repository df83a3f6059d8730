// Adds to scores.js: the matrix follows the filters, criteria of one origin alone, and quotes lit in the answer. It
// writes no text: it toggles classes and states of elements that are there.
(() => {
  "use strict";
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  document.addEventListener("answers-shown", () => {
    all("tr[data-answer]").forEach((row) => {
      const answer = document.getElementById(row.dataset.answer);
      row.classList.toggle("off", answer !== null && answer.classList.contains("off"));
    });
  });
  document.addEventListener("DOMContentLoaded", () => {
    const marked = all("[data-origin]");
    all("input[name=origin]").forEach((box) => box.addEventListener("change", () => {
      marked.forEach((one) => one.classList.toggle("elsewhere", box.value !== "" && one.dataset.origin !== box.value));
    }));
    const light = (cell, on) => {
      const answer = cell.closest(".answer");
      all(".light", answer).forEach((button) => button.setAttribute("aria-pressed", "false"));
      all(".quoted", answer).forEach((mark) => {
        mark.classList.toggle("lit", on && mark.dataset.cells.split(" ").includes(cell.dataset.cell));
      });
    };
    all(".light").forEach((button) => button.addEventListener("click", () => {
      const cell = button.closest(".cell");
      const on = button.getAttribute("aria-pressed") !== "true";
      light(cell, on);
      button.setAttribute("aria-pressed", String(on));
      const first = cell.closest(".answer").querySelector(".lit");
      if (first) first.scrollIntoView({ block: "nearest" });
    }));
    const follow = () => { // a sign of the matrix leads to a cell: its quote is lit too
      const cell = document.getElementById(location.hash.slice(1).split("&")[0]);
      if (!cell || !cell.matches(".cell")) return;
      light(cell, true);
      all(".light", cell).forEach((button) => button.setAttribute("aria-pressed", "true"));
    };
    addEventListener("hashchange", follow);
    follow();
  });
})();
