// Curves on a canvas. Sizes come from a ResizeObserver and colours are read once: drawing never asks for layout.

/** Time a trend remembers, in seconds. */
export const KEPT = 600;
/** Points a trend remembers: 20 a second for that time, with some to spare. */
const POINTS = 16384;
const PAD = { left: 58, right: 10, top: 8, bottom: 20 };

let colours = null;
const scheme = matchMedia("(prefers-color-scheme: dark)");
scheme.addEventListener("change", () => { colours = null; });

function palette() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    colours = { line: of("--accent"), grid: of("--border"), text: of("--muted") };
  }
  return colours;
}

/** The newest samples of one number: times in seconds, values. */
export class Ring {
  times = new Float64Array(POINTS);
  values = new Float64Array(POINTS);
  length = 0;
  #next = 0;

  push(time, value) {
    this.times[this.#next] = time;
    this.values[this.#next] = value;
    this.#next = (this.#next + 1) % POINTS;
    this.length = Math.min(this.length + 1, POINTS);
  }

  /** The samples from a moment on, oldest first, with the one before it: it is the value at that moment. */
  since(from) {
    const [times, values] = [[], []];
    for (let back = 1; back <= this.length; back++) {
      const at = (this.#next - back + POINTS) % POINTS;
      times.push(this.times[at]);
      values.push(this.values[at]);
      if (this.times[at] < from) break;
    }
    return { times: times.reverse(), values: values.reverse() };
  }
}

function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-6; at += step) found.push(at);
  return { found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function tickText(value, digits, span) {
  if (span >= 1e6 || digits > 6) return value.toExponential(2);
  return (Math.abs(value) < span * 1e-9 ? 0 : value).toFixed(digits);
}

function bounds(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low && Number.isFinite(value)) low = value;
    if (value > high && Number.isFinite(value)) high = value;
  }
  if (low > high) return null;
  const margin = high > low ? (high - low) * 0.06 : Math.max(Math.abs(high) * 0.05, 0.5);
  return { low: low - margin, high: high + margin };
}

/** A canvas that knows its size, and draws when it is told to and seen. */
export class Plot {
  canvas = document.createElement("canvas");
  #size = { width: 0, height: 0 };
  #observer;
  #paint = null;

  constructor(label) {
    this.canvas.className = "plot";
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
    this.#observer = new ResizeObserver(([entry]) => {
      this.#size = entry.contentRect;
      this.#paint?.();
    });
    this.#observer.observe(this.canvas);
  }

  close() {
    this.#observer.disconnect();
  }

  /** Draws a number over the last `span` seconds. */
  trend(ring, span, now) {
    this.#paint = () => {
      const { times, values } = ring.since(now - span);
      if (times.length > 0) {
        times.push(now);
        values.push(values.at(-1));
      }
      this.#draw(times, values, { low: now - span, high: now, words: (at) => `${Math.round(at - now)} s` }, true);
    };
    this.#paint();
  }

  /** Draws elements over their index; `of` is their number when `values` are pairs of the least and the greatest. */
  array(values, of) {
    this.#paint = () => {
      const flat = values.flat();
      const scale = flat.length > 1 ? (of - 1) / (flat.length - 1) : 1;
      const words = (at) => String(Math.round(at));
      this.#draw(flat.map((_, at) => at * scale), flat, { low: 0, high: Math.max(of - 1, 1), words }, false);
    };
    this.#paint();
  }

  #draw(times, values, across, steps) {
    const { width, height } = this.#size;
    if (width < PAD.left + 40 || height < 40) return;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) Object.assign(this.canvas, { width: w, height: h });
    const context = this.canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const up = bounds(values) ?? { low: 0, high: 1 };
    const box = { left: PAD.left, top: PAD.top, width: width - PAD.left - PAD.right, height: height - PAD.top - PAD.bottom };
    const x = (at) => box.left + ((at - across.low) / (across.high - across.low)) * box.width;
    const y = (at) => box.top + ((up.high - at) / (up.high - up.low)) * box.height;
    grid(context, box, x, y, across, up);
    context.save();
    context.beginPath();
    context.rect(box.left, 0, box.width, height);
    context.clip();
    curve(context, times.map(x), values.map(y), steps);
    context.restore();
  }
}

function grid(context, box, x, y, across, up) {
  const { grid: line, text } = palette();
  Object.assign(context, { strokeStyle: line, fillStyle: text, lineWidth: 1, font: "11px system-ui, sans-serif" });
  context.beginPath();
  const levels = ticks(up.low, up.high, Math.max(2, box.height / 40));
  Object.assign(context, { textAlign: "right", textBaseline: "middle" });
  for (const at of levels.found) {
    const level = Math.round(y(at)) + 0.5;
    context.moveTo(box.left, level);
    context.lineTo(box.left + box.width, level);
    context.fillText(tickText(at, levels.digits, Math.max(Math.abs(up.low), Math.abs(up.high))), box.left - 6, level);
  }
  Object.assign(context, { textAlign: "center", textBaseline: "top" });
  const span = across.high - across.low;
  for (let part = 1; part < 4; part++) {
    const at = across.low + (span * part) / 4;
    context.fillText(across.words(at), x(at), box.top + box.height + 5);
  }
  context.stroke();
}

/** One line; where points crowd, each pixel column shows its least and its greatest. */
function curve(context, xs, ys, steps) {
  Object.assign(context, { strokeStyle: palette().line, lineWidth: 1.6, lineJoin: "round" });
  context.beginPath();
  let [column, low, high, last] = [null, 0, 0, null];
  const flush = () => {
    if (column === null) return;
    if (high > low) {
      context.lineTo(column, low);
      context.lineTo(column, high);
    }
    context.lineTo(column, last);
  };
  for (let at = 0; at < xs.length; at++) {
    if (!Number.isFinite(ys[at])) {
      flush();
      [column, last] = [null, null];
      continue;
    }
    const pixel = Math.round(xs[at] * 2) / 2;
    if (pixel === column) {
      [low, high, last] = [Math.min(low, ys[at]), Math.max(high, ys[at]), ys[at]];
      continue;
    }
    flush();
    if (last === null) context.moveTo(pixel, ys[at]);
    else if (steps) context.lineTo(pixel, last);
    context.lineTo(pixel, ys[at]);
    [column, low, high, last] = [pixel, ys[at], ys[at], ys[at]];
  }
  flush();
  context.stroke();
}
