import type { StatusCause } from "../status-error.js";
import type { ObjectStore } from "../types.js";
import { parseFault } from "./faults.js";
import { compareVersions, minorOf } from "./kubernetes-version.js";
import { type CloudProfile, cloudProfiles, keys, type Project, projects, type Shoot, type Worker } from "./types.js";

/** Collects what is wrong with the fields of an object. */
type Report = (field: string, message: string) => void;

const longestName = 21;
const longestWorkerName = 15;
const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const purposes = ["evaluation", "testing", "development", "production", "infrastructure"];
const timeOfDay = /^([01]\d|2[0-3])([0-5]\d)([0-5]\d)([+-])(\d\d)00$/;

/** What is wrong with the shape of a Shoot: fields that everything else relies on. */
export function shapeFaults(draft: Shoot): StatusCause[] {
  const { causes, report } = reporter();
  const need = (field: string, value: unknown) => {
    if (typeof value !== "string" || value === "") report(field, "Required value");
  };
  const spec: Partial<Shoot["spec"]> = draft.spec ?? {};
  need("spec.region", spec.region);
  need("spec.cloudProfile.name", spec.cloudProfile?.name);
  need("spec.kubernetes.version", spec.kubernetes?.version);
  need("spec.provider.type", spec.provider?.type);
  const workers: unknown = spec.provider?.workers;
  if (!Array.isArray(workers) || workers.length === 0) {
    report("spec.provider.workers", "Required value: must provide at least one worker pool");
    return causes;
  }
  (workers as Partial<Worker>[]).forEach((worker, index) => {
    const path = `spec.provider.workers[${index}]`;
    need(`${path}.name`, worker?.name);
    need(`${path}.machine.type`, worker?.machine?.type);
    for (const field of ["minimum", "maximum"] as const) {
      const size = worker?.[field];
      if (!Number.isInteger(size) || Number(size) < 0)
        report(`${path}.${field}`, "Invalid value: must be a number from 0");
    }
  });
  return causes;
}

/** What is wrong with a Shoot of the right shape, alone and against the one before. */
export function shootFaults(draft: Shoot, previous: Shoot | undefined, store: ObjectStore, now: Date): StatusCause[] {
  const { causes, report } = reporter();
  checkName(draft, store, report);
  checkPlain(draft, report);
  draft.spec.provider.workers.forEach((worker, index) => {
    checkWorker(worker, `spec.provider.workers[${index}]`, report);
  });
  const names = draft.spec.provider.workers.map(({ name }) => name);
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index) report(`spec.provider.workers[${index}].name`, `Duplicate value: "${name}"`);
  });
  if (!draft.spec.provider.workers.some(({ minimum }) => minimum > 0)) {
    report("spec.provider.workers", "Forbidden: at least one worker pool must have a minimum above 0");
  }
  if (previous !== undefined) checkImmutable(draft, previous, report);
  const { name } = draft.spec.cloudProfile;
  const profile = store.get({ ...cloudProfiles, name }) as CloudProfile | undefined;
  if (profile === undefined) report("spec.cloudProfile.name", `Not found: "${name}"`);
  else checkOffer(draft, previous, profile.spec, now, report);
  return causes;
}

function reporter() {
  const causes: StatusCause[] = [];
  const report: Report = (field, message) => {
    const reason = message.startsWith("Required") ? "FieldValueRequired" : "FieldValueInvalid";
    causes.push({ reason, field, message });
  };
  return { causes, report };
}

function checkName({ metadata }: Shoot, store: ObjectStore, report: Report): void {
  const { name, namespace } = metadata;
  if (!label.test(name) || name.includes("--")) report("metadata.name", `Invalid value: "${name}"`);
  const project = (store.list(projects) as Project[]).find(({ spec }) => spec.namespace === namespace);
  const total = name.length + (project?.metadata.name.length ?? 0);
  if (total <= longestName) return;
  const rule = `the length of the shoot name and the project name must not exceed ${longestName} characters`;
  report("metadata.name", `Invalid value: "${name}": ${rule} (is ${total})`);
}

function checkPlain({ metadata, spec }: Shoot, report: Report): void {
  const { purpose, credentialsBindingName, secretBindingName, maintenance } = spec;
  if (purpose !== undefined && !purposes.includes(purpose)) {
    report("spec.purpose", `Unsupported value: "${purpose}": supported values: ${purposes.join(", ")}`);
  }
  if (!credentialsBindingName && !secretBindingName) report("spec.credentialsBindingName", "Required value");
  if (credentialsBindingName && secretBindingName) {
    report("spec.secretBindingName", "Forbidden: must not be set together with credentialsBindingName");
  }
  if (!spec.networking?.type) report("spec.networking.type", "Required value");
  const window = maintenance?.timeWindow;
  if (window !== undefined) checkWindow(window, report);
  const fault = metadata.annotations?.[keys.fail];
  if (fault !== undefined && parseFault(fault) === undefined) {
    report(`metadata.annotations[${keys.fail}]`, 'Invalid value: must read "<step>:<ERR_CODE>:<times|always|failed>"');
  }
}

function checkWindow({ begin, end }: { begin: string; end: string }, report: Report): void {
  const [from, to] = [secondsOf(begin), secondsOf(end)];
  const path = "spec.maintenance.timeWindow";
  if (from === undefined) report(`${path}.begin`, `Invalid value: "${begin}": must read HHMMSS+HH00`);
  if (to === undefined) report(`${path}.end`, `Invalid value: "${end}": must read HHMMSS+HH00`);
  if (from === undefined || to === undefined) return;
  const length = (to - from + 2 * 86_400) % 86_400;
  if (length < 1800 || length > 6 * 3600) report(path, "Invalid value: must last from 30 minutes to 6 hours");
}

function secondsOf(text: string): number | undefined {
  const [, hours, minutes, seconds, sign, offset] = timeOfDay.exec(text) ?? [];
  if (hours === undefined) return undefined;
  const local = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return local - Number(`${sign}${offset}`) * 3600;
}

function checkWorker(worker: Worker, path: string, report: Report): void {
  const { name, minimum, maximum, maxSurge, maxUnavailable } = worker;
  if (!label.test(name) || name.length > longestWorkerName) {
    report(`${path}.name`, `Invalid value: "${name}": must be a DNS label of at most ${longestWorkerName} characters`);
  }
  if (maximum < minimum) report(`${path}.maximum`, `Forbidden: maximum must not be less than minimum ${minimum}`);
  const zero = (value: unknown) => value === 0 || value === "0" || value === "0%";
  if (zero(maxSurge) && zero(maxUnavailable)) {
    report(`${path}.maxUnavailable`, "Invalid value: must not be 0 when maxSurge is 0");
  }
}

function checkImmutable(draft: Shoot, previous: Shoot, report: Report): void {
  const [now, before] = [draft.spec, previous.spec];
  const fixed: [string, unknown, unknown][] = [
    ["spec.region", now.region, before.region],
    ["spec.provider.type", now.provider.type, before.provider.type],
    ["spec.cloudProfile.name", now.cloudProfile.name, before.cloudProfile.name],
    ["spec.networking.type", now.networking?.type, before.networking?.type],
    ["spec.networking.pods", now.networking?.pods, before.networking?.pods],
    ["spec.networking.services", now.networking?.services, before.networking?.services],
  ];
  for (const [field, value, old] of fixed) {
    if (value !== old) report(field, `Invalid value: "${value}": field is immutable`);
  }
  const [version, running] = [now.kubernetes.version, before.kubernetes.version];
  if (compareVersions(version, running) < 0) {
    report("spec.kubernetes.version", "Forbidden: kubernetes version downgrade is not supported");
  } else if (minorOf(version) > minorOf(running) + 1) {
    report("spec.kubernetes.version", "Forbidden: kubernetes version upgrade cannot skip a minor version");
  }
}

function checkOffer(
  { spec }: Shoot,
  previous: Shoot | undefined,
  offered: CloudProfile["spec"],
  now: Date,
  report: Report,
): void {
  if (spec.provider.type !== offered.type) {
    report("spec.provider.type", `Invalid value: "${spec.provider.type}": the cloud profile is for "${offered.type}"`);
  }
  if (!offered.regions.some(({ name }) => name === spec.region)) {
    report("spec.region", `Unsupported value: "${spec.region}"`);
  }
  const { version } = spec.kubernetes;
  const supported = offered.kubernetes.versions
    .filter(({ expirationDate }) => expirationDate === undefined || new Date(expirationDate) > now)
    .map((one) => one.version);
  // A version that is no longer offered stays allowed where it runs.
  if (!supported.includes(version) && version !== previous?.spec.kubernetes.version) {
    const list = supported.join(", ");
    report("spec.kubernetes.version", `Unsupported value: "${version}": supported values: ${list}`);
  }
  spec.provider.workers.forEach(({ name, machine }, index) => {
    const kept = previous?.spec.provider.workers.some((one) => one.name === name && one.machine.type === machine.type);
    if (kept || offered.machineTypes.some((type) => type.name === machine.type)) return;
    report(`spec.provider.workers[${index}].machine.type`, `Unsupported value: "${machine.type}"`);
  });
}
