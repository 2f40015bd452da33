import { EXAMPLES_FOR_ONE_POINT } from "../evaluation/audit.ts";
import type { ListedModel } from "../services/model/list.ts";
import type { WebhookRow } from "../services/webhook/internal.ts";
import { points } from "./audit-table.tsx";
import { provenanceWords, verdictTone, verdictWords } from "./layout.tsx";

/** Of a model; its page has all. */
const SHOWN_CAVEATS = 2;

/** The team's models with their verdicts; `turnedOff` are webhooks that reach nobody any more. */
export function Dashboard({
  models,
  turnedOff,
}: {
  models: readonly ListedModel[];
  turnedOff: readonly Pick<WebhookRow, "id" | "disabledReason">[];
}) {
  return (
    <>
      <h1>Models</h1>
      {turnedOff.map(({ id, disabledReason }) => (
        <p class="bad">
          The webhook <code>{id}</code> was turned off:{" "}
          {disabledReason === "gone" ? "its receiver answered 410" : "its receiver failed for five days"}. Nothing is
          sent to it until <code>PATCH /webhooks/{id}</code> says <code>{'{"enabled": true}'}</code>.
        </p>
      ))}
      {models.length === 0 ? (
        <p>
          No model is under watch. <code>POST /models</code> makes one, <code>PUT /models/:id/checkpoints/:step</code>{" "}
          pushes a checkpoint.
        </p>
      ) : (
        <div class="scroll">
          <table>
            <tr>
              <th>model</th>
              <th>verdict</th>
              <th>sees</th>
              <th>suite</th>
              <th>since</th>
            </tr>
            {models.map(({ id, name, verdict, provenance, caveats, leastChange, suiteName, createdAt }) => (
              <tr>
                <td>
                  <a href={`/models/${id}`}>{name}</a>
                </td>
                <td class={verdictTone(verdict)}>
                  {verdictWords(verdict)}
                  {provenance && provenance !== "measured" ? (
                    <span class="faint"> ({provenanceWords(provenance)})</span>
                  ) : null}
                  {caveats.slice(0, SHOWN_CAVEATS).map(({ message }) => (
                    <div class="bad caveat">{message}</div>
                  ))}
                  {caveats.length > SHOWN_CAVEATS ? <div class="bad">And more splits like it.</div> : null}
                </td>
                <td class="number">{leastChange ? points(leastChange.paired) : ""}</td>
                <td>
                  <a href={`/suites/${suiteName}`}>{suiteName}</a>
                </td>
                <td class="faint">{createdAt.toISOString().slice(0, 16).replace("T", " ")}</td>
              </tr>
            ))}
          </table>
          <p class="faint">
            A verdict sees no smaller changes of accuracy than these, on the same examples of the deciding split that
            shows least. Between independent measurements one point takes {EXAMPLES_FOR_ONE_POINT.toLocaleString("en")}{" "}
            examples.
          </p>
        </div>
      )}
    </>
  );
}

/** `next` is the path to go to afterwards; `refused` after a key that was not known. */
export function SignIn({ next, refused }: { next: string; refused: boolean }) {
  return (
    <>
      <h1>Sign in</h1>
      <form class="sign-in" method="post" action="/sign-in">
        <input type="hidden" name="next" value={next} />
        <label for="key">Key</label>
        <input id="key" name="key" type="password" autocomplete="off" required />
        {refused ? (
          <p class="bad" role="alert">
            The key is not known, or was revoked.
          </p>
        ) : null}
        <button type="submit">Sign in</button>
        <p class="faint">The key is exchanged for a session of 12 hours that can read, and no more.</p>
      </form>
    </>
  );
}
