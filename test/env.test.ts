import { expect, test } from "vitest";
import { type Env, parseEnv } from "../src/env.ts";

const queue = { send: async () => {} } as unknown as Queue<never>;
const whole: Env = {
  DATABASE_URL: "postgres://localhost/db",
  S3_ENDPOINT: "http://localhost:9000",
  S3_BUCKET: "bucket",
  S3_ACCESS_KEY_ID: "key",
  S3_SECRET_ACCESS_KEY: "secret",
  EVALUATIONS: queue,
  DELIVERIES: queue,
};

test("files to 32 GB are taken where nothing else is said, and others where it is", () => {
  expect(parseEnv(whole).maxUploadBytes).toBe(32_000_000_000);
  expect(parseEnv({ ...whole, MAX_UPLOAD_BYTES: "5000" }).maxUploadBytes).toBe(5000);
});

test("what is missing is named, all of it", () => {
  const { S3_BUCKET: _, DATABASE_URL: __, ...rest } = whole;
  expect(() => parseEnv(rest)).toThrow("Missing bindings: S3_BUCKET, DATABASE_URL.");
});

test.each(["32 GB", "", "-1", "0", "NaN"])("a limit of %j is refused, for it would limit nothing", (value) => {
  expect(() => parseEnv({ ...whole, MAX_UPLOAD_BYTES: value, S3_TIMEOUT_SECONDS: value })).toThrow(
    `Bindings that must be numbers above 0: S3_TIMEOUT_SECONDS=${value}, MAX_UPLOAD_BYTES=${value}.`,
  );
});
