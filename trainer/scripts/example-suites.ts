// Writes small suites to try shifts on: npm run example-suites -- DIR
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exampleSuites } from "../src/shifts/examples.ts";

const [folder, ...more] = process.argv.slice(2);
if (!folder || folder.startsWith("-") || more.length > 0) {
  console.error("usage: example-suites DIR");
  process.exitCode = 2;
} else {
  mkdirSync(folder, { recursive: true });
  for (const [name, file] of exampleSuites()) {
    writeFileSync(join(folder, name), file);
    console.log(join(folder, name));
  }
}
