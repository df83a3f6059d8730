// Adds filters and folding to a page that reads well without them. It writes no text of rows: it toggles classes and
// folds on elements that are there, and sets texts of its own by textContent.
(() => {
  "use strict";
  document.addEventListener("DOMContentLoaded", () => {
    const all = (selector, within = document) => [...within.querySelectorAll(selector)];
    const tools = document.querySelector(".tools");
    if (!tools) return;
    const answers = all(".answer");
    const find = document.getElementById("find");
    const boxes = all("input[name=concern]", tools);
    const unfold = document.getElementById("unfold");
    const status = document.getElementById("matching");
    const number = (n) => n.toLocaleString("en");
    const concerns = (element) => element.dataset.concerns.split(" ");
    const folded = new Map(); // the text of each answer, in lower case, read when first searched
    const textOf = (answer) => {
      if (!folded.has(answer)) folded.set(answer, answer.textContent.toLowerCase().replace(/\s+/g, " "));
      return folded.get(answer);
    };

    // --- view in the fragment: #anchor&show=…&find=… ------------------------------------------------------------
    const state = { show: new Set(), find: "" };
    const show = () => {
      const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
      const filtering = state.show.size > 0 || words.length > 0;
      const wanted = [...state.show];
      const on = answers.filter((answer) => wanted.every((concern) => concerns(answer).includes(concern))
        && words.every((word) => textOf(answer).includes(word)));
      const kept = new Set(on);
      answers.forEach((answer) => answer.classList.toggle("off", !kept.has(answer)));
      document.body.classList.toggle("filtering", state.show.size > 0);
      all(".row").forEach((row) => row.classList.toggle("hit", concerns(row).some((concern) => state.show.has(concern))));
      boxes.forEach((box) => { box.checked = state.show.has(box.value); });
      if (find.value !== state.find) find.value = state.find;
      const run = Number(tools.dataset.run);
      const rest = run > answers.length ? "; " + number(run - answers.length) + " more are not on this page" : "";
      status.textContent = (filtering ? "Showing " + number(on.length) + " of " : "Showing all ") + number(answers.length)
        + " " + tools.dataset.noun + (answers.length === 1 ? "" : "s") + rest + ".";
      document.dispatchEvent(new Event("answers-shown"));
    };
    const anchor = () => location.hash.slice(1).split("&").find((part) => part && !part.includes("=")) ?? "";
    const write = () => {
      const parts = [anchor(), state.show.size && "show=" + [...state.show].join(","), state.find && "find=" + encodeURIComponent(state.find)];
      const hash = parts.filter(Boolean).join("&");
      try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch { /* sandboxed */ }
    };
    const read = () => {
      const wanted = new URLSearchParams(location.hash.slice(1));
      if (wanted.has("show")) state.show = new Set(wanted.get("show").split(",").filter((value) => boxes.some((box) => box.value === value)));
      if (wanted.has("find")) state.find = wanted.get("find").slice(0, 200);
    };
    const follow = () => {
      const element = anchor() && document.getElementById(anchor());
      const answer = element && element.closest(".answer");
      if (!answer) return;
      answer.open = true;
      if (location.hash.includes("&")) element.scrollIntoView();
      element.focus({ preventScroll: true });
    };
    boxes.forEach((box) => box.addEventListener("change", () => {
      if (box.checked) state.show.add(box.value); else state.show.delete(box.value);
      show();
      write();
    }));
    let waiting = 0;
    find.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { state.find = find.value; show(); write(); }, 120);
    });
    addEventListener("hashchange", () => { read(); show(); follow(); write(); });
    read();
    show();
    follow();

    // --- folding ------------------------------------------------------------------------------------------------
    unfold.addEventListener("click", () => {
      const open = unfold.textContent === "Open all";
      answers.forEach((answer) => { answer.open = open; });
      unfold.textContent = open ? "Close all" : "Open all";
    });
  });
})();
