import { expect, test } from "vitest";
import { expectRefusal } from "./refused.ts";
import { call, newTeam, type Team } from "./service.ts";
import { tableSuite } from "./table-model.ts";

interface Listed {
  name: string;
  version: string;
  status: string;
  audit: { splits: { split: string }[] };
}

const bodyOf = async <Body>(team: Team, path: string) => (await team.call<Body>("GET", path)).body;
const versions = [
  ["train", "validation"],
  ["train", "validation", "ood:a"],
  ["train", "ood:b"],
];

/** All of a list, page by page. */
async function walk(team: Team, path: string, of: "suites" | "versions"): Promise<Listed[]> {
  const found: Listed[] = [];
  for (let cursor = ""; ; ) {
    const page = await bodyOf<Record<string, Listed[]> & { next: string | null }>(team, `${path}?limit=1${cursor}`);
    found.push(...(page[of] ?? []));
    if (page.next === null) return found;
    cursor = `&cursor=${page.next}`;
  }
}

test("suites are listed by name at the version put last, and versions from the last to the first, page by page", async () => {
  const team = await newTeam();
  expect(await bodyOf(team, "/suites")).toEqual({ suites: [], next: null });
  const put: string[] = [];
  for (const names of versions) {
    const { body } = await team.call<Listed>("PUT", "/suites/b", { body: tableSuite(names) });
    put.push(body.version);
  }
  await team.call("PUT", "/suites/a", { body: tableSuite() });
  // The first again: it is the newest now.
  await team.call("PUT", "/suites/b", { body: tableSuite(versions[0]) });
  const suites = await walk(team, "/suites", "suites");
  expect(suites.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(suites[1]).toEqual(await bodyOf(team, "/suites/b"));
  expect(suites[1]?.version).toBe(put[0]);
  const listed = await walk(team, "/suites/b/versions", "versions");
  expect(listed.map(({ version }) => version)).toEqual([put[0], put[2], put[1]]);
  for (const version of listed) {
    expect(version.audit.splits.length).toBeGreaterThan(1);
    expect(await bodyOf(team, `/suites/b/versions/${version.version}`)).toEqual(version);
  }

  const absent = `sha256:${"0".repeat(64)}`;
  for (const path of ["/suites/no/versions", `/suites/no/versions/${absent}`, `/suites/b/versions/${absent}`]) {
    expectRefusal(await team.call("GET", path), { status: 404, code: "suite_not_found" });
  }
  const nonsense = await team.call("GET", "/suites/b/versions?cursor=suv_x");
  expectRefusal(nonsense, { status: 400, code: "invalid_request", says: "next" });
  const noName = await team.call("GET", "/suites?cursor=zz%20top");
  expectRefusal(noName, { status: 400, code: "invalid_request", says: "cursor" });
  const other = await newTeam();
  expect(await bodyOf(other, "/suites")).toEqual({ suites: [], next: null });
  expectRefusal(await other.call("GET", "/suites/b/versions"), { status: 404, code: "suite_not_found" });
});

test("a suite's page and a model's page show the audit", async () => {
  const team = await newTeam();
  await team.call("PUT", "/suites/shown", { body: tableSuite() });
  await team.client.createModel({ name: "shown", suite: "shown" });
  const form = { "content-type": "application/x-www-form-urlencoded", origin: team.service.url, accept: "text/html" };
  const signed = await call(team.service, "POST", "/sign-in", { headers: form, body: `key=${team.key}&next=/` });
  const cookie = (signed.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  for (const path of ["/suites/shown", "/models/shown"]) {
    const { status, text } = await call(team.service, "GET", path, { headers: { accept: "text/html", cookie } });
    expect(status).toBe(200);
    expect(text).toContain("nearly in train");
    expect(text).toContain("5.0 points");
  }
  const missing = await call(team.service, "GET", "/suites/none", { headers: { accept: "text/html", cookie } });
  expect(missing.status).toBe(404);
});
