// Does the setup still grok? Trains one network per seed, without a service, and judges each trajectory:
//   npm run -w trainer seeds -- [--seeds 10] [--first 0] [--vary-splits] [--json]
// Exits 1 when fewer than nine in ten end as a generalizer that grokked.
import { parseArgs } from "node:util";
import { judge, type Point, type Verdict } from "../../src/phases/judge.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import { train } from "../src/train.ts";

const REQUIRED_SHARE = 0.9;

const { values: flags } = parseArgs({
  options: {
    seeds: { type: "string", default: "10" },
    first: { type: "string", default: "0" },
    "vary-splits": { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const [count, first] = [Number(flags.seeds), Number(flags.first)];
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(first) || first < 0) {
  throw new Error("--seeds and --first must be whole numbers");
}

interface Row {
  seed: number;
  seconds: number;
  verdict: string;
  route: string | null;
  /** By split: the first checkpoint at the level where it stayed. */
  settled: Record<string, number | null>;
  /** By split: accuracy at the end. */
  level: Record<string, number>;
}

const rows: Row[] = [];
for (let seed = first; seed < first + count; seed++) {
  const row = await trainAndJudge(seed);
  rows.push(row);
  if (!flags.json) console.log(describe(row));
}
const grokked = rows.filter(({ verdict, route }) => verdict === "generalizer" && route === "grokked").length;
console.log(flags.json ? JSON.stringify({ grokked, seeds: rows }) : `${grokked} of ${count} grokked`);
process.exitCode = grokked >= REQUIRED_SHARE * count ? 0 : 1;

async function trainAndJudge(seed: number): Promise<Row> {
  const points: Point[] = [];
  let chance: Record<string, number> = {};
  const start = performance.now();
  await train(
    { seed, ...(flags["vary-splits"] && { splitSeed: seed }) },
    {
      onStart: ({ task }) => {
        chance = chanceOf(task);
      },
      onCheckpoint: ({ step, weightNorm, splits }) => {
        points.push({ step, weightNorm, splits: Object.fromEntries(splits) });
      },
    },
  );
  const seconds = Math.round((performance.now() - start) / 100) / 10;
  return { seed, seconds, ...summarize(judge(points, { chance })) };
}

function summarize({ verdict, route, transitions, evidence }: Verdict): Omit<Row, "seed" | "seconds"> {
  return {
    verdict,
    route,
    settled: Object.fromEntries(transitions.map(({ split, settledStep }) => [split, settledStep])),
    level: Object.fromEntries(evidence.splits.map(({ split, level }) => [split, level])),
  };
}

function describe({ seed, seconds, verdict, route, settled, level }: Row): string {
  const splits = Object.keys(level).filter((split) => split !== "train");
  const settledSteps = splits.map((split) => `${split} ${settled[split] ?? "-"} (${level[split]?.toFixed(3)})`);
  return `seed ${seed}  ${verdict} ${route ?? ""}  settled: ${settledSteps.join("  ")}  ${seconds} s`;
}
