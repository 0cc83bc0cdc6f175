// What is served: devices and PVs, as the server lists them.

async function fetchJson(path) {
  const answer = await fetch(path, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

export class Directory {
  devices = [];
  pvs = new Map();

  /** Reads it anew; true when it differs from before. */
  async load() {
    const [devices, pvs] = await Promise.all([fetchJson("/api/devices"), fetchJson("/api/pvs")]);
    const before = JSON.stringify([this.devices, [...this.pvs.values()]]);
    this.devices = devices.map((device) => new Device(device));
    this.pvs = new Map(pvs.map((pv) => [pv.name, pv]));
    return before !== JSON.stringify([this.devices, pvs]);
  }

  device(name) {
    return this.devices.find((device) => device.name === name);
  }

  deviceOf(pv) {
    return this.devices.find((device) => device.has.has(pv));
  }

  has(pv) {
    return this.pvs.has(pv);
  }

  /** PVs whose name or description has all words. */
  search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = ({ name, description }) => {
      const all = `${name} ${description ?? ""}`.toLowerCase();
      return words.every((word) => all.includes(word));
    };
    return words.length === 0 ? [] : [...this.pvs.values()].filter(fits).map((pv) => pv.name);
  }
}

class Device {
  constructor({ name, prefix, template, role, watches, commands, pvs, groups }) {
    Object.assign(this, { name, prefix, template, role, watches: watches ?? [], commands: commands ?? [], pvs, groups });
    Object.defineProperty(this, "has", { value: new Set(pvs), enumerable: false });
  }

  get title() {
    return this.name || "Other PVs";
  }

  get link() {
    return `#/device/${encodeURIComponent(this.name)}`;
  }

  /** The full name of one of its PVs, when it has it. */
  pv(name) {
    const full = this.prefix + name;
    return this.has.has(full) ? full : null;
  }

  templatePv(name) {
    return this.template && this.has.has(this.template + name) ? this.template + name : null;
  }

  /** What it is, by the PVs it has: an author's own motor gets the panel of a motor too. */
  get isMotor() {
    return ["VAL", "RBV", "DMOV", "TWF", "TWR", "TWV", "STOP"].every((name) => this.pv(name));
  }

  get isBeamline() {
    return ["choices", "jog", "running"].every((name) => this.pv(name));
  }

  get pictures() {
    return this.pvs.filter((name) => isPicture(name, this.has));
  }
}

/** CHAR arrays that the server makes pictures of: the sizes are beside them. */
export function isPicture(name, names) {
  const [head, last] = name.match(/^(.*[:.])?([^:.]*)$/).slice(1);
  if (last === "ArrayData") return names.has(`${head}ArraySize0_RBV`);
  return /image/i.test(last) && names.has(`${head ?? ""}WIDTH`) && names.has(`${head ?? ""}HEIGHT`);
}
