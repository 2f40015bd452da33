// Does the setup still grok? Trains one network per seed, without a service, and judges each trajectory:
//   npm run seeds -- [--seeds 10] [--first 0] [--vary-splits] [--json]
// Exits 1 when fewer than nine in ten end as a generalizer that grokked.
import { judge, type Point, type Verdict } from "../../src/phases/judge.ts";
import { countOf, flag, runCommand, text, textOf } from "../src/command.ts";
import { readSetting } from "../src/flags.ts";
import { chanceOf } from "../src/tasks/chance.ts";
import { train } from "../src/train.ts";

const REQUIRED_SHARE = 0.9;

const USAGE = `seeds [--seeds 10] [--first 0] [--vary-splits] [--json]
  --seeds N              how many networks, which differ by their seed
  --first N              the first seed
  --vary-splits          other splits for every seed too
  --json                 one JSON document in the place of lines
Exits with 1 when fewer than nine in ten end as a generalizer that grokked: one that diverges does not.
`;

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

async function trainAndJudge(seed: number, varySplits: boolean): Promise<Row> {
  const points: Point[] = [];
  let chance: Record<string, number> = {};
  const start = performance.now();
  await train(
    { seed, ...(varySplits && { splitSeed: seed }) },
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

const options = { seeds: text, first: text, "vary-splits": flag, json: flag };

await runCommand(USAGE, options, async (values) => {
  const count = countOf(values, "seeds") ?? 10;
  const first = readSetting("seed", "--first", textOf(values, "first") ?? "0");
  const rows: Row[] = [];
  for (let seed = first; seed < first + count; seed++) {
    const row = await trainAndJudge(seed, values["vary-splits"] === true);
    rows.push(row);
    if (values["json"] !== true) console.log(describe(row));
  }
  const grokked = rows.filter(({ verdict, route }) => verdict === "generalizer" && route === "grokked").length;
  console.log(values["json"] === true ? JSON.stringify({ grokked, seeds: rows }) : `${grokked} of ${count} grokked`);
  return grokked >= REQUIRED_SHARE * count ? 0 : 1;
});
