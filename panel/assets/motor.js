// A motor: where it is, where it shall go, tweaks, stop.

import { el, icon, setAttr, setText, svg } from "./dom.js";
import { numeric } from "./format.js";

/** The card of a motor whose PVs begin with a prefix. */
export function motorCard(scope, prefix, title) {
  const { page } = scope;
  const put = (field, value) => page.tell(prefix + field, value);
  const moving = el("span", { class: "chip", "data-motion": "" });
  scope.follow(`${prefix}DMOV`, ({ update, gone }) => {
    const still = !gone && update?.value === 1;
    setText(moving, gone ? "Disconnected" : still ? "Still" : "Moving");
    setAttr(moving, "data-motion", gone ? "gone" : still ? "still" : "moving");
  });
  const tweak = (name, label, field) => scope.button(icon(name), () => put(field, 1), { class: "tweak", "aria-label": label });
  const stop = scope.button("Stop", () => put("STOP", 1), { class: "stop" });
  return el("section", { class: "card motor", "aria-label": `Motor ${title}`, "data-panel": "motor" },
    el("header", {}, el("h2", { text: title }), moving),
    el("div", { class: "readings" }, scope.reading(`${prefix}RBV`, "Readback (RBV)"), scope.reading(`${prefix}VAL`, "Setpoint (VAL)")),
    gauge(scope, prefix),
    el("div", { class: "controls" },
      scope.setting(`${prefix}VAL`, "Go to"),
      el("div", { class: "setting" }, el("span", { class: "caption", text: "Tweak" }),
        el("span", { class: "tweaks" }, tweak("left", "Tweak down", "TWR"), scope.setting(`${prefix}TWV`, "Step"), tweak("right", "Tweak up", "TWF"))),
      stop));
}

const WIDE = 1000;

/** The travel between the soft limits, with marks for setpoint and readback. */
function gauge(scope, prefix) {
  const mark = (name, d) => svg("path", { class: name, d, visibility: "hidden" });
  const setpoint = mark("setpoint", "M0 4 l-9 -4 v-12 h18 v12 z");
  const readback = mark("readback", "M0 22 l-9 14 h18 z");
  const picture = svg("svg", { viewBox: `-14 -16 ${WIDE + 28} 56`, class: "gauge", role: "img", "aria-label": "Position between the limits" },
    svg("rect", { class: "travel", x: 0, y: 8, width: WIDE, height: 10, rx: 5 }), setpoint, readback);
  const [low, high] = [el("span", { class: "muted" }), el("span", { class: "muted" })];
  const known = { LLM: NaN, HLM: NaN, VAL: NaN, RBV: NaN };
  const place = (node, at) => {
    const span = known.HLM - known.LLM;
    const there = span > 0 && Number.isFinite(at);
    setAttr(node, "visibility", there ? "visible" : "hidden");
    if (there) setAttr(node, "transform", `translate(${(WIDE * Math.max(0, Math.min(1, (at - known.LLM) / span))).toFixed(1)})`);
  };
  for (const field of Object.keys(known)) {
    scope.follow(prefix + field, ({ update, meta }) => {
      if (!update || !meta) return;
      known[field] = numeric(update.value);
      setText(low, Number.isFinite(known.LLM) ? `LLM ${known.LLM} ${meta.units ?? ""}` : "");
      setText(high, Number.isFinite(known.HLM) ? `HLM ${known.HLM} ${meta.units ?? ""}` : "");
      place(setpoint, known.VAL);
      place(readback, known.RBV);
    });
  }
  return el("div", { class: "travel-of" }, picture, el("div", { class: "ends" }, low, high));
}
