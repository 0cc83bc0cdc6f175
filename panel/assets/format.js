// Values, alarms and times in words.

export const SEVERITIES = ["", "MINOR", "MAJOR", "INVALID"];
/** What a blank label looks like. */
export const BLANK = "–";
const WORDS = new Set(["NaN", "Infinity", "-Infinity"]);

/** NaN and the infinities come as words. */
export function numeric(value) {
  return typeof value === "number" ? value : WORDS.has(value) ? Number(value) : NaN;
}

export function isNumber(meta) {
  return meta.count === 1 && ["short", "float", "long", "double", "char"].includes(meta.kind) && !meta.as_text;
}

export function isText(meta) {
  return meta.kind === "string" ? meta.count === 1 : meta.as_text === true;
}

export function isArray(meta) {
  return meta.count !== 1 && !isText(meta);
}

/** One number with the PV's precision, without units. */
export function number(value, meta) {
  const x = numeric(value);
  if (!Number.isFinite(x)) return String(x);
  if (meta?.kind !== "double" && meta?.kind !== "float") return String(x);
  const digits = Math.max(0, Math.min(meta.precision ?? 3, 15));
  if (Math.abs(x) >= 1e12) return x.toExponential(digits);
  // The precision must not make nothing of it: pressures, currents.
  if (x !== 0 && digits > 0 && Math.abs(x) < 0.5 * 10 ** -digits) return x.toExponential(2);
  // Without a precision (0 is what none looks like) a fraction is still shown.
  return digits === 0 && !Number.isInteger(x) ? String(Number(x.toPrecision(7))) : x.toFixed(digits);
}

export function label(value, meta) {
  const text = typeof value === "number" ? meta.labels?.[value] ?? String(value) : String(value);
  return text.trim() === "" ? BLANK : text;
}

/** Any value, as short as a row needs it. */
export function valueText(update, meta) {
  const { value } = update;
  if (isText(meta)) return textOf(value);
  if (Array.isArray(value)) return arrayText(value, update.of ?? value.length, meta);
  return meta.kind === "enum" ? label(value, meta) : meta.kind === "string" ? String(value) : number(value, meta);
}

/** Text may come as bytes. */
export function textOf(value) {
  if (!Array.isArray(value)) return String(value ?? "");
  const end = value.indexOf(0);
  return new TextDecoder().decode(Uint8Array.from(end < 0 ? value : value.slice(0, end)));
}

function arrayText(value, length, meta) {
  if (length === 0) return "empty";
  // Pairs of the least and the greatest are no elements.
  if (Array.isArray(value[0])) return `${length} elements`;
  const words = value.slice(0, 6).map((each) => (meta.kind === "string" ? String(each) : meta.kind === "enum" ? label(each, meta) : number(each, meta)));
  return `${length} × [${words.join(", ")}${length > words.length ? ", …" : ""}]`;
}

export function alarmText(update) {
  if (!update || update.severity === 0) return "";
  const words = [SEVERITIES[update.severity], update.status, update.message];
  return words.filter((word) => word && word !== "NO_ALARM").join(" · ");
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

let [lastSecond, lastText] = [0, ""];

export function timeText(seconds) {
  if (!(seconds > 0)) return "";
  // Most updates of a batch are of the same second.
  if (Math.floor(seconds) !== lastSecond) [lastSecond, lastText] = [Math.floor(seconds), clock.format(seconds * 1000)];
  return lastText;
}

export function dateText(seconds) {
  return seconds > 0 ? day.format(seconds * 1000) : "never";
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return d > 0 ? `${d} d ${h} h` : h > 0 ? `${h} h ${m} min` : `${m} min ${Math.floor(seconds % 60)} s`;
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(count) {
  let [size, unit] = [count, 0];
  while (size >= 1000 && unit < UNITS.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit]}`;
}

/** `[low, high]` as words, when there are such limits. */
export function limitsText(pair, meta) {
  const end = (at) => (Number.isNaN(numeric(at)) ? "none" : number(at, meta));
  return pair ? `${end(pair[0])} … ${end(pair[1])}` : "";
}
