import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { LimitFunction } from "p-limit";
import { ApiError } from "../../trainer/src/client/errors.ts";
import { type RetrySettings, sendWithRetries } from "../../trainer/src/client/retry.ts";
import type { FileProgress } from "./push-progress.ts";

interface Part {
  offset: number;
  bytes: number;
  stored: boolean;
  url: string | null;
}

interface Upload {
  id: string;
  status: "receiving" | "verifying" | "complete" | "refused";
  parts: Part[];
  problem: { code: string; detail: string } | null;
}

export interface PartsTarget {
  url: string;
  key: string;
  model: string;
  retry: RetrySettings;
  /** Shared by all files: how many parts are on their way at once. */
  limit: LimitFunction;
}

/** Addresses run out, and a store may lose a part: what is missing is asked for and sent again, so often. */
const ROUNDS = 3;
const FORBIDDEN = 403;

/**
 * Puts a large file straight to the store in parts, and waits until it was read back. Parts that are in are not sent
 * again, whoever sent them. `new` is false where the step held the same bytes already.
 * @throws ApiError where the service refuses; ServiceUnavailable
 */
export async function pushInParts(
  target: PartsTarget,
  step: number,
  file: { path: string; bytes: number },
  progress: FileProgress,
): Promise<{ new: boolean }> {
  const ask = asking(target);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file.path)) hash.update(chunk);
  const digest = `sha256:${hash.digest("hex")}`;
  const place = `/models/${encodeURIComponent(target.model)}/checkpoints/${step}`;
  let upload: Upload;
  try {
    upload = await ask<Upload>("POST", `${place}/uploads`, { bytes: file.bytes, digest });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== "step_taken") throw error;
    if ((await ask<{ digest: string | null }>("GET", place)).digest !== digest) throw error;
    return { new: false };
  }
  progress.stage("sending");
  for (const part of upload.parts) if (part.stored) progress.add(part.bytes);
  const handle = await open(file.path);
  try {
    upload = await sendMissing(target, upload, handle, progress);
  } finally {
    await handle.close();
  }
  progress.stage("checking");
  while (upload.status === "verifying") {
    await pause(1000);
    upload = await ask<Upload>("GET", `/uploads/${upload.id}`);
  }
  if (upload.status !== "complete") throw new Error(upload.problem?.detail ?? `the upload is ${upload.status}`);
  return { new: true };
}

/** Sends what is missing until the service can join the parts. */
async function sendMissing(
  target: PartsTarget,
  begun: Upload,
  handle: FileHandle,
  progress: FileProgress,
): Promise<Upload> {
  const ask = asking(target);
  for (let upload = begun, round = 1; ; round += 1) {
    const missing = upload.parts.filter(({ stored }) => !stored);
    await Promise.all(
      missing.map((part) =>
        target.limit(async () => {
          if (await sendPart(handle, part, target.retry)) progress.add(part.bytes);
        }),
      ),
    );
    try {
      return await ask<Upload>("POST", `/uploads/${upload.id}/complete`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "upload_incomplete" || round === ROUNDS) throw error;
    }
    upload = await ask<Upload>("GET", `/uploads/${upload.id}`);
  }
}

/** Whether the store has taken it: an address that has run out is not the part's fault. */
async function sendPart(handle: FileHandle, { offset, bytes, url }: Part, retry: RetrySettings): Promise<boolean> {
  const body = new Uint8Array(bytes);
  const { bytesRead } = await handle.read(body, 0, bytes, offset);
  if (bytesRead !== bytes) throw new Error("the file became shorter while it was pushed");
  try {
    await sendWithRetries((signal) => fetch(`${url}`, { method: "PUT", body, signal }), retry);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === FORBIDDEN) return false;
    throw error;
  }
}

function asking({ url, key, retry }: PartsTarget) {
  const base = url.replace(/\/+$/, "");
  return async <Body>(method: string, at: string, body?: object): Promise<Body> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const request = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const answer = await sendWithRetries((signal) => fetch(base + at, { ...request, signal }), retry);
    return JSON.parse(answer.body) as Body;
  };
}
