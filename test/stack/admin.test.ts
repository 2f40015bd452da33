import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call, shared } from "./service.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "src", "cli", "admin.ts");

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function admin(...args: string[]): Promise<Ended> {
  const { databaseUrl, databaseWsProxy } = shared().connection;
  const env = { ...process.env, DATABASE_URL: databaseUrl, DATABASE_WS_PROXY: databaseWsProxy };
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

test("a team's first key can do everything, a further one what its scopes say", async () => {
  const name = `team-${randomBytes(4).toString("hex")}`;
  const made = await admin("create-team", name);
  const { key } = JSON.parse(made.stdout) as { key: string };
  expect((await call(shared(), "GET", "/webhooks", { key })).status).toBe(200);

  const further = await admin("create-key", name, "ci", "--scopes", "read");
  const { key: reader, scopes } = JSON.parse(further.stdout) as { key: string; scopes: string[] };
  expect(scopes).toEqual(["read"]);
  expect((await call(shared(), "GET", "/models", { key: reader })).status).toBe(200);
  expect((await call(shared(), "GET", "/webhooks", { key: reader })).status).toBe(403);

  expect(await admin("create-team", name)).toMatchObject({
    code: 1,
    stdout: "",
    stderr: `There is a team named "${name}" already.\n`,
  });
});

test.each([
  { args: [], says: "name a command" },
  { args: ["frob"], says: 'there is no command "frob"' },
  { args: ["create-team"], says: "expected NAME, got 0 words" },
  { args: ["create-key", "nobody", "ci", "--scopes", "reed"], says: "--scopes takes read, push, admin" },
  { args: ["create-key", "no such team", "ci"], says: 'there is no team "no such team"' },
  { args: ["create-team", "x", "--force"], says: "Unknown option '--force'" },
])("refuses $args with what to do", async ({ args, says }) => {
  const { code, stdout, stderr } = await admin(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(says);
  expect(stderr).toContain("usage: npm run --silent admin");
});

test("migrating a database that is up to date applies nothing", async () => {
  expect(JSON.parse((await admin("migrate")).stdout)).toEqual({ applied: 0 });
});
