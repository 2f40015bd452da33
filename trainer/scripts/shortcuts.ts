// What answers without a rule score on a suite's splits: npm run shortcuts -- suite.safetensors
import { readFileSync } from "node:fs";
import { measureShortcuts } from "../src/shifts/shortcuts.ts";
import { readTables, ShiftError } from "../src/shifts/suite-file.ts";

/** Columns that are named; of more, how many. */
const NAMED = 3;

function main([file, ...more]: string[]): void {
  if (!file || file.startsWith("-") || more.length > 0) throw new ShiftError("usage: shortcuts SUITE");
  const found = measureShortcuts(readTables(readFileSync(file)));
  const wide = Math.max(...found.map(({ split }) => split.length));
  console.log(`${"split".padEnd(wide)}  rows  constant  nearest  one column`);
  for (const { split, rows, constant, nearest, column, columns } of found) {
    const shares = [constant, nearest, column].map((share) => share.toFixed(3));
    const named = columns.length > NAMED ? `${columns.length} of them` : columns.join(", ");
    console.log(
      `${split.padEnd(wide)}  ${`${rows}`.padStart(4)}  ${shares[0]?.padStart(8)}  ${shares[1]?.padStart(7)}  ${shares[2]} (${named})`,
    );
  }
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ShiftError || (error instanceof Error && "code" in error))) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
