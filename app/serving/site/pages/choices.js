// Dropping a passage unpins it and the other way round; says how many are chosen.
(() => {
  "use strict";
  const boxes = [...document.querySelectorAll("input[form=again]")];
  const count = (name) => boxes.filter((box) => box.name === name && box.checked).length;
  const tell = () => {
    const parts = [["drop", "dropped"], ["pin", "pinned"]].map(([name, word]) => [count(name), word]).filter(([n]) => n);
    const chosen = document.getElementById("chosen");
    if (!chosen) return;
    chosen.textContent = parts.map(([n, word]) => n + " " + word).join(", ");
  };
  boxes.forEach((box) => box.addEventListener("change", () => {
    boxes.filter((other) => other !== box && other.value === box.value && box.checked).forEach((other) => { other.checked = false; });
    tell();
  }));
  tell();
})();
