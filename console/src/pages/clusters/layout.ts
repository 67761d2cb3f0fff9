import type { Choice, LayoutItem } from "../../kit/form/layout.js";

/** The fields of a worker group; the name of one that exists cannot change. */
export function workerFields(machines: readonly Choice[], isNew: boolean): readonly LayoutItem[] {
  return [
    { field: "name", hint: "Lower case letters, digits and dashes", readOnly: !isNew },
    { field: "machine_type", required: true, choices: machines },
    { field: "minsize", label: "Min. machines", span: 3 },
    { field: "maxsize", label: "Max. machines", span: 3, hint: "1 to 64" },
    { field: "maxsurge", label: "Surge", span: 3, hint: "Added during an update" },
    { field: "maxunavailable", label: "Unavailable", span: 3, hint: "Missing during an update" },
  ];
}

/** What the platform may update by itself, and when. */
export const maintenanceGroup: LayoutItem = {
  group: "Maintenance",
  hint: "What Slipway may update by itself, every day in this window.",
  fields: [
    { field: "maintenance.kubernetes_autoupdate", label: "Install Kubernetes patch releases" },
    { field: "maintenance.machineimage_autoupdate", label: "Update the operating system of workers" },
    { field: "maintenance.time_window.begin", label: "Begins at (UTC)", kind: "time-of-day" },
    { field: "maintenance.time_window.duration", label: "Lasts", hint: "At least 1 hour, less than 4 hours" },
  ],
};
