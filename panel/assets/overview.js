// All devices at a glance.

import { el, setAttr, setText } from "./dom.js";
import { SEVERITIES, alarmText, label, numeric, textOf, valueText } from "./format.js";

/** PVs of its own that a device's card shows. */
const SHOWN = 3;
const NUMBERS = new Set(["double", "float", "long", "short"]);

export function overview(scope) {
  const { page } = scope;
  const cards = page.directory.devices.filter((device) => device.pvs.length > 0).map((device) => deviceCard(scope, device));
  return el("div", {}, el("h1", { text: "Overview" }), summary(scope), el("div", { class: "cards" }, cards));
}

function summary(scope) {
  const { page } = scope;
  const parts = {};
  const tile = (name, caption) => el("div", { class: "tile" }, (parts[name] = el("output", { class: "val", text: "…" })), el("span", { class: "caption", text: caption }));
  const node = el("div", { class: "tiles" }, tile("devices", "devices"), tile("pvs", "PVs"), tile("clients", "clients"), tile("channels", "channels"), tile("alarms", "devices in alarm"));
  setText(parts.devices, String(page.directory.devices.filter((device) => device.name).length));
  setText(parts.pvs, String(page.directory.pvs.size));
  setText(parts.alarms, "0");
  node.querySelector(".tile:last-child").dataset.alarms = "";
  scope.end(page.report.follow((report) => {
    setText(parts.clients, String(report.circuits.length));
    setText(parts.channels, String(report.circuits.reduce((sum, { channels }) => sum + (channels ?? 0), 0)));
  }));
  return node;
}

/** What a card shows of a device: what is measured, then what is set. */
function mainPvs(page, device) {
  if (device.isMotor) return ["RBV", "VAL"].map((name) => device.pv(name));
  const own = device.pvs.filter((name) => !device.template || !name.startsWith(device.template));
  const scalar = (name) => {
    const pv = page.directory.pvs.get(name);
    return pv && pv.count === 1 && !pv.detail && !name.startsWith(`${device.prefix}health.`);
  };
  const measured = (name) => {
    const { access, type } = page.directory.pvs.get(name);
    return Number(access === "ro" && NUMBERS.has(type));
  };
  return own.filter(scalar).sort((a, b) => measured(b) - measured(a)).slice(0, SHOWN);
}

function deviceCard(scope, device) {
  const { page } = scope;
  const parts = {};
  const part = (tag, name, attributes = {}) => (parts[name] = el(tag, { class: name, ...attributes }));
  const node = el("article", { class: "card device", "data-device": device.name, "data-severity": "0" },
    el("header", {}, el("h2", {}, el("a", { href: device.link, text: device.title })), part("span", "chip", { "data-state": "" })),
    el("p", { class: "muted", text: [device.role !== device.name ? device.role : "", device.prefix].filter(Boolean).join(" · ") }),
    part("p", "alarm"), part("dl", "list"), part("p", "message"),
    el("footer", {}, part("progress", "done", { max: "100", value: "0", "aria-label": "Progress" }), part("span", "queue")));
  parts.done.hidden = true;
  const worst = new Worst(node, parts.alarm);
  for (const name of mainPvs(page, device)) {
    const value = el("dd", { text: "…" });
    parts.list.append(el("div", { "data-pv": name }, el("dt", { text: name.slice(device.prefix.length) || name }), value));
    scope.follow(name, ({ meta, update, gone }) => {
      worst.take(name, gone ? { severity: 3, status: gone } : update);
      if (meta && update) setText(value, `${valueText(update, meta)} ${meta.units ?? ""}`.trim());
    });
  }
  template(scope, device, parts, worst);
  return node;
}

function template(scope, device, parts, worst) {
  const follow = (name, show) => {
    const pv = device.templatePv(name);
    if (!pv) return;
    scope.follow(pv, ({ meta, update, gone }) => {
      worst.take(pv, gone ? { severity: 3, status: gone } : update);
      if (meta && update) show(update, meta);
    });
  };
  parts.chip.hidden = !device.template;
  parts.message.hidden = !device.template;
  follow("STATE", (update, meta) => {
    const word = label(update.value, meta);
    setText(parts.chip, word);
    setAttr(parts.chip, "data-state", word);
    parts.done.hidden = word !== "Busy";
  });
  follow("message", (update) => setText(parts.message, textOf(update.value)));
  follow("CMD", () => {});
  follow("QUEUED", (update) => setText(parts.queue, update.value > 0 ? `${update.value} queued` : "queue empty"));
  follow("PROGRESS", (update) => { parts.done.value = numeric(update.value) || 0; });
}

/** The worst alarm of what a card follows. */
class Worst {
  #node;
  #text;
  #all = new Map();

  constructor(node, text) {
    [this.#node, this.#text] = [node, text];
  }

  take(name, update) {
    if (!update) return;
    this.#all.set(name, update);
    let worst = null;
    for (const [pv, each] of this.#all) {
      if (each.severity > (worst?.each.severity ?? 0)) worst = { pv, each };
    }
    const severity = String(worst?.each.severity ?? 0);
    const changed = this.#node.dataset.severity !== severity;
    this.#node.dataset.severity = severity;
    setText(this.#text, worst ? `${alarmText(worst.each) || SEVERITIES[worst.each.severity]} · ${worst.pv}` : "");
    const tile = changed && document.querySelector("[data-alarms] .val");
    if (tile) setText(tile, String(document.querySelectorAll(".device:not([data-severity='0'], [data-device=''])").length));
  }
}
