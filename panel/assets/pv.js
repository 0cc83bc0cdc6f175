// One PV with all that is known of it.

import { el, setText } from "./dom.js";
import { Curve } from "./dock.js";
import { isArray, isNumber, isText } from "./format.js";
import { Picture } from "./picture.js";
import { Rows, facts } from "./rows.js";
import { isPicture } from "./directory.js";

export function pvView(scope, name, remote) {
  const { page } = scope;
  const device = page.directory.deviceOf(name);
  const about = el("p", { class: "muted" });
  const place = el("div", {});
  const table = el("dl", { class: "facts" });
  const rows = scope.own(new Rows(page, name));
  rows.add(name, { short: "Value", remote, depth: "plot" });
  let drawn = "";
  const show = (entry) => {
    const { meta, update, gone } = entry;
    if (gone) setText(about, gone);
    if (!meta) return;
    if (!gone) setText(about, meta.description ?? "");
    const list = facts(meta, update, entry);
    const text = JSON.stringify(list);
    if (text !== table.dataset.text) {
      table.dataset.text = text;
      table.replaceChildren(...list.map(([term, words]) => el("div", {}, el("dt", { text: term }), el("dd", { text: words }))));
    }
    const kind = isNumber(meta) ? "trend" : isArray(meta) && meta.kind !== "string" ? "array" : "";
    if (kind !== drawn) {
      drawn = kind;
      place.replaceChildren(...figures(scope, name, remote, kind));
    }
    if (isText(meta) && !kind) place.replaceChildren(el("pre", { class: "card", text: update ? String(update.value) : "" }));
  };
  scope.follow(name, show, { depth: "plot", remote });
  return el("div", {},
    el("h1", { class: "pv-name" }, name), device ? el("p", {}, "of ", el("a", { href: device.link, text: device.title })) : "",
    about, rows.node, place, table);
}

function figures(scope, name, remote, kind) {
  if (!kind) return [];
  const found = [];
  if (!remote && isPicture(name, scope.page.directory.pvs)) found.push(scope.own(new Picture(scope.page.store, name)).node);
  const curve = scope.own(new Curve(scope.page.store, name, remote, { array: kind === "array" }));
  return [...found, el("div", { class: "card" }, curve.node)];
}
