import { eq } from "drizzle-orm";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { webhooks } from "../../src/database/schema.ts";
import { chunked, expectTooLong, sendRaw } from "./bodies.ts";
import { CHROMIUM, hasChromium, openBrowser } from "./browser.ts";
import { expectRefusal } from "./refused.ts";
import { call, newTeam, shared, type Team } from "./service.ts";
import { newTableModel, pushAll, SCRIPTS, settledVerdict } from "./trajectories.ts";

const HTML = { accept: "text/html,application/xhtml+xml" };

async function signIn(page: Page, team: Team, path: string): Promise<void> {
  await page.goto(team.service.url + path);
  await page.fill("#key", team.key);
  await page.click("form.sign-in button");
}

test("somebody who is not signed in is sent to sign in and comes back", async () => {
  const answer = await call(shared(), "GET", "/models/x?axis=log", { headers: HTML });
  expect(answer.status).toBe(303);
  expect(answer.headers.get("location")).toBe("/sign-in?next=%2Fmodels%2Fx%3Faxis%3Dlog");
});

test("a form from another site signs nobody in", async () => {
  const team = await newTeam();
  const headers = { "content-type": "application/x-www-form-urlencoded", origin: "https://evil.example" };
  const answer = await call(shared(), "POST", "/sign-in", { headers, body: `key=${team.key}` });
  expect(answer).toMatchObject({ status: 403, body: { code: "cross_site" } });
  expect(answer.headers.get("set-cookie")).toBeNull();
});

test("after signing in the browser stays on this site, whatever the form says", async () => {
  const team = await newTeam();
  const headers = { "content-type": "application/x-www-form-urlencoded", origin: shared().url, ...HTML };
  for (const next of [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/\t/evil.example",
    "/.//evil.example",
  ]) {
    const body = new URLSearchParams({ key: team.key, next }).toString();
    const answer = await call(shared(), "POST", "/sign-in", { headers, body });
    expect([next, answer.status, answer.headers.get("location")]).toEqual([next, 303, "/"]);
    expect(answer.headers.get("set-cookie")).toMatch(/HttpOnly.*SameSite=Lax/i);
  }
});

test.each(["/sign-in", "/sign-out"])(
  "POST %s takes a form's few bytes, and says so before it reads more",
  async (path) => {
    const team = await newTeam();
    const form = { "content-type": "application/x-www-form-urlencoded", origin: team.service.url };
    const body = Buffer.from(`key=${"x".repeat(5000)}`);
    const tooLarge = await call(team.service, "POST", path, { headers: form, body: Uint8Array.from(body) });
    expectRefusal(tooLarge, { status: 413, code: "body_too_large", says: "4096" });
    // Declared, and never sent: nothing waits for it.
    await expectTooLong(team, { method: "POST", path, headers: form }, 95_000_000);
    const headers = { ...form, "transfer-encoding": "chunked" };
    const undeclared = await sendRaw(team, { method: "POST", path, headers, body: chunked(body) });
    if (!undeclared) throw new Error("no answer");
    expectRefusal(undeclared, { status: 411, code: "length_required" });
  },
);

describe.skipIf(!hasChromium)(`in a browser (skipped where there is no ${CHROMIUM})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser.close();
  });

  test("the page of a model shows its verdict, curves and transitions, and follows the training", async () => {
    const team = await newTeam();
    const model = await newTableModel(team);
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));

    await signIn(page, team, `/models/${model.name}`);
    await page.waitForSelector("text=insufficient evidence");
    expect(await page.textContent("main")).toContain("Nothing is evaluated yet.");

    await pushAll(team, model.id, SCRIPTS.grokked);
    await settledVerdict(team, model.id);
    // Nobody reloads: the page does it.
    await page.waitForSelector("p.verdict.good");
    expect(await page.textContent("p.verdict")).toBe("generalizer");
    expect(await page.locator("figure > svg polyline").count()).toBe(4);
    expect(await page.locator("figure > svg g.transition").count()).toBeGreaterThanOrEqual(1);
    expect(await page.textContent("main")).toContain("weight norm");

    await page.click("text=logarithmic");
    await page.waitForSelector("text=step (logarithmic)");
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a wrong key is told so, and signing out ends the session", async () => {
    const team = await newTeam();
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${team.service.url}/sign-in`);
    await page.fill("#key", "cp_wrong");
    await page.click("form.sign-in button");
    await page.waitForSelector("[role=alert]");
    await signIn(page, team, "/");
    await page.waitForSelector("text=No model is under watch");
    const cookie = (await context.cookies())[0];
    await page.click("text=Sign out");
    await page.waitForSelector("#key");
    const headers = { ...HTML, cookie: `${cookie?.name}=${cookie?.value}` };
    expect((await call(team.service, "GET", "/", { headers })).status).toBe(303);
    await context.close();
  });
});

test("the dashboard names the webhooks that the service turned off, and none that a person did", async () => {
  const team = await newTeam();
  const made = async (values: Partial<typeof webhooks.$inferInsert>) => {
    const { body } = await team.call<{ id: string }>("POST", "/webhooks", { body: { url: "http://127.0.0.1:9/" } });
    await team.db.update(webhooks).set(values).where(eq(webhooks.id, body.id));
    return body.id;
  };
  const gone = await made({ enabled: false, disabledReason: "gone" });
  const failing = await made({ enabled: false, disabledReason: "failing" });
  const asked = await made({ enabled: false, disabledReason: "asked" });
  const well = await made({ enabled: true });
  const form = { "content-type": "application/x-www-form-urlencoded", origin: team.service.url };
  const body = new URLSearchParams({ key: team.key }).toString();
  const session = await call(team.service, "POST", "/sign-in", { headers: form, body });
  const cookie = session.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { text } = await call(team.service, "GET", "/", { headers: { ...HTML, cookie } });
  expect(text).toMatch(new RegExp(`${gone}.*answered 410`));
  expect(text).toMatch(new RegExp(`${failing}.*failed for five days`));
  expect(text).not.toContain(asked);
  expect(text).not.toContain(well);
});

test("names that a team chose are text on the page, never markup", async () => {
  const team = await newTeam();
  const { body } = await call<{ detail: string }>(team.service, "POST", "/models", {
    key: team.key,
    body: { name: "<script>alert(1)</script>", suite: "x" },
  });
  expect(body.detail).toMatch(/^name: must be/);
  const missing = await call(
    team.service,
    "GET",
    `/sign-in?next=${encodeURIComponent('/"><script>alert(1)</script>')}`,
    {
      headers: HTML,
    },
  );
  expect(missing.text).not.toContain("<script>alert");
});
