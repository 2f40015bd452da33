/** A metric with its samples. */
export interface Family {
  name: string;
  /** A gauge unless it says otherwise: most are read off rows, and rows go. */
  type?: "counter" | "histogram";
  help: string;
  samples: {
    /** Of a histogram's samples. */
    suffix?: "_bucket" | "_sum" | "_count";
    labels?: Readonly<Record<string, string>>;
    value: number;
  }[];
}

/** The text format of Prometheus, version 0.0.4. */
export function renderMetrics(families: readonly Family[]): string {
  return families
    .flatMap(({ name, type = "gauge", help, samples }) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...samples.map(({ suffix = "", labels = {}, value }) => `${name}${suffix}${renderLabels(labels)} ${value}`),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
