import { expect, test } from "vitest";
import { openArtifact } from "../../src/services/checkpoint/open-artifact.ts";
import { getModel } from "../../src/services/model/internal.ts";
import { contextOf } from "./in-process.ts";
import { digestOf, newUploader, small, storeOf } from "./presigned.ts";

const LENGTH = small("a").length;

test.each([
  { range: undefined, status: 200, from: 0, to: LENGTH },
  { range: "bytes=0-0", status: 206, from: 0, to: 1 },
  { range: "bytes=100-", status: 206, from: 100, to: LENGTH },
  { range: "bytes=100-199", status: 206, from: 100, to: 200 },
  { range: `bytes=100-${LENGTH + 5}`, status: 206, from: 100, to: LENGTH },
  // As RFC 9110 allows: what is not understood, or not there, is answered with the whole.
  { range: `bytes=${LENGTH}-`, status: 200, from: 0, to: LENGTH },
  { range: "bytes=5-2", status: 200, from: 0, to: LENGTH },
  { range: "bytes=-5", status: 200, from: 0, to: LENGTH },
  { range: "bytes=0-1,4-5", status: 200, from: 0, to: LENGTH },
  { range: "rows=0-1", status: 200, from: 0, to: LENGTH },
])("GET and HEAD of $range answer $status with the same headers", async ({ range, status, from, to }) => {
  const { team, id } = await newUploader();
  const body = small("a");
  await team.call("PUT", `/models/${id}/checkpoints/1`, { body });
  const ask = (method: string) =>
    fetch(`${team.service.url}/models/${id}/checkpoints/1/artifact`, {
      method,
      headers: { authorization: `Bearer ${team.key}`, "accept-encoding": "identity", ...(range && { range }) },
    });
  const [got, head] = [await ask("GET"), await ask("HEAD")];
  expect(got.status).toBe(status);
  expect(Buffer.from(await got.arrayBuffer()).equals(body.subarray(from, to))).toBe(true);
  const headers = ["content-length", "content-range", "content-type", "etag", "repr-digest", "accept-ranges"];
  expect(headers.map((name) => [name, head.headers.get(name)])).toEqual(
    headers.map((name) => [name, got.headers.get(name)]),
  );
  expect(head.headers.get("content-length")).toBe(`${to - from}`);
  expect(head.headers.get("etag")).toBe(`"${digestOf(body)}"`);
  expect(head.status).toBe(status);
});

test.each([
  { name: "deleted", next: null, code: "checkpoint_not_found" },
  { name: "deleted and pushed with other bytes", next: small("b"), code: null },
])("bytes whose step is $name between the row and the store are told as it stands then", async ({ next, code }) => {
  const { team, id } = await newUploader();
  const at = `/models/${id}/checkpoints/1`;
  await team.call("PUT", at, { body: small("a") });
  const store = storeOf(team);
  let asked = 0;
  const open: typeof store.open = async (...args) => {
    asked += 1;
    if (asked === 1) {
      await team.call("DELETE", at);
      if (next) await team.call("PUT", at, { body: next });
    }
    return await store.open(...args);
  };
  const ctx = contextOf(team, ["read"], { artifacts: { ...store, open } });
  const opening = openArtifact(ctx, await getModel(ctx, id), 1, null);
  if (code) await expect(opening).rejects.toMatchObject({ code });
  else expect(await opening).toMatchObject({ digest: digestOf(small("b")), bytes: LENGTH });
});
