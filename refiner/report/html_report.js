// Adds keys, filters and two-way marking to a page that reads well without them. It writes no text of
// sources: it toggles classes on elements that are there, and sets texts of its own by textContent.
(() => {
  "use strict";
  const kept = {
    get(name) { try { return localStorage.getItem("citerefine-" + name); } catch { return null; } },
    set(name, value) { try { localStorage.setItem("citerefine-" + name, value); } catch { /* not kept then */ } },
  };

  document.addEventListener("DOMContentLoaded", () => {
    const all = (selector, within = document) => [...within.querySelectorAll(selector)];
    const byId = (id) => document.getElementById(id);
    const target = (link) => byId(decodeURIComponent(link.hash.slice(1)));
    const panel = byId("sources");
    const smooth = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";

    // Claims and passages know each other by the links between them.
    const claims = all(".claim").map((element) => {
      const refs = element.nextElementSibling;
      const passages = all(".ref", refs).map(target);
      return { element, refs, button: refs.querySelector(".state"), passages,
        sources: passages.map((passage) => passage.closest(".source").id.slice("source-".length)) };
    });
    const claimOf = (node) => claims.find(({ element, refs }) => element.contains(node) || refs.contains(node));

    // --- marking ----------------------------------------------------------------------------------------------
    const light = (elements) => {
      all(".lit").forEach((element) => element.classList.remove("lit"));
      elements.forEach((element) => element.classList.add("lit"));
    };
    const reveal = (passage) => {
      if (!passage || getComputedStyle(panel).overflowY !== "auto") return; // below the answer: stay where we read
      const top = passage.getBoundingClientRect().top - panel.getBoundingClientRect().top;
      if (top < 0 || top > panel.clientHeight * 0.6) panel.scrollBy({ top: top - 96, behavior: smooth });
    };
    const lightFrom = (node, scroll) => {
      const claim = claimOf(node) ?? claims.find(({ button }) => node.closest?.("#" + button.getAttribute("popovertarget")));
      const passage = node.closest?.(".passage");
      if (claim) {
        light([claim.element, ...claim.passages]);
        if (scroll) reveal(claim.passages[0]);
      } else if (passage) {
        light([passage, ...claims.filter(({ passages }) => passages.includes(passage)).map(({ element }) => element)]);
      }
    };
    document.addEventListener("focusin", ({ target: node }) => lightFrom(node, true));
    document.addEventListener("pointerover", ({ target: node }) => lightFrom(node, false));
    // The text of a claim opens its card too, for pointers; the button behind it is the accessible way.
    claims.forEach(({ element, button }) => element.addEventListener("click", () => {
      if (getSelection().isCollapsed) {
        button.focus({ preventScroll: true });
        button.click();
      }
    }));

    claims.forEach(({ element, button }) => {
      const card = byId(button.getAttribute("popovertarget"));
      card.addEventListener("beforetoggle", ({ newState }) => element.classList.toggle("open", newState === "open"));
      card.addEventListener("toggle", ({ newState }) => { // a sheet at the bottom must not hide its claim
        const hidden = element.getBoundingClientRect().bottom + 16 - card.getBoundingClientRect().top;
        const isSheet = card.getBoundingClientRect().bottom >= innerHeight - 1;
        if (newState === "open" && isSheet && hidden > 0) scrollBy({ top: hidden, behavior: smooth });
      });
    });

    // --- view in the fragment: #anchor&show=…&source=… ------------------------------------------------------------
    const radios = all("input[name=show]");
    const select = byId("by-source");
    const state = { show: "all", source: "" };
    const matches = ({ element, sources }) =>
      (state.show === "all" || (state.show === "inexact" && !element.classList.contains("same"))
        || (state.show === "uncited" && element.classList.contains("none")))
      && (!state.source || sources.includes(state.source));
    const show = () => {
      const filtering = state.show !== "all" || state.source !== "";
      document.body.classList.toggle("filtering", filtering);
      const on = claims.filter(matches);
      claims.forEach((claim) => claim.element.classList.toggle("on", on.includes(claim)));
      const sources = new Set(on.flatMap((claim) => (state.source ? [state.source] : claim.sources)));
      all(".source").forEach((source) =>
        source.classList.toggle("off", filtering && !sources.has(source.id.slice("source-".length))));
      radios.forEach((radio) => { radio.checked = radio.value === state.show; });
      if (select) select.value = state.source;
      const status = byId("matching");
      if (status) status.textContent = filtering ? on.length + " of " + claims.length + (claims.length === 1 ? " claim" : " claims") : "";
    };
    const anchor = () => location.hash.slice(1).split("&").find((part) => part && !part.includes("=")) ?? "";
    const write = () => {
      const parts = [anchor(), state.show !== "all" && "show=" + state.show, state.source && "source=" + state.source];
      const hash = parts.filter(Boolean).join("&");
      try { history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search); } catch { /* sandboxed */ }
    };
    const read = () => {
      const wanted = new URLSearchParams(location.hash.slice(1));
      if (radios.some(({ value }) => value === wanted.get("show"))) state.show = wanted.get("show");
      if (select && [...select.options].some(({ value }) => value === wanted.get("source"))) state.source = wanted.get("source");
    };
    const follow = () => {
      const element = anchor() && byId(anchor());
      all(":popover-open").forEach((card) => card.hidePopover());
      if (!element) return;
      const claim = claimOf(element);
      if (location.hash.includes("&")) element.scrollIntoView({ block: "center" });
      (claim ? claim.button : element).focus({ preventScroll: true });
      lightFrom(element, false);
    };
    radios.forEach((radio) => radio.addEventListener("change", () => { state.show = radio.value; show(); write(); }));
    select?.addEventListener("change", () => { state.source = select.value; show(); write(); });
    addEventListener("hashchange", () => { read(); show(); follow(); write(); });
    read();
    show();
    if (location.hash) follow();

    // --- keys -------------------------------------------------------------------------------------------------
    const keys = byId("keys");
    keys.checked = kept.get("keys") !== "off";
    keys.addEventListener("change", () => kept.set("keys", keys.checked ? "on" : "off"));
    const current = () => claimOf(document.activeElement)
      ?? claims.find(({ button }) => document.activeElement.closest("#" + button.getAttribute("popovertarget")))
      ?? claims.find(({ element }) => element.classList.contains("lit"));
    const step = (by) => {
      const stops = claims.filter(matches);
      const at = stops.indexOf(current());
      const next = stops[at < 0 ? (by > 0 ? 0 : stops.length - 1) : Math.min(Math.max(at + by, 0), stops.length - 1)];
      if (!next) return;
      all(":popover-open").forEach((card) => card.hidePopover());
      next.button.focus({ preventScroll: true, focusVisible: true });
      next.element.scrollIntoView({ block: "center", behavior: smooth });
    };
    const open = () => {
      const claim = current();
      const link = claim && byId(claim.button.getAttribute("popovertarget")).querySelector("a.out");
      if (link) window.open(link.href, "_blank", "noopener,noreferrer");
    };
    const actions = { j: () => step(1), k: () => step(-1), o: open, "?": () => byId("help").togglePopover() };
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("select, textarea, [contenteditable], input:not([type=radio], [type=checkbox])");
      if (!keys.checked || typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return;
      event.preventDefault();
      actions[event.key]();
    });
  });
})();
