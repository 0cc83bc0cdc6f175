// The server: who is connected, how much goes to and fro.

import { el } from "./dom.js";
import { bytes, duration } from "./format.js";

export function serverView(scope) {
  const { page } = scope;
  const tiles = el("div", { class: "tiles" });
  const table = el("div", { class: "scroll card" });
  const more = el("dl", { class: "facts" });
  scope.end(page.report.follow((report) => page.store.inFrame(() => {
    const { circuits, ...rest } = report;
    const flat = flatten(rest);
    tiles.replaceChildren(...[["clients", String(circuits.length)], ["channels", total(circuits, "channels")], ["subscriptions", total(circuits, "subscriptions")], ["squashed", total(circuits, "squashed")]].map(([caption, value]) => tile(caption, value)));
    table.replaceChildren(circuitTable(circuits));
    more.replaceChildren(...flat.map(([term, value]) => el("div", {}, el("dt", { text: term }), el("dd", { text: value }))));
  })));
  return el("div", {}, el("h1", { text: "Server" }), tiles, el("h2", { text: "Circuits" }), table, el("h2", { text: "Counters" }), more);
}

function tile(caption, value) {
  return el("div", { class: "tile" }, el("output", { class: "val", text: value }), el("span", { class: "caption", text: caption }));
}

function total(circuits, key) {
  return String(circuits.reduce((sum, circuit) => sum + (circuit[key] ?? 0), 0));
}

function words(name, value) {
  if (typeof value !== "number") return String(value ?? "");
  if (/^(bytes|memory|received|sent)$/.test(name)) return bytes(value);
  if (/uptime/.test(name)) return duration(value);
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

/** Nested objects as lines with dotted names. */
function flatten(object, head = "") {
  return Object.entries(object).flatMap(([key, value]) => {
    const name = (head ? `${head} ` : "") + key.replaceAll("_", " ");
    return value !== null && typeof value === "object" ? flatten(value, name) : [[name, words(name, value)]];
  });
}

function circuitTable(circuits) {
  if (circuits.length === 0) return el("p", { class: "muted", text: "No Channel Access client is connected." });
  const columns = Object.keys(circuits[0]).filter((key) => typeof circuits[0][key] !== "object");
  return el("table", {},
    el("thead", {}, el("tr", {}, columns.map((name) => el("th", { scope: "col", text: name.replaceAll("_", " ") })))),
    el("tbody", {}, circuits.map((circuit) => el("tr", {}, columns.map((name) => el("td", { text: words(name, circuit[name]) }))))));
}

/** The report of the server, once a second while somebody looks. */
export class Report {
  #connection;
  #listeners = new Set();
  #last = null;

  constructor(connection) {
    this.#connection = connection;
    connection.on("server", ({ report }) => {
      this.#last = report;
      for (const listener of this.#listeners) listener(report);
    });
    connection.on("hello", () => {
      if (this.#listeners.size > 0) connection.send({ op: "server", on: true });
    });
  }

  follow(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#connection.send({ op: "server", on: true });
    if (this.#last) listener(this.#last);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#connection.send({ op: "server", on: false });
    };
  }
}
