// Rows of PVs. A row is built, and its PV followed, only while it can be seen: a thousand cost what is on the screen.

import { el, iconButton, setAttr, setText } from "./dom.js";
import { editorOf } from "./editors.js";
import { alarmText, dateText, isArray, isNumber, isText, limitsText, timeText, valueText } from "./format.js";

/** Rows this near to the screen count as seen. */
const NEAR = "150px";
/** Elements that come with the depth `text`. */
const SHORT = 32;

export function pvLink(name, remote) {
  return `#/${remote ? "remote" : "pv"}/${encodeURIComponent(name)}`;
}

/** A list of rows; `close()` ends it. */
export class Rows {
  #page;
  #rows = new Map();
  #observer;

  constructor(page, label) {
    this.#page = page;
    this.node = el("ul", { class: "rows", "aria-label": label });
    this.#observer = new IntersectionObserver((seen) => {
      for (const { target, isIntersecting } of seen) this.#rows.get(target)?.see(isIntersecting);
    }, { rootMargin: NEAR });
  }

  /** Adds a PV; `short` is what its row calls it. */
  add(name, { short = name, remote = false, depth = "text", onremove = null } = {}) {
    const row = new Row(this.#page, name, { short, remote, depth, onremove });
    this.#rows.set(row.node, row);
    this.node.append(row.node);
    this.#observer.observe(row.node);
    return row;
  }

  close() {
    this.#observer.disconnect();
    for (const row of this.#rows.values()) row.see(false);
  }
}

class Row {
  #page;
  #name;
  #remote;
  #depth;
  #onremove;
  #end = null;
  #built = false;
  #meta = null;
  #editor = null;
  #parts = {};

  constructor(page, name, { short, remote, depth, onremove }) {
    [this.#page, this.#name, this.#remote, this.#depth, this.#onremove] = [page, name, remote, depth, onremove];
    const about = page.directory.pvs.get(name)?.description ?? "";
    this.node = el("li", { class: "row", "data-pv": name, "data-severity": "0" },
      el("div", { class: "name" }, el("a", { href: pvLink(name, remote), text: short, title: name }), el("span", { class: "about", text: about })));
  }

  see(seen) {
    if (seen === (this.#end !== null)) return;
    if (!seen) {
      this.#end();
      this.#end = null;
      return;
    }
    if (!this.#built) this.#build();
    const follow = this.#page.store.follow(this.#name, (entry) => this.#show(entry), { depth: this.#depth, remote: this.#remote });
    const access = this.#page.access.follow((state) => this.#editor?.enable(state.hint));
    this.#end = () => {
      follow();
      access();
    };
  }

  #build() {
    this.#built = true;
    const part = (tag, name) => (this.#parts[name] = el(tag, { class: name }));
    const value = el("div", { class: "value" }, part("span", "val"), part("span", "units"), part("span", "edit"));
    const state = el("div", { class: "state" }, part("span", "alarm"), part("time", "time"));
    this.node.append(value, state, part("div", "tools"), part("p", "note"));
    this.#parts.note.hidden = true;
    setText(this.#parts.val, "…");
  }

  #show({ meta, update, gone }) {
    if (meta && meta !== this.#meta) this.#describe(meta);
    this.node.classList.toggle("gone", Boolean(gone));
    if (gone) {
      setText(this.#parts.alarm, `Disconnected · ${gone}`);
      setAttr(this.node, "data-severity", "3");
      return;
    }
    if (!meta || !update) return;
    setText(this.#parts.val, valueText(update, meta));
    setText(this.#parts.alarm, alarmText(update));
    setText(this.#parts.time, timeText(update.time));
    setAttr(this.node, "data-severity", String(update.severity));
    this.#editor?.show(update);
  }

  #describe(meta) {
    const again = this.#meta && JSON.stringify({ ...meta, id: 0 }) === JSON.stringify({ ...this.#meta, id: 0 });
    this.#meta = meta;
    if (again) return;
    setText(this.#parts.units, meta.units ?? "");
    if (meta.description) setText(this.node.querySelector(".about"), meta.description);
    this.node.classList.toggle("wide", isText(meta) || isArray(meta));
    const whole = this.#depth !== "text" || meta.count <= SHORT || isText(meta);
    this.#editor = whole ? editorOf(meta, this.#name, (value) => this.#page.put(this.#name, value, this.#remote)) : null;
    this.node.classList.toggle("editable", this.#editor !== null);
    if (this.#editor) {
      this.#editor.complain = (why) => this.#note(why);
      this.#editor.enable(this.#page.access.hint);
      this.#parts.edit.replaceChildren(this.#editor.node);
    } else {
      this.#parts.edit.replaceChildren();
    }
    this.#tools(meta);
  }

  #tools(meta) {
    const { page, name, remote } = { page: this.#page, name: this.#name, remote: this.#remote };
    const buttons = [];
    if (isNumber(meta) || (isArray(meta) && meta.kind !== "string")) {
      const what = isNumber(meta) ? "Trend" : "Plot";
      buttons.push(iconButton("trend", `${what} of ${name}`, () => page.dock.toggle(name, remote)));
    }
    if (this.#onremove) buttons.push(iconButton("close", `Remove ${name}`, this.#onremove));
    else buttons.push(iconButton("pin", `Pin ${name}`, () => page.pins.toggle(name)));
    this.#parts.tools.replaceChildren(...buttons);
  }

  #note(why) {
    this.#parts.note.hidden = why === "";
    setText(this.#parts.note, why);
    if (why) this.#parts.note.setAttribute("role", "alert");
  }
}

/** What a page of one PV tells beside its value. */
export function facts(meta, update, entry) {
  const limits = meta.limits ?? {};
  const units = meta.units ? ` ${meta.units}` : "";
  const pair = (name) => (limits[name] ? limitsText(limits[name], meta) + units : "");
  return [
    ["Type", meta.count === 1 ? meta.kind : `${meta.kind}, up to ${meta.count}`], ["Record", meta.record],
    ["Access", meta.writable ? "read and write" : "read only"], ["Choices", meta.labels?.join(", ")],
    ["Display limits", pair("display")], ["Control limits", pair("control")],
    ["Warning limits", pair("warning")], ["Alarm limits", pair("alarm")],
    ["Time stamp", update ? dateText(update.time) : ""], ["From", entry.remote ? "the network" : "this server"],
  ].filter(([, text]) => text);
}
