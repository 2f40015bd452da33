import type { Child } from "hono/jsx";
import type { EvidenceProvenance } from "../services/judgement/provenance.ts";

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #667; --line: #d8dde3; --ground: #fff; --panel: #f6f8fa;
  --good: #11734b; --bad: #b3261e; --wait: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --faint: #99a3b0; --line: #363d47; --ground: #14171b;
  --panel: #1c2127; --good: #4cc38a; --bad: #ff8a80; --wait: #ffc66d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; justify-content: space-between; align-items: center; padding-top: 1rem; padding-bottom: .5rem; }
header a { color: inherit; font-weight: 600; text-decoration: none; }
h1 { font-size: 1.35rem; margin: .5rem 0; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
a { color: inherit; }
code, .number { font-family: ui-monospace, monospace; font-size: .9em; }
.verdict { font-size: 1.9rem; font-weight: 700; margin: .25rem 0 0; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
.summary { margin: .25rem 0 1rem; max-width: 46rem; }
.faint { color: var(--faint); }
ul.facts { display: flex; flex-wrap: wrap; gap: .4rem 1.4rem; list-style: none; padding: 0; margin: 0 0 1rem; }
ul.facts b { font-weight: 600; }
ul.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0; margin: .25rem 0; }
ul.legend svg { width: 1.6rem; height: .6rem; margin-right: .35rem; }
figure { margin: 0; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .75rem; }
figure > svg { width: 100%; height: auto; display: block; }
svg .grid { stroke: var(--line); } svg .tick { font-size: 11px; fill: var(--faint); }
svg .axis { font-size: 12px; fill: var(--ink); } svg .transition rect { opacity: .1; }
svg .transition line { stroke-dasharray: 2 3; opacity: .8; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .3rem .8rem .3rem 0;
  border-bottom: 1px solid var(--line); white-space: nowrap; } th { font-weight: 600; color: var(--faint); }
.caveat { white-space: normal; max-width: 26rem; }
form.sign-in { max-width: 26rem; display: grid; gap: .6rem; }
input, button { font: inherit; padding: .45rem .6rem; border-radius: 6px; border: 1px solid var(--line);
  background: var(--panel); color: inherit; }
button { cursor: pointer; }
`;

/**
 * Replaces the page's main part with its newest state while somebody looks. The page says itself when to stop: a
 * failed or signed-out answer leaves the last good state standing.
 */
const REFRESH = `
const every = Number(document.body.dataset.refresh) * 1000;
if (every) setInterval(async () => {
  if (document.hidden || getSelection()?.type === "Range") return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return;
    const text = await answer.text();
    // The main part alone: the answer's own style carries another nonce, which this page's policy refuses.
    const main = text.slice(text.indexOf("<main>"), text.indexOf("</main>"));
    const next = new DOMParser().parseFromString(main, "text/html").querySelector("main");
    const now = document.querySelector("main");
    if (next && now && next.innerHTML !== now.innerHTML) now.replaceWith(next);
  } catch {}
}, every);
`;

export interface LayoutProps {
  title: string;
  nonce: string;
  /** Whether somebody is signed in. */
  signedIn: boolean;
  /** Seconds between refreshes; 0 for a page that stays as it is. */
  refreshSeconds?: number;
  children?: Child;
}

export function Layout({ title, nonce, signedIn, refreshSeconds = 0, children }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · Curie Point`}</title>
        <link rel="icon" href="data:," />
        <style nonce={nonce} dangerouslySetInnerHTML={{ __html: STYLE }} />
      </head>
      <body data-refresh={String(refreshSeconds)}>
        <header>
          <a href="/">Curie Point</a>
          {signedIn ? (
            <form method="post" action="/sign-out">
              <button type="submit">Sign out</button>
            </form>
          ) : null}
        </header>
        <main>{children}</main>
        {refreshSeconds > 0 ? <script nonce={nonce} dangerouslySetInnerHTML={{ __html: REFRESH }} /> : null}
      </body>
    </html>
  );
}

/** How a verdict feels: to deploy, to stop at, or to wait for. */
export function verdictTone(verdict: string | null): "good" | "bad" | "wait" {
  if (verdict === "generalizer") return "good";
  if (verdict === "memorizer" || verdict === "regressed" || verdict === "underfit") return "bad";
  return "wait";
}

export function provenanceWords(provenance: EvidenceProvenance): string {
  return { measured: "measured here", reported: "reported", mixed: "partly reported" }[provenance];
}

export function verdictWords(verdict: string | null): string {
  return (verdict ?? "not evaluated yet").replaceAll("_", " ");
}
