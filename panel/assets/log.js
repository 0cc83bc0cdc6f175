// The log of the server, the newest line first.

import { el, setText } from "./dom.js";
import { timeText } from "./format.js";

const KEPT = 1000;
const LEVELS = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

export function logView(scope) {
  const { page } = scope;
  const list = el("ol", { class: "log", "aria-label": "Log lines" });
  const said = el("span", { class: "muted", role: "status" });
  const level = el("select", { id: "log-level" }, LEVELS.map((name) => el("option", { text: name })));
  const words = el("input", { type: "search", id: "log-words", autocomplete: "off", spellcheck: "false" });
  level.value = "INFO";
  const fits = (line) => LEVELS.indexOf(line.level) <= LEVELS.indexOf(level.value)
    && `${line.target} ${line.text}`.toLowerCase().includes(words.value.toLowerCase());
  const show = () => {
    const fit = page.log.lines.filter(fits);
    list.replaceChildren(...fit.slice(-KEPT).reverse().map(lineNode));
    setText(said, `${fit.length} of ${page.log.lines.length} lines`);
  };
  level.onchange = show;
  words.oninput = show;
  scope.end(page.log.follow(() => page.store.inFrame(show)));
  return el("div", {}, el("h1", { text: "Log" }),
    el("div", { class: "prompt" }, el("label", { for: "log-level", text: "At least" }), level, el("label", { for: "log-words", text: "With" }), words, said), list);
}

function lineNode({ time, level, target, text }) {
  return el("li", { "data-level": level }, el("time", { text: timeText(time) }), el("b", { text: level }), el("span", { class: "muted", text: target }), el("span", { class: "words", text }));
}

/** Lines as they come, while somebody looks. */
export class Log {
  lines = [];
  #connection;
  #listeners = new Set();

  constructor(connection) {
    this.#connection = connection;
    connection.on("log", ({ lines }) => this.#take(lines));
    connection.on("hello", () => {
      this.lines = [];
      if (this.#listeners.size > 0) connection.send({ op: "log", on: true });
    });
  }

  follow(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#connection.send({ op: "log", on: true });
    listener();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#connection.send({ op: "log", on: false });
    };
  }

  #take(lines) {
    // Switched on again, the server sends what it has once more.
    const last = this.lines.at(-1)?.number ?? -1;
    this.lines = [...this.lines, ...lines.filter(({ number }) => number > last)].slice(-KEPT);
    for (const listener of this.#listeners) listener();
  }
}
