import type { FoundEvent } from "../series.ts";
import { countedEvents } from "./events.ts";
import { mean, type Sums } from "./sums.ts";

/**
 * The events that a segmentation shows. `starts` are the first indices of every segment but the first, rising; each is
 * a change from one segment's mean to the next one's, and its onset is the last checkpoint of the former. A segmenter
 * that only looks back leaves `detectedAt` out.
 */
export function eventsOfSegments(
  sums: Sums,
  starts: readonly number[],
  detectedAt: (start: number) => number | null = () => null,
): FoundEvent[] {
  const bounds = [0, ...starts, sums.length];
  const level = (k: number) => mean(sums, bounds[k] ?? 0, bounds[k + 1] ?? sums.length);
  return countedEvents(
    sums,
    starts.map((start, k) => ({
      onset: start - 1,
      detectedAt: detectedAt(start),
      before: level(k),
      after: level(k + 1),
    })),
  );
}
