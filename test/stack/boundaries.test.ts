import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const biome = createRequire(import.meta.url).resolve("@biomejs/biome/bin/biome");

/** A tree that is empty but for the configuration: nobody who reads src/ meanwhile sees forbidden files. */
let tree: string;
beforeAll(() => {
  tree = mkdtempSync(join(tmpdir(), "curie-point-lint-"));
  for (const name of ["biome.json", ".gitignore"]) copyFileSync(join(root, name), join(tree, name));
});
afterAll(() => rmSync(tree, { recursive: true, force: true }));

/** Lints a file of this path whose only import is `from`. */
function lint(path: string, from: string): { status: number | null; said: string } {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `import { x } from "${from}";\n\nexport const y = x;\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [biome, "lint", path], {
    cwd: tree,
    encoding: "utf8",
  });
  return { status, said: stdout + stderr };
}

test.each([
  { path: "src/phases/x.ts", from: "../services/digest.ts" },
  { path: "src/phases/x.ts", from: "../database/schema.ts" },
  { path: "src/phases/x.ts", from: "node:fs" },
  { path: "src/phases/x.ts", from: "zod" },
  { path: "src/tensors/x.ts", from: "../artifacts/store.ts" },
  { path: "src/artifacts/x.ts", from: "../services/digest.ts" },
  { path: "src/database/x.ts", from: "../routes/schemas.ts" },
  { path: "src/evaluation/x.ts", from: "../services/suite/put.ts" },
  { path: "src/services/model/x.ts", from: "hono" },
  { path: "src/services/model/x.ts", from: "../../routes/schemas.ts" },
  { path: "src/routes/x.ts", from: "drizzle-orm" },
  { path: "src/routes/x.ts", from: "drizzle-orm/pg-core" },
  { path: "src/routes/x.ts", from: "../database/schema.ts" },
  { path: "src/jobs/x.ts", from: "drizzle-orm" },
  { path: "src/pages/x.tsx", from: "../database/schema.ts" },
])("$path may not import $from", ({ path, from }) => {
  const { status, said } = lint(path, from);
  expect(said).toContain("noRestrictedImports");
  expect(status).not.toBe(0);
});

test.each([
  { path: "src/phases/x.ts", from: "./judge.ts" },
  { path: "src/services/model/x.ts", from: "drizzle-orm" },
  { path: "src/services/model/x.ts", from: "../../phases/judge.ts" },
  { path: "src/routes/x.ts", from: "../services/model/create.ts" },
])("$path may import $from", ({ path, from }) => {
  const { status, said } = lint(path, from);
  expect(said).not.toContain("noRestrictedImports");
  expect(status).toBe(0);
});
