// The picked trends and plots, beside or below every view.

import { el, iconButton, setText } from "./dom.js";
import { isNumber, numeric, valueText } from "./format.js";
import { KEPT, Plot, Ring } from "./plot.js";

const KEY = "panel-dock";
const MOST = 6;
/** Shortest time between two drawings of one plot, in ms. */
const PACE = 100;
/** Spans that can be picked, in seconds. */
const SPANS = [30, 60, 300, KEPT];

/** A curve of one PV: a number over time, or an array over its index. */
export class Curve {
  #store;
  #plot;
  #ring = new Ring();
  #entry = null;
  #end;
  #timer;
  #drawn = 0;
  #waiting = false;
  span = 60;

  constructor(store, name, remote, { array } = {}) {
    this.#store = store;
    this.#plot = new Plot(`Curve of ${name}`);
    this.node = this.#plot.canvas;
    this.#end = store.follow(name, (entry) => this.#take(entry), { depth: array ? "plot" : "text", remote });
    // A still value's curve moves on as well.
    this.#timer = setInterval(() => this.#ask(), 1000);
  }

  close() {
    this.#end();
    this.#plot.close();
    clearInterval(this.#timer);
  }

  redraw() {
    this.#ask();
  }

  #take(entry) {
    const { update, meta } = entry;
    if (!update || !meta) return;
    const fresh = update !== this.#entry?.update;
    this.#entry = { update, meta };
    // The clock of this page: a PV's own stamps may be of any clock.
    if (fresh && isNumber(meta)) this.#ring.push(Date.now() / 1000, numeric(update.value));
    this.#ask();
    this.onvalue?.(entry);
  }

  #ask() {
    if (this.#waiting || !this.#entry) return;
    this.#waiting = true;
    const wait = Math.max(0, this.#drawn + PACE - performance.now());
    setTimeout(() => this.#store.inFrame(() => this.#draw()), wait);
  }

  #draw() {
    this.#waiting = false;
    this.#drawn = performance.now();
    const { update, meta } = this.#entry;
    if (isNumber(meta)) return this.#plot.trend(this.#ring, this.span, Date.now() / 1000);
    const values = Array.isArray(update.value) ? update.value : [update.value];
    this.#plot.array(values.map((each) => (Array.isArray(each) ? each.map(numeric) : numeric(each))), update.of ?? values.length);
  }
}

export class Dock {
  #page;
  #node = document.getElementById("dock");
  #cards = new Map();

  constructor(page) {
    this.#page = page;
  }

  /** Picks again what was picked when the tab was last loaded. */
  restore() {
    for (const [name, remote] of JSON.parse(sessionStorage.getItem(KEY) ?? "[]")) this.#open(name, remote);
  }

  toggle(name, remote) {
    const key = `${remote} ${name}`;
    if (this.#cards.has(key)) return this.#close(key);
    if (this.#cards.size >= MOST) this.#close(this.#cards.keys().next().value);
    this.#open(name, remote);
    this.#cards.get(key).node.scrollIntoView({ block: "nearest" });
  }

  #open(name, remote) {
    const key = `${remote} ${name}`;
    const listed = this.#page.directory.pvs.get(name);
    const curve = new Curve(this.#page.store, name, remote, { array: listed ? listed.count > 1 : true });
    const now = el("output", { class: "now" });
    curve.onvalue = ({ update, meta }) => {
      setText(now, isNumber(meta) ? `${valueText(update, meta)} ${meta.units ?? ""}`.trim() : `${update.of ?? update.value.length} elements`);
      spans.hidden = !isNumber(meta);
    };
    const spans = el("select", { "aria-label": `Time shown of ${name}`, onchange: () => {
      curve.span = Number(spans.value);
      curve.redraw();
    } }, SPANS.map((span) => el("option", { value: String(span), text: span < 60 ? `${span} s` : `${span / 60} min` })));
    spans.value = "60";
    const close = iconButton("close", `Close the curve of ${name}`, () => this.#close(key));
    const node = el("section", { class: "card curve", "aria-label": name, "data-curve": name },
      el("header", {}, el("h3", { text: name, title: name }), now, spans, close), curve.node);
    this.#cards.set(key, { node, curve, pick: [name, remote] });
    this.#node.append(node);
    this.#keep();
  }

  #close(key) {
    const { node, curve } = this.#cards.get(key);
    curve.close();
    node.remove();
    this.#cards.delete(key);
    this.#keep();
  }

  #keep() {
    this.#node.hidden = this.#cards.size === 0;
    document.body.classList.toggle("docked", this.#cards.size > 0);
    sessionStorage.setItem(KEY, JSON.stringify([...this.#cards.values()].map(({ pick }) => pick)));
  }
}
