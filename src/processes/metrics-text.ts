/** Metrics of one process in the text format of Prometheus, and the label that tells the process. */
export interface MetricsText {
  readonly process: string;
  readonly text: string;
}

/**
 * One text out of those of several processes: each sample gets the label `process`, and the samples of a metric stand
 * together under its first help and type, as the format demands. Counters begin anew with a process that was replaced;
 * a sum over processes would fall then by less than to zero, which Prometheus cannot tell from a count.
 */
export function mergeMetrics(texts: readonly MetricsText[]): string {
  const families = new Map<string, { readonly about: string[]; readonly samples: string[] }>();
  for (const { process, text } of texts) {
    let family: { about: string[]; samples: string[] } | undefined;
    const known = new Set(families.keys());
    for (const line of text.split("\n")) {
      const about = /^# (?:HELP|TYPE|UNIT) ([^ ]+)/.exec(line);
      if (about?.[1] !== undefined) {
        family = families.get(about[1]) ?? { about: [], samples: [] };
        families.set(about[1], family);
        if (!known.has(about[1])) family.about.push(line);
      } else if (line !== "" && !line.startsWith("#")) {
        family?.samples.push(labelled(line, process));
      }
    }
  }
  const lines = [...families.values()].flatMap(({ about, samples }) => [...about, ...samples]);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** A sample with one label more. */
function labelled(sample: string, process: string): string {
  const end = sample.search(/[{ ]/);
  const name = sample.slice(0, end);
  const rest = sample.slice(end);
  if (!rest.startsWith("{")) return `${name}{process="${process}"}${rest}`;
  const comma = rest.startsWith("{}") ? "" : ",";
  return `${name}{process="${process}"${comma}${rest.slice(1)}`;
}
