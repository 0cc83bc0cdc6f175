// A motor: where it is, where it shall go, tweaks, stop.

import { el, icon, setAttr, setText } from "./dom.js";
import { number, numeric } from "./format.js";

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
    el("header", {}, el("h2", { text: "Position" }), moving),
    el("div", { class: "readings" }, scope.reading(`${prefix}RBV`, "Readback (RBV)"), scope.reading(`${prefix}VAL`, "Setpoint (VAL)")),
    gauge(scope, prefix),
    el("div", { class: "controls" },
      scope.setting(`${prefix}VAL`, "Go to"),
      el("div", { class: "setting" }, el("span", { class: "caption", text: "Tweak" }),
        el("span", { class: "tweaks" }, tweak("left", "Tweak down", "TWR"), scope.setting(`${prefix}TWV`, "Step"), tweak("right", "Tweak up", "TWF"))),
      stop));
}

/** The travel between the soft limits, with marks for setpoint and readback. */
function gauge(scope, prefix) {
  const mark = (name) => el("span", { class: `mark ${name}`, hidden: true });
  const [setpoint, readback] = [mark("setpoint"), mark("readback")];
  const travel = el("div", { class: "gauge", role: "img", "aria-label": "Position between the limits" }, setpoint, readback);
  const [low, high] = [el("span", { class: "muted" }), el("span", { class: "muted" })];
  const known = { LLM: NaN, HLM: NaN, VAL: NaN, RBV: NaN };
  const place = (node, at) => {
    const part = (at - known.LLM) / (known.HLM - known.LLM);
    node.hidden = !Number.isFinite(part);
    // A move of a layer of its own: no layout.
    node.style.transform = `translateX(${(100 * Math.max(0, Math.min(1, part))).toFixed(2)}%)`;
  };
  const limit = (name, meta) => (Number.isFinite(known[name]) ? `${name} ${number(known[name], meta)}` : "");
  for (const field of Object.keys(known)) {
    scope.follow(prefix + field, ({ update, meta }) => {
      if (!update || !meta) return;
      known[field] = numeric(update.value);
      setText(low, limit("LLM", meta));
      setText(high, limit("HLM", meta));
      place(setpoint, known.VAL);
      place(readback, known.RBV);
    });
  }
  return el("div", {}, travel, el("div", { class: "ends" }, low, el("span", { class: "muted legend", text: "▼ setpoint" }), high));
}
