// npm run faults -- [--kill] [--seed S] [--from N] [--schedules N] [--schedule N]: random sequences of operations on the
// service, faults at every boundary, and what must hold when they have stopped. docs/faults.md tells it whole.
import { parseArgs } from "node:util";
import { PLANTS, type Plant, SOUND } from "./plants.ts";
import { POSTGRES_MISSING, startPostgresServer } from "./postgres.ts";
import { runSchedule } from "./schedule.ts";
import { openLaboratory } from "./world.ts";

const { values } = parseArgs({
  allowNegative: true,
  options: {
    kill: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    schedules: { type: "string" },
    schedule: { type: "string" },
    plant: { type: "string" },
    plants: { type: "boolean", default: false },
    shrink: { type: "boolean" },
  },
});
/** How many, where nobody says. */
const SCHEDULES = { here: 1000, kill: 200 };
/** Schedules in which a planted defect must show. */
const MOST_TO_FIND = 20;
const [seed, from] = [Number(values.seed), Number(values.schedule ?? values.from)];
const all = values.kill ? SCHEDULES.kill : SCHEDULES.here;
const count = values.schedule === undefined ? Number(values.schedules ?? all) : 1;
if (![seed, from, count].every((number) => Number.isSafeInteger(number) && number >= 0)) {
  stop("--seed, --from, --schedules and --schedule want whole numbers");
}
const plant = values.plant === undefined ? SOUND : PLANTS.find(({ name }) => name === values.plant);
if (!plant) stop(`--plant wants one of:\n${PLANTS.map(({ name }) => `  ${name}`).join("\n")}`);
if (values.kill && (values.plants || values.plant)) stop("--plant and --plants are for the layer without --kill");
const server = await startPostgresServer();
if (!server) stop(POSTGRES_MISSING);
process.env["TEST_POSTGRES_URL"] = server.url;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    server.close();
    process.exit(1);
  });
}
try {
  process.exitCode = (values.kill ? await runKills() : await runHere(plant)) ? 0 : 1;
} finally {
  server.close();
}

function stop(why: string): never {
  process.stderr.write(`${why}\n`);
  process.exit(2);
}

interface Failure {
  message: string;
  operations: string;
  story: string[];
}

/** How to see a failed schedule again, and what happened in it. */
function tell(schedule: number, { message, operations, story }: Failure): void {
  const option = values.kill ? "--kill " : "";
  process.stdout.write(`FAILED: npm run faults -- ${option}--seed ${seed} --schedule ${schedule}\n`);
  process.stdout.write(`  ${message}\n  ${operations}\n`);
  for (const line of story) process.stdout.write(`    ${line}\n`);
}

async function runHere(plant: Plant): Promise<boolean> {
  const laboratory = await openLaboratory();
  try {
    if (values.plants) return await proveRed();
    let failed = 0;
    for (let schedule = from; schedule < from + count; schedule += 1) {
      const failure = await runSchedule(laboratory, { seed, schedule, plant, shrink: values.shrink ?? true });
      if (!failure) continue;
      failed += 1;
      tell(schedule, failure);
    }
    process.stdout.write(`${count} schedules in this process, seed ${seed}, from ${from}: ${failed} failed\n`);
    return failed === 0;
  } finally {
    await laboratory.close();
  }

  /** Plants each defect in turn, until a schedule finds that the invariant which it breaks does not hold. */
  async function proveRed(): Promise<boolean> {
    let green = 0;
    for (const planted of PLANTS) {
      let found: string | null = null;
      for (let schedule = from; schedule < from + MOST_TO_FIND && found === null; schedule += 1) {
        const failure = await runSchedule(laboratory, { seed, schedule, plant: planted, shrink: false });
        if (failure?.message.startsWith(planted.breaks)) found = `red in schedule ${schedule}: ${planted.breaks}`;
      }
      if (found === null) green += 1;
      process.stdout.write(`${planted.name}: ${found ?? "NOT FOUND"}\n`);
    }
    process.stdout.write(`${PLANTS.length} planted defects, ${green} not found\n`);
    return green === 0;
  }
}

/** The stack's own processes, killed: seconds a schedule, so it tells as it goes. */
async function runKills(): Promise<boolean> {
  const { openProcessLaboratory } = await import("./processes/laboratory.ts");
  const { runProcessSchedule } = await import("./processes/schedule.ts");
  const laboratory = await openProcessLaboratory();
  const kills = new Map<string, number>();
  let failed = 0;
  try {
    for (let schedule = from; schedule < from + count; schedule += 1) {
      const { killed, failure } = await runProcessSchedule(laboratory, {
        seed,
        schedule,
        shrink: values.shrink ?? false,
      });
      for (const one of killed) {
        const kind = one.replace(/ \d+$/, "");
        kills.set(kind, (kills.get(kind) ?? 0) + 1);
      }
      process.stdout.write(`schedule ${schedule}: ${killed.length} killed, ${failure ? "FAILED" : "held"}\n`);
      if (!failure) continue;
      failed += 1;
      tell(schedule, failure);
    }
  } finally {
    await laboratory.close();
  }
  for (const [kind, times] of [...kills].sort(([a], [b]) => (a < b ? -1 : 1))) {
    process.stdout.write(`${String(times).padStart(6)} ${kind}\n`);
  }
  const all = [...kills.values()].reduce((sum, times) => sum + times, 0);
  process.stdout.write(`${count} schedules with ${all} kills, seed ${seed}, from ${from}: ${failed} failed\n`);
  return failed === 0;
}
