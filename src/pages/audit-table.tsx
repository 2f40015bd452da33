import { isContaminated } from "../services/judgement/suite-caveats.ts";
import type { SuiteVersionRow } from "../services/suite/internal.ts";

const points = (change: number | null): string => (change === null ? "nothing" : `${(change * 100).toFixed(1)} points`);

/** What the suite's audit found of each split: what it shares with train, and how small a change it can show. */
export function AuditTable({ version: { splits, audit } }: { version: Pick<SuiteVersionRow, "splits" | "audit"> }) {
  if (!audit) return <p class="faint">This version is from before there were audits: put the suite again.</p>;
  return (
    <div class="scroll">
      <table>
        <tr>
          <th>split</th>
          <th>rows</th>
          <th>chance</th>
          <th>in train</th>
          <th>nearly in train</th>
          <th>repeated rows</th>
          <th>resolves, on the same examples</th>
        </tr>
        {splits.map(({ name, rows, chance }) => {
          const own = audit.splits.find(({ split }) => split === name);
          if (!own) return null;
          return (
            <tr>
              <td>{name}</td>
              <td class="number">{rows}</td>
              <td class="number">{chance.toFixed(3)}</td>
              <td class={isContaminated(own, rows) ? "number bad" : "number"}>{own.inTrain ?? ""}</td>
              <td class="number">{own.nearTrain ?? ""}</td>
              <td class="number">{own.duplicateRows}</td>
              <td class="number">{points(own.resolves.paired)}</td>
            </tr>
          );
        })}
      </table>
    </div>
  );
}
