import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

// As wrangler does before it bundles: the engine's tests import what this writes.
execFileSync(process.execPath, [join(import.meta.dirname, "local/unshare-memory.mjs")], { stdio: "inherit" });

/** The stack runs as it does in use, by Node itself: it asks Node where its parts are. */
const server = { deps: { external: [new RegExp(`^${join(import.meta.dirname, "local")}/`)] } };
const excluded = ["**/node_modules/**", "test/fixtures/**"];

/** Wrangler's CompiledWasm rule, for tests of the engine in Node: a .wasm file is imported as a compiled module. */
const compiledWasm = {
  name: "compiled-wasm",
  enforce: "pre" as const,
  load: (id: string) =>
    id.endsWith(".wasm")
      ? `import { readFileSync } from "node:fs";
         export default new WebAssembly.Module(readFileSync(${JSON.stringify(id)}));`
      : null,
};

/** Three kinds of tests, one after the other: each of them would fill a small machine by itself. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        plugins: [compiledWasm],
        test: {
          name: "unit",
          include: ["test/**/*.test.ts", "trainer/**/*.test.ts"],
          exclude: [...excluded, "test/local/**", "test/stack/**"],
          server: { deps: { inline: [/\.wasm$/] } },
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // The embedded stack itself: every file boots its own, and some of them watch the clock.
        test: {
          name: "local",
          include: ["test/local/**/*.test.ts"],
          exclude: excluded,
          server,
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // The whole service, on one stack that all files share: each test makes its own team.
        test: {
          name: "stack",
          include: ["test/stack/**/*.test.ts"],
          exclude: excluded,
          server,
          globalSetup: ["test/stack/setup.ts"],
          // Most of the time they wait for evaluations.
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
