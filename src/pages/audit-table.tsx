import type { SplitAudit } from "../evaluation/audit-types.ts";
import { isContaminated } from "../services/judgement/suite-caveats.ts";
import type { SuiteVersionRow } from "../services/suite/internal.ts";

/** A change of accuracy in words. */
export const points = (change: number | null): string =>
  change === null ? "nothing" : `${(change * 100).toFixed(1)} points`;

interface Row {
  name: string;
  rows: number;
  chance: number;
  own: SplitAudit;
}

/** What the suite's audit found of each split: its balance, how small a change it can show, what it shares with train. */
export function AuditTable({ version: { splits, audit } }: { version: Pick<SuiteVersionRow, "splits" | "audit"> }) {
  if (!audit) return <p class="faint">This version is from before there were audits: put the suite again.</p>;
  const rows = splits.flatMap(({ name, rows, chance }): Row[] => {
    const own = audit.splits.find(({ split }) => split === name);
    return own ? [{ name, rows, chance, own }] : [];
  });
  return (
    <>
      <BalanceTable rows={rows} />
      <p class="faint">
        The smallest changes of accuracy that the distinct examples tell from noise at 95%: on the same examples, and
        between independent measurements. There one point takes {audit.examplesForOnePoint.toLocaleString("en")}{" "}
        examples.
      </p>
      <SharedTable rows={rows.filter(({ name }) => name !== "train")} />
    </>
  );
}

function BalanceTable({ rows }: { rows: readonly Row[] }) {
  return (
    <div class="scroll">
      <table>
        <tr>
          <th>split</th>
          <th>rows</th>
          <th>repeated</th>
          <th>classes</th>
          <th>commonest</th>
          <th>balance</th>
          <th>chance</th>
          <th>shows, same</th>
          <th>independent</th>
        </tr>
        {rows.map(({ name, rows, chance, own }) => (
          <tr>
            <td>{name}</td>
            <td class="number">{rows}</td>
            <td class="number">{own.duplicateRows}</td>
            <td class="number">{own.classes ?? ""}</td>
            <td class="number">{own.majority ? `${own.majority.share.toFixed(3)} of ${own.majority.class}` : ""}</td>
            <td class="number">{own.balance?.toFixed(2) ?? ""}</td>
            <td class="number">{chance.toFixed(3)}</td>
            <td class="number">{points(own.resolves.paired)}</td>
            <td class="number">{points(own.resolves.independent)}</td>
          </tr>
        ))}
      </table>
    </div>
  );
}

function SharedTable({ rows }: { rows: readonly Row[] }) {
  return (
    <div class="scroll">
      <table>
        <tr>
          <th>split</th>
          <th>in train</th>
          <th>with another answer</th>
          <th>nearly in train</th>
          <th>classes that train lacks</th>
        </tr>
        {rows.map(({ name, rows, own }) => (
          <tr>
            <td>{name}</td>
            <td class={isContaminated(own, rows) ? "number bad" : "number"}>{own.inTrain ?? ""}</td>
            <td class={own.conflicting ? "number bad" : "number"}>{own.conflicting ?? ""}</td>
            <td class="number">{own.nearTrain ?? ""}</td>
            <td class="number">{own.unseenClasses ?? ""}</td>
          </tr>
        ))}
      </table>
    </div>
  );
}
