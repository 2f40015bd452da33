// npm run bench [-- NAME…]: every benchmark beside a rival that is measured in the same run, turn by turn, so that
// what else the machine does meets both. Medians and their ratio; absolute numbers are this machine's, now.
import { reportChangepoints } from "./changepoints/index.ts";
import { benchCheckpoints } from "./checkpoints.ts";
import { benchDeliveries } from "./deliveries/index.ts";
import { benchEvaluate } from "./evaluate.ts";
import { benchEvaluateMemory } from "./evaluate-memory.ts";
import { benchLargePut } from "./large-put.ts";
import { benchMeasure } from "./measure.ts";
import { median } from "./median.ts";
import { reportPushOverhead } from "./push-overhead.ts";
import { benchPut } from "./put.ts";
import { benchSize } from "./size/index.ts";
import { runScript } from "./trainer-script.ts";
import { benchVerdict } from "./verdict/index.ts";
import { reportMismatches } from "./verdict/mismatches.ts";

/** Samples of ours and the rival's, higher is better. */
export interface Comparison {
  what: string;
  unit: string;
  ours: number[];
  rival: { name: string; samples: number[] };
}

/** All at the end, or each as soon as it is known. */
const BENCHES: Record<string, () => Promise<Comparison[]> | AsyncIterable<Comparison>> = {
  measure: benchMeasure,
  put: benchPut,
  "large-put": benchLargePut,
  evaluate: benchEvaluate,
  "evaluate-memory": benchEvaluateMemory,
  checkpoints: benchCheckpoints,
  deliveries: benchDeliveries,
};

/** These print tables of their own: what they compare is more than one figure. */
const REPORTS: Record<string, () => Promise<void> | void> = {
  verdict: benchVerdict,
  "verdict-mismatches": reportMismatches,
  size: benchSize,
  // TCPD names a checkout of the annotated series, which are not kept here.
  changepoints: () => reportChangepoints(process.env["TCPD"]),
  // PYTHON names one that has PyTorch.
  "trainer-speed": () => runScript("speed.ts", process.env["PYTHON"] ? ["--python", process.env["PYTHON"]] : []),
  "trainer-memory": () => runScript("memory.ts"),
  "push-overhead": reportPushOverhead,
};

function row({ what, unit, ours, rival }: Comparison): string[] {
  const [own, other] = [median(ours), median(rival.samples)];
  const show = (value: number) => value.toPrecision(3);
  return [
    what,
    `${show(own)} ${unit}`,
    `${show(other)} ${unit}`,
    rival.name,
    (own / other).toFixed(2),
    `${ours.length}`,
  ];
}

const names = process.argv.slice(2);
const known = [...Object.keys(BENCHES), ...Object.keys(REPORTS)];
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are ${known.join(", ")}\n`);
  process.exit(2);
}
for (const [name, report] of Object.entries(REPORTS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  process.stderr.write(`${name}…\n`);
  await report();
}
const rows = [["benchmark", "ours (median)", "rival (median)", "rival", "ours / rival", "samples"]];
for (const [name, bench] of Object.entries(BENCHES)) {
  if (names.length > 0 && !names.includes(name)) continue;
  process.stderr.write(`${name}…\n`);
  for await (const comparison of await bench()) {
    rows.push(row(comparison));
    // Whoever ends it early has had what was measured until then.
    process.stderr.write(`  ${row(comparison).join(", ")}\n`);
  }
}
if (rows.length === 1) process.exit();
const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length))) ?? [];
for (const cells of rows)
  process.stdout.write(
    `${cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd()}\n`,
  );
process.exit();
