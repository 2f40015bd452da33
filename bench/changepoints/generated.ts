import type { Annotated } from "./series.ts";

type Random = () => number;
type Noise = "white" | "AR(1) .5" | "Student t, 3";

export const NOISES: readonly Noise[] = ["white", "AR(1) .5", "Student t, 3"];

/** Series whose change points are known: `count` of them, each of 60 to 400 values with 0 to 4 changes of level. */
export function levels(noise: Noise, count: number): Annotated[] {
  return Array.from({ length: count }, (_, i) => {
    const random = randomFrom(i + 1);
    const n = 60 + Math.floor(random() * 341);
    const points = placesIn(n, Math.floor(random() * 5), random);
    let level = 0;
    const heights = Array.from({ length: n }, (_, at) => {
      if (points.includes(at)) level += (2 + 3 * random()) * (random() < 0.5 ? -1 : 1);
      return level;
    });
    return { name: `${noise} ${i}`, series: [addNoise(heights, noise, random)], annotators: [points] };
  });
}

/** Series of 200 values in which nothing changes. */
export function unchanged(noise: Noise, count: number): Annotated[] {
  return Array.from({ length: count }, (_, i) => {
    const series = [addNoise(new Array<number>(200).fill(0), noise, randomFrom(1000 + i))];
    return { name: `unchanged, ${noise} ${i}`, series, annotators: [[]] };
  });
}

/** `count` places, at least 15 from each other and from the ends. */
function placesIn(n: number, count: number, random: Random): number[] {
  const free = n - 15 * (count + 1);
  const cuts = Array.from({ length: count }, () => Math.floor(random() * Math.max(0, free))).toSorted((a, b) => a - b);
  return free > 0 ? cuts.map((cut, i) => cut + 15 * (i + 1)) : [];
}

/** Noise of standard deviation 1, but for Student's, which has a longer tail at scale 1. */
function addNoise(heights: readonly number[], noise: Noise, random: Random): number[] {
  let memory = normal(random);
  return heights.map((height) => {
    const z = normal(random);
    if (noise === "white") return height + z;
    if (noise === "Student t, 3") {
      const squares = normal(random) ** 2 + normal(random) ** 2 + normal(random) ** 2;
      return height + z / Math.sqrt(squares / 3);
    }
    memory = 0.5 * memory + Math.sqrt(0.75) * z;
    return height + memory;
  });
}

/** Box and Muller 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A linear congruential generator (Numerical Recipes' constants), the high bits used; the first values thrown away. */
function randomFrom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < 8; i += 1) next();
  return next;
}
