// npm run faults -- [--seed S] [--from N] [--schedules N] [--schedule N]: random sequences of operations on the service,
// faults at every boundary, and what must hold when they have stopped. docs/faults.md tells it whole.
import { parseArgs } from "node:util";
import { PLANTS, SOUND } from "./plants.ts";
import { POSTGRES_MISSING, startPostgresServer } from "./postgres.ts";
import { runSchedule } from "./schedule.ts";
import { openLaboratory } from "./world.ts";

const { values } = parseArgs({
  allowNegative: true,
  options: {
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    schedules: { type: "string", default: "1000" },
    schedule: { type: "string" },
    plant: { type: "string" },
    plants: { type: "boolean", default: false },
    shrink: { type: "boolean", default: true },
  },
});
/** Schedules in which a planted defect must show. */
const MOST_TO_FIND = 20;
const [seed, from] = [Number(values.seed), Number(values.schedule ?? values.from)];
const count = values.schedule === undefined ? Number(values.schedules) : 1;
if (![seed, from, count].every((number) => Number.isSafeInteger(number) && number >= 0)) {
  process.stderr.write("--seed, --from, --schedules and --schedule want whole numbers\n");
  process.exit(2);
}
const plant = values.plant === undefined ? SOUND : PLANTS.find(({ name }) => name === values.plant);
if (!plant) {
  process.stderr.write(`--plant wants one of:\n${PLANTS.map(({ name }) => `  ${name}\n`).join("")}`);
  process.exit(2);
}
const server = await startPostgresServer();
if (!server) {
  process.stderr.write(`${POSTGRES_MISSING}\n`);
  process.exit(2);
}
process.env["TEST_POSTGRES_URL"] = server.url;
const laboratory = await openLaboratory();
try {
  process.exitCode = (values.plants ? await proveRed() : await run()) ? 0 : 1;
} finally {
  await laboratory.close();
  server.close();
}

/** Runs the schedules asked for; tells of each that failed how to see it again. */
async function run(): Promise<boolean> {
  let failed = 0;
  for (let schedule = from; schedule < from + count; schedule += 1) {
    const failure = await runSchedule(laboratory, { seed, schedule, plant: plant ?? SOUND, shrink: values.shrink });
    if (!failure) continue;
    failed += 1;
    process.stdout.write(`FAILED: npm run faults -- --seed ${seed} --schedule ${schedule}\n`);
    process.stdout.write(`  ${failure.message}\n  ${failure.operations}\n`);
    for (const line of failure.story) process.stdout.write(`    ${line}\n`);
  }
  process.stdout.write(`${count} schedules in this process, seed ${seed}, from ${from}: ${failed} failed\n`);
  return failed === 0;
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
