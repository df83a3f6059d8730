// Shows what happens while an answer is worked on. All text is written as text, never as markup.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const live = byId("live");
  const state = byId("state");
  const item = (list, text, sources = []) => {
    const element = document.createElement("li");
    element.dir = "auto";
    element.append(text);
    if (sources.length) {
      const from = document.createElement("span");
      from.className = "from";
      sources.forEach((title, index) => {
        const name = document.createElement("bdi");
        name.textContent = title;
        from.append(index ? "; " : "", name);
      });
      element.append(" ", from);
    }
    list.append(element);
  };
  const heard = (event) => {
    const message = JSON.parse(event.data);
    byId("found").textContent = message.found + (message.found === 1 ? " passage" : " passages");
    return message;
  };
  const say = (words) => { if (state.textContent !== words) state.textContent = words; };

  const show = () => fetch(location.href, { cache: "no-store" }).then(() => location.reload(), () => {
    say("The server has stopped; this page goes on once it is back.");
    setTimeout(show, 2000);
  });

  const source = new EventSource(live.dataset.events + "?after=" + live.dataset.after);
  source.addEventListener("open", () => say("Working"));
  source.addEventListener("step", (event) => item(byId("steps"), heard(event).text));
  source.addEventListener("claim", (event) => {
    const { text, sources } = heard(event);
    item(byId("claims"), text, sources);
  });
  source.addEventListener("restart", (event) => {
    byId("claims").replaceChildren();
    item(byId("steps"), heard(event).text);
  });
  source.addEventListener("ended", () => {
    source.close();
    say("Done");
    show();
  });
  source.addEventListener("error", () => {
    say(source.readyState === EventSource.CLOSED
      ? "The server refused to go on; reload this page."
      : "The server does not answer. What was found is kept; this page goes on once it is back.");
  });
})();
