import { SUBSCRIBABLE } from "../../src/services/delivery/events.ts";
import { CONTENTS } from "./contents.ts";
import { HISTORY_STEPS } from "./steps.ts";

/** What may stand at a step: nothing, the imported history, or the nth content. */
export type Standing = "absent" | "history" | number;

export const EVENTS = SUBSCRIBABLE;

interface Hook {
  id: string;
  /** `unknown`: what was asked of it last was not answered. */
  state: "on" | "off" | "unknown";
}

/**
 * The service as a schedule's own account of it: of each step all that may stand there, for who was not answered
 * cannot know. What was answered leaves one.
 */
export class Reference {
  readonly steps = new Map<number, Set<Standing>>(HISTORY_STEPS.map((step) => [step, new Set<Standing>(["history"])]));
  /** Of weights without a graph, which accuracies may have been reported; null for none. */
  readonly reports = new Map<number, Set<number | null>>();
  /** Contents whose parts were joined: they become a step's, unless others stand there by then. */
  readonly #joined = new Map<number, Set<number>>();
  readonly hooks: Hook[] = [];
  /** Faults that met the work on evaluations: a unit is given up after five. */
  troubledWork = 0;

  at(step: number): Set<Standing> {
    return this.steps.get(step) ?? new Set(["absent"]);
  }

  reported(step: number): Set<number | null> {
    return this.reports.get(step) ?? new Set([null]);
  }

  /** A push was answered well: the bytes are there. */
  pushed(step: number, nth: number): void {
    this.steps.set(step, new Set([nth]));
  }

  /** A push was refused because other bytes are there. */
  taken(step: number, nth: number): void {
    const left = [...this.at(step)].filter((standing) => standing !== "absent" && standing !== nth);
    this.steps.set(step, new Set(left));
  }

  /** An upload was refused because something is there, perhaps its own bytes. */
  occupied(step: number): void {
    this.steps.set(step, new Set([...this.at(step)].filter((standing) => standing !== "absent")));
  }

  /** A push was not answered: it may have come to be where nothing stood. */
  maybePushed(step: number, nth: number): void {
    if (this.at(step).has("absent")) this.steps.set(step, new Set([...this.at(step), nth]));
  }

  /** An upload's parts are joined: what is read back in time takes the step, where nothing stands. */
  uploaded(step: number, nth: number): void {
    const others = [...this.at(step)].filter((standing) => standing !== "absent");
    this.steps.set(step, new Set([...others, nth]));
    this.#remember(step, nth);
  }

  maybeUploaded(step: number, nth: number): void {
    this.maybePushed(step, nth);
    this.#remember(step, nth);
  }

  #remember(step: number, nth: number): void {
    this.#joined.set(step, new Set([...(this.#joined.get(step) ?? []), nth]));
  }

  /** What was joined before may take the step after, for the deletion was not of the upload. */
  deleted(which: (step: number) => boolean): void {
    for (const step of this.steps.keys()) {
      if (!which(step)) continue;
      this.steps.set(step, new Set<Standing>(["absent", ...(this.#joined.get(step) ?? [])]));
      this.reports.delete(step);
    }
  }

  maybeDeleted(which: (step: number) => boolean): void {
    for (const step of this.steps.keys()) {
      if (!which(step)) continue;
      this.steps.set(step, new Set<Standing>([...this.at(step), "absent", ...(this.#joined.get(step) ?? [])]));
      this.reports.set(step, new Set([...this.reported(step), null]));
    }
  }

  reportTaken(step: number, nth: number): void {
    this.steps.set(step, new Set([CONTENTS - 1]));
    this.reports.set(step, new Set([nth]));
  }

  maybeReported(step: number, nth: number): void {
    this.reports.set(step, new Set([...this.reported(step), nth]));
  }

  subscribe({ id }: { id: string }): void {
    this.hooks.push({ id, state: "on" });
  }
}

export const newReference = (): Reference => new Reference();
