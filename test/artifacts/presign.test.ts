import { expect, test } from "vitest";
import { presign, presignPart } from "../../src/artifacts/presign.ts";

const KEYS = {
  region: "us-east-1",
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const AT = { now: new Date("2013-05-24T00:00:00Z"), seconds: 86_400 };

test("AWS's documented example of a presigned URL", async () => {
  const url = new URL("https://examplebucket.s3.amazonaws.com/test.txt");
  const signed = await presign(KEYS, { method: "GET", url, query: {}, headers: { host: url.host } }, AT);
  expect(new URL(signed).searchParams.get("X-Amz-Signature")).toBe(
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

test("a part's URL signs its length, its number and its upload", async () => {
  const config = { ...KEYS, endpoint: "https://store.example.com", bucket: "b" };
  const part = { key: "team/artifacts/a b", multipartId: "id/+=", number: 3, bytes: 7 };
  const signed = new URL(await presignPart(config, part, AT));
  expect(signed.pathname).toBe("/b/team/artifacts/a%20b");
  expect(Object.fromEntries(signed.searchParams)).toMatchObject({
    "X-Amz-SignedHeaders": "content-length;host",
    "X-Amz-Expires": "86400",
    partNumber: "3",
    uploadId: "id/+=",
  });
  const other = new URL(await presignPart(config, { ...part, bytes: 8 }, AT));
  expect(other.searchParams.get("X-Amz-Signature")).not.toBe(signed.searchParams.get("X-Amz-Signature"));
});
