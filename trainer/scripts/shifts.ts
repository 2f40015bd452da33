// Makes out-of-distribution splits of a suite by documented shifts:
//   npm run shifts -- suite.safetensors --out shifted.safetensors --shift noise:sigma=0.5 --shift holdout:columns=a+b …
// docs/suites.md says what each shift is good for.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseShift } from "../src/shifts/options.ts";
import { addShifts, shiftNames } from "../src/shifts/shifts.ts";
import { readTables, ShiftError, writeTables } from "../src/shifts/suite-file.ts";

const USAGE = `usage: shifts SUITE --out FILE --shift NAME[:OPTION=VALUE,…]… [--from validation] [--seed 0]
shifts: ${shiftNames.join(", ")}; every one takes as=NAME for another name of its split`;

function main(args: string[]): void {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      out: { type: "string" },
      shift: { type: "string", multiple: true, default: [] },
      from: { type: "string", default: "validation" },
      seed: { type: "string", default: "0" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const [file] = positionals;
  const seed = Number(values.seed);
  if (!file || positionals.length > 1 || !values.out || values.shift.length === 0) throw new ShiftError(USAGE);
  if (!/^\d+$/.test(values.seed) || !Number.isSafeInteger(seed)) throw new ShiftError("--seed must be a whole number");
  const before = readTables(readFileSync(file));
  const after = addShifts(before, values.shift.map(parseShift), { from: values.from, seed });
  writeFileSync(values.out, writeTables(after));
  for (const [name, { rows }] of after.splits) {
    const was = before.splits.get(name)?.rows;
    const how =
      was === undefined ? after.metadata[`shift:${name.slice("ood:".length)}`] : was === rows ? "" : `was ${was}`;
    console.log(`${name}  ${rows} rows  ${how}`.trimEnd());
  }
}

try {
  main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof ShiftError || (error instanceof Error && "code" in error);
  if (!known) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
