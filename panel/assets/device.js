// One device: its own panel where it has one, its console, its PVs in the groups of the source.

import { beamlineCard } from "./beamline.js";
import { consoleCard } from "./console.js";
import { el, setAttr, setText } from "./dom.js";
import { label } from "./format.js";
import { motorCard } from "./motor.js";
import { Picture } from "./picture.js";
import { Rows } from "./rows.js";

/** Rows of a group that are open from the start. */
const OPEN = 1200;

export function deviceView(scope, name) {
  const { page } = scope;
  const device = page.directory.device(name);
  if (!device) return el("div", {}, el("h1", { text: name }), el("p", { text: "There is no such device. " }, el("a", { href: "#/", text: "All devices" })));
  const node = el("div", {},
    el("h1", {}, device.title, stateChip(scope, device)),
    el("p", { class: "muted", text: [device.role, device.prefix && `prefix ${device.prefix}`, `${device.pvs.length} PVs`].filter(Boolean).join(" · ") }));
  const cards = [];
  if (device.isMotor) cards.push(motorCard(scope, device.prefix, device.title));
  if (device.isBeamline) cards.push(beamlineCard(scope, device));
  if (device.template && device.templatePv("CMD")) cards.push(consoleCard(scope, device));
  node.append(el("div", { class: "panels" }, cards), pictures(scope, device), ...groups(scope, device));
  return node;
}

function stateChip(scope, device) {
  const pv = device.templatePv("STATE");
  if (!pv) return null;
  const chip = el("span", { class: "chip", "data-state": "" });
  scope.follow(pv, ({ meta, update }) => {
    if (!meta || !update) return;
    const word = label(update.value, meta);
    setText(chip, word);
    setAttr(chip, "data-state", word);
  });
  return chip;
}

function pictures(scope, device) {
  const [first] = device.pictures;
  return first ? scope.own(new Picture(scope.page.store, first)).node : "";
}

function groups(scope, device) {
  const listed = device.groups?.length ? device.groups : [{ name: "", pvs: device.pvs }];
  return listed.filter(({ pvs }) => pvs.length > 0).map((group) => {
    const title = group.name || "PVs";
    const template = device.template === device.prefix + group.name || /^(seq|health)\b/.test(group.name);
    const node = el("details", { class: "group", "data-group": group.name },
      el("summary", {}, el("h2", { text: title }), el("span", { class: "muted", text: `${group.pvs.length}` })));
    let rows = null;
    // A closed group costs nothing.
    const build = () => {
      if (!node.open || rows) return;
      rows = scope.own(new Rows(scope.page, `PVs of ${title}`));
      for (const name of group.pvs) rows.add(name, { short: name.slice(device.prefix.length) || name });
      node.append(rows.node);
    };
    node.addEventListener("toggle", build);
    node.open = !template && group.pvs.length <= OPEN;
    build();
    return node;
  });
}
