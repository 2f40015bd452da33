import type { App } from "../routes/app-type.ts";
export function registerPages(_app: App): void {}
