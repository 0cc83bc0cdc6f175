// Lists of PVs that are of no one device: found, pinned.

import { el, toast } from "./dom.js";
import { Rows } from "./rows.js";

const FOUND = 500;
const KEY = "panel-pins";

export function searchView(scope, text) {
  const { page } = scope;
  const found = page.directory.search(text);
  const rows = scope.own(new Rows(page, "PVs found"));
  for (const name of found.slice(0, FOUND)) rows.add(name);
  const said = found.length === 0 ? "No PV of this server has that in its name or description." : `${found.length} PVs${found.length > FOUND ? `, the first ${FOUND} shown` : ""}`;
  const pin = found.length === 0 && text.trim() ? el("button", { type: "button", onclick: () => {
    page.pins.add(text.trim());
    location.hash = "#/pinned";
  } }, "Look for it on the network") : "";
  return el("div", {}, el("h1", { text: "Search" }), el("p", { class: "muted", role: "status", text: said }), pin, rows.node);
}

/** PVs that somebody wants to see together, kept in this browser. */
export class Pins {
  #page;
  names = JSON.parse(localStorage.getItem(KEY) ?? "[]");

  constructor(page) {
    this.#page = page;
  }

  add(name) {
    if (!this.names.includes(name)) this.names.push(name);
    this.#keep();
  }

  remove(name) {
    this.names = this.names.filter((each) => each !== name);
    this.#keep();
  }

  toggle(name) {
    const there = this.names.includes(name);
    if (there) this.remove(name);
    else this.add(name);
    toast(there ? `${name} is no longer pinned` : `${name} is pinned`);
  }

  #keep() {
    localStorage.setItem(KEY, JSON.stringify(this.names));
    this.#page.navigation?.();
  }
}

export function pinnedView(scope) {
  const { page } = scope;
  const input = el("input", { type: "text", id: "pin-name", autocomplete: "off", autocapitalize: "off", spellcheck: "false", required: true, placeholder: "any PV of the network" });
  const node = el("div", {});
  const fill = () => {
    const rows = scope.own(new Rows(page, "Pinned PVs"));
    for (const name of page.pins.names) {
      rows.add(name, { remote: !page.directory.has(name), onremove: () => {
        page.pins.remove(name);
        fill();
      } });
    }
    node.replaceChildren(rows.node, page.pins.names.length ? "" : el("p", { class: "muted", text: "Nothing is pinned. PVs of this server can also be pinned from their rows." }));
  };
  const form = el("form", { class: "prompt", onsubmit: (event) => {
    event.preventDefault();
    page.pins.add(input.value.trim());
    input.value = "";
    fill();
  } }, el("label", { for: "pin-name", text: "PV name" }), input, el("button", { type: "submit", class: "primary", text: "Pin" }));
  fill();
  return el("div", {}, el("h1", { text: "Pinned" }), form, node);
}
