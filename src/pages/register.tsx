import type { z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { csrf } from "hono/csrf";
import { createMiddleware } from "hono/factory";
import { html } from "hono/html";
import { HTTPException } from "hono/http-exception";
import type { Child } from "hono/jsx";
import { NONCE, secureHeaders } from "hono/secure-headers";
import type { TeamContext } from "../context.ts";
import { DomainError, toProblem } from "../errors.ts";
import type { App, AppEnv, RouteContext } from "../routes/app-type.ts";
import { SESSION_COOKIE } from "../routes/authenticate.ts";
import { declaredLength } from "../routes/body.ts";
import { CompareQuery, readComparison } from "../routes/compare.ts";
import { EnsembleQuery, readEnsemble } from "../routes/ensembles.ts";
import { readTrajectory } from "../services/checkpoint/trajectory.ts";
import { getVerdict } from "../services/judgement/get-verdict.ts";
import { authenticateSession, closeSession, openSession } from "../services/key/authenticate.ts";
import { getModel } from "../services/model/internal.ts";
import { listModels } from "../services/model/list.ts";
import { listVersions } from "../services/suite/list.ts";
import { getSuite } from "../services/suite/put.ts";
import { listTurnedOff } from "../services/webhook/internal.ts";
import { ComparePage } from "./compare-page.tsx";
import { Dashboard, SignIn } from "./dashboard.tsx";
import { EnsemblePage } from "./ensemble-page.tsx";
import { Layout } from "./layout.tsx";
import { ModelPage } from "./model-page.tsx";
import { SuitePage } from "./suite-page.tsx";

const REFRESH_SECONDS = 2;
/** A plot of more points than this would be a smear: the API pages through the rest. */
const PLOTTED_POINTS = 10_000;
const LISTED_MODELS = 200;
/** A key and a path. */
const MAX_FORM_BYTES = 4096;

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: [NONCE],
    scriptSrc: [NONCE],
    imgSrc: ["'self'", "data:"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  referrerPolicy: "same-origin",
});

/** Pages live at the paths of the API and answer where `Accept` asks for HTML; other requests pass on. */
export function registerPages(app: App): void {
  app.get("/sign-in", headers, (c) => page(c, { title: "Sign in" }, <SignIn next={nextPath(c)} refused={false} />));
  app.post("/sign-in", headers, limitForm, guardForm, signIn);
  app.post("/sign-out", headers, limitForm, guardForm, signOut);

  app.get(
    "/",
    browserPage(async (c, team) => {
      const models = await listModels(team, { limit: LISTED_MODELS, before: undefined });
      const turnedOff = await listTurnedOff(team);
      return page(
        c,
        { title: "Models", refreshSeconds: REFRESH_SECONDS },
        <Dashboard models={models} turnedOff={turnedOff} />,
      );
    }),
  );
  // The list and the dashboard are the same thing to a person.
  app.get(
    "/models",
    browserPage(async (c) => c.redirect("/", 303)),
  );
  app.get("/models/:id", browserPage(modelPage));
  app.get("/models/:id/compare", browserPage(comparePage));
  app.get("/suites/:name", browserPage(suitePage));
  app.get("/ensembles/:name", browserPage(ensemblePage));
}

const LISTED_VERSIONS = 100;

async function suitePage(c: RouteContext, team: TeamContext): Promise<Response> {
  const suite = await getSuite(team, c.req.param("name") ?? "");
  const versions = await listVersions(team, suite.name, { limit: LISTED_VERSIONS, cursor: undefined });
  return page(c, { title: suite.name }, <SuitePage suite={suite} versions={versions} />);
}

async function modelPage(c: RouteContext, team: TeamContext): Promise<Response> {
  const model = await getModel(team, c.req.param("id") ?? "");
  const verdict = await getVerdict(team, model);
  const points = await readTrajectory(team, model, { limit: PLOTTED_POINTS, after: undefined });
  const axis = c.req.query("axis") === "log" ? "log" : "linear";
  return page(
    c,
    { title: model.name, refreshSeconds: REFRESH_SECONDS },
    <ModelPage model={model} verdict={verdict} points={points} axis={axis} />,
  );
}

async function ensemblePage(c: RouteContext, team: TeamContext): Promise<Response> {
  const query = readQuery(c, EnsembleQuery);
  const ensemble = await readEnsemble(team, c.req.param("name") ?? "", query);
  return page(c, { title: ensemble.ensemble }, <EnsemblePage ensemble={ensemble} setting={query.setting} />);
}

async function comparePage(c: RouteContext, team: TeamContext): Promise<Response> {
  const asked = c.req.query();
  const comparison = await readComparison(team, c.req.param("id") ?? "", readQuery(c, CompareQuery));
  const link = (changes: Record<string, string>) => `?${new URLSearchParams({ ...asked, ...changes })}`;
  return page(c, { title: `${comparison.after.name} compared` }, <ComparePage comparison={comparison} link={link} />);
}

/** The query as the route of the same path reads it. */
function readQuery<Schema extends z.ZodType>(c: RouteContext, schema: Schema): z.infer<Schema> {
  const query = schema.safeParse(c.req.query());
  if (query.success) return query.data;
  const [wrong] = query.error.issues;
  throw new DomainError("invalid_request", `${wrong?.path.join(".")}: ${wrong?.message}.`);
}

/** A page for somebody who is signed in; everybody else signs in first, and everything but a browser passes on. */
function browserPage(show: (c: RouteContext, team: TeamContext) => Promise<Response>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.header("vary", "Accept", { append: true });
    if (!/\btext\/html\b/.test(c.req.header("accept") ?? "")) return await next();
    await headers(c, async () => {
      const team = await signedIn(c);
      c.res = team
        ? await showOrRefuse(c, team, show)
        : c.redirect(`/sign-in?next=${encodeURIComponent(pathOf(c))}`, 303);
    });
  };
}

/** What was asked for and is not to be had is a page too; what failed on our side is the error handler's. */
async function showOrRefuse(
  c: RouteContext,
  team: TeamContext,
  show: (c: RouteContext, team: TeamContext) => Promise<Response>,
): Promise<Response> {
  try {
    return await show(c, team);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const { title, status } = toProblem(error, c.var.requestId);
    if (!isRefusal(status)) throw error;
    c.status(status);
    return await page(c, { title }, <p>{error.message}</p>);
  }
}

const isRefusal = (status: number): status is 400 | 404 | 409 | 422 => [400, 404, 409, 422].includes(status);

/** The team behind the browser's session, or null where it has none that still holds. */
async function signedIn(c: RouteContext): Promise<TeamContext | null> {
  const token = getCookie(c, SESSION_COOKIE);
  if (!token) return null;
  try {
    return { ...c.var.ctx, actor: await authenticateSession(c.var.ctx, token) };
  } catch (error) {
    if (error instanceof DomainError && error.code === "unauthorized") return null;
    throw error;
  }
}

async function signIn(c: RouteContext): Promise<Response> {
  const form = await c.req.parseBody();
  const next = safePath(String(form["next"] ?? "/"));
  try {
    const session = await openSession(c.var.ctx, String(form["key"] ?? "").trim());
    setCookie(c, SESSION_COOKIE, session.token, {
      httpOnly: true,
      sameSite: "Lax",
      // The local stack has no TLS.
      secure: !c.var.config.local,
      path: "/",
      expires: session.expiresAt,
    });
    return c.redirect(next, 303);
  } catch (error) {
    if (!(error instanceof DomainError && error.code === "unauthorized")) throw error;
    c.status(401);
    return await page(c, { title: "Sign in" }, <SignIn next={next} refused={true} />);
  }
}

async function signOut(c: RouteContext): Promise<Response> {
  const token = getCookie(c, SESSION_COOKIE);
  if (token) await closeSession(c.var.ctx, token);
  deleteCookie(c, SESSION_COOKIE, { path: "/" });
  return c.redirect("/sign-in", 303);
}

/** Anybody may send one, so it is weighed before it is read. */
const limitForm = createMiddleware<AppEnv>(async (c, next) => {
  declaredLength(c, MAX_FORM_BYTES);
  await next();
});

/** A form from another site must not sign anybody in or out. */
const guardForm = createMiddleware<AppEnv>(async (c, next) => {
  try {
    return await csrf()(c, next);
  } catch (error) {
    if (error instanceof HTTPException) throw new DomainError("cross_site", "Send the form from the site itself.");
    throw error;
  }
});

async function page(
  c: RouteContext,
  options: { title: string; refreshSeconds?: number },
  body: Child,
): Promise<Response> {
  const nonce = c.get("secureHeadersNonce") ?? "";
  const signed = getCookie(c, SESSION_COOKIE) !== undefined;
  c.header("cache-control", "no-store");
  const document = (
    <Layout {...options} nonce={nonce} signedIn={signed}>
      {body}
    </Layout>
  );
  return c.html(html`<!doctype html>${document}`);
}

function nextPath(c: RouteContext): string {
  return safePath(c.req.query("next") ?? "/");
}

function pathOf(c: RouteContext): string {
  const { pathname, search } = new URL(c.req.url);
  return pathname + search;
}

/**
 * A path of this site, or its root. Read as a browser reads it: `//host`, `/\\host` and `/<tab>/host` lead to another
 * site, and so does a path that only turns into one of them when it is normalised.
 */
function safePath(path: string): string {
  const here = "http://this.site";
  const url = URL.parse(path, here);
  return url?.origin === here && !url.pathname.startsWith("//") ? url.pathname + url.search : "/";
}
