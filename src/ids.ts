import { typeid } from "typeid-js";

/** What an id names, by its prefix (DESIGN: prefixed, sortable by creation, made in code). */
const PREFIX = {
  team: "tea",
  key: "key",
  session: "ses",
  suite: "sui",
  suiteVersion: "suv",
  model: "mdl",
  upload: "upl",
  checkpoint: "ckp",
  evaluation: "evl",
  transition: "trn",
  event: "evt",
  webhook: "whk",
  delivery: "dlv",
  deadLetter: "dle",
  request: "req",
} as const;

export type IdKind = keyof typeof PREFIX;

/** A new TypeID: the prefix and a UUIDv7 in base 32, for example `mdl_01k9…`. Sorts by creation time. */
export function newId(kind: IdKind): string {
  return typeid(PREFIX[kind]).toString();
}

/** Whether a path parameter has the shape of an id of this kind; anything else is taken for a name. */
export function isId(kind: IdKind, value: string): boolean {
  return value.startsWith(`${PREFIX[kind]}_`) && value.length === PREFIX[kind].length + 27;
}
