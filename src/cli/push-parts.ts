import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { ApiError } from "../../trainer/src/client/errors.ts";
import { type RetrySettings, sendWithRetries } from "../../trainer/src/client/retry.ts";

interface Upload {
  id: string;
  status: "receiving" | "verifying" | "complete" | "refused";
  parts: { offset: number; bytes: number; stored: boolean; url: string | null }[];
  problem: { code: string; detail: string } | null;
}

export interface PartsTarget {
  url: string;
  key: string;
  model: string;
  retry: RetrySettings;
}

/**
 * Puts a large file straight to the store, a part after the other, and waits until it was read back. Parts that are in
 * are not sent again. `new` is false where the step held the same bytes already.
 * @throws ApiError where the service refuses; ServiceUnavailable
 */
export async function pushInParts(target: PartsTarget, step: number, path: string) {
  const base = target.url.replace(/\/+$/, "");
  const ask = async <Body>(method: string, at: string, body?: object) => {
    const headers = { authorization: `Bearer ${target.key}`, "content-type": "application/json" };
    const request = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const answer = await sendWithRetries((signal) => fetch(base + at, { ...request, signal }), target.retry);
    return JSON.parse(answer.body) as Body;
  };
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  const file = { bytes: (await stat(path)).size, digest: `sha256:${hash.digest("hex")}` };
  const place = `/models/${encodeURIComponent(target.model)}/checkpoints/${step}`;
  let upload: Upload;
  try {
    upload = await ask<Upload>("POST", `${place}/uploads`, file);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "step_taken") throw error;
    if ((await ask<{ digest: string | null }>("GET", place)).digest !== file.digest) throw error;
    return { new: false, sent: 0 };
  }
  const missing = upload.parts.filter(({ stored }) => !stored);
  const handle = await open(path);
  try {
    for (const { offset, bytes, url } of missing) {
      const body = new Uint8Array(bytes);
      const { bytesRead } = await handle.read(body, 0, bytes, offset);
      if (bytesRead !== bytes) throw new Error("the file became shorter while it was pushed");
      await sendWithRetries((signal) => fetch(`${url}`, { method: "PUT", body, signal }), target.retry);
    }
  } finally {
    await handle.close();
  }
  upload = await ask<Upload>("POST", `/uploads/${upload.id}/complete`);
  while (upload.status === "verifying") {
    await pause(1000);
    upload = await ask<Upload>("GET", `/uploads/${upload.id}`);
  }
  if (upload.status !== "complete") throw new Error(upload.problem?.detail ?? `the upload is ${upload.status}`);
  return { new: true, sent: missing.length };
}
