import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSuite } from "../../src/services/suite/read-suite.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DOCUMENT = readFileSync(join(ROOT, "docs", "suites.md"), "utf8");
const SCRIPTS = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).scripts as Record<string, string>;

/** Commands of the document that begin with `$`, each with the lines that it says they print, block by block. */
const blocks = [...DOCUMENT.matchAll(/^```\n(\$ [^`]*)^```$/gm)].map(([, block = ""]) =>
  [...block.matchAll(/^\$ (.*)\n((?:(?!\$ ).*\n)*)/gm)].map(([, command = "", output = ""]) => ({ command, output })),
);

/** What `npm run --silent SCRIPT -- …` runs, without npm. */
function run(command: string, folder: string): string {
  const [, script = "", args = ""] = /^npm run --silent ([\w-]+) -- (.*)$/.exec(command) ?? [];
  const [, file = ""] = /^node (\S+)$/.exec(SCRIPTS[script] ?? "") ?? [];
  return execFileSync(process.execPath, [join(ROOT, file), ...args.split(" ")], { cwd: folder, encoding: "utf8" });
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "curie-point-examples-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the examples of docs/suites.md", () => {
  test("are all there: symbols, tokens, tables and images", () => {
    const commands = blocks.flat().map(({ command }) => command.split(" ")[3]);
    expect(commands).toEqual(["example-suites", ...Array(4).fill(["shifts", "shortcuts"]).flat()]);
  });

  test.each(blocks.map((block, n) => ({ n, name: block[0]?.command ?? "", block })))(
    "$name prints what the document says",
    ({ block }) => {
      for (const { command, output } of block) expect(run(command, folder)).toBe(output);
    },
  );

  test("the audit that is shown is the one of these pairs", async () => {
    for (const { command } of blocks[1] ?? []) run(command, folder);
    const { splits, audit } = await readSuite(readFileSync(join(folder, "shifted.safetensors")));
    const short = (share: number) => share.toFixed(3).replace(/^0/, "");
    const rows = [...DOCUMENT.matchAll(/^\| (`(?:validation|ood:[a-z]+)` \| \d.*) \|$/gm)].map(([, row = ""]) => row);
    expect(rows).toHaveLength(4);
    for (const row of rows) {
      const name = row.slice(1, row.indexOf("`", 1));
      const own = audit.splits.find(({ split }) => split === name);
      const split = splits.find((other) => other.name === name);
      const cells = [split?.rows, short(split?.chance ?? 0), own?.inTrain, own?.conflicting];
      expect(row).toBe([`\`${name}\``, ...cells, short(own?.resolves.independent ?? 0)].join(" | "));
    }
  });
});
