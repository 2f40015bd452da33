import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { checkpoints } from "../../src/database/schema.ts";
import { completeUpload } from "../../src/services/upload/complete.ts";
import { contextOf } from "./in-process.ts";
import { expireUploads, sweptObjects, uploadsOf } from "./objects.ts";
import { complete, digestOf, ended, newUploader, putAll, small, storeOf } from "./presigned.ts";
import { expectRefusal } from "./refused.ts";
import { until } from "./service.ts";

// What comes between the beginning of an upload and its end.

test.each(["listParts", "joinParts"] as const)(
  "a completion that is overtaken before its %s by another, by the reading back and by the object's deletion answers with the end",
  async (call) => {
    const { team, id, begin } = await newUploader();
    const body = small("overtaken");
    // The team has these bytes, so that the upload's own object goes once it was read back.
    await team.call("PUT", `/models/${id}/checkpoints/1`, { body });
    const { body: begun } = await begin(body, 2);
    await putAll(body, begun);
    const store = storeOf(team);
    const overtaking = {
      [call]: async (...args: never[]) => {
        await complete(team, begun);
        await ended(team, begun);
        // The suite's and that of step 1.
        expect(await sweptObjects(team)).toHaveLength(2);
        return await Reflect.apply(store[call], store, args);
      },
    };
    const overtaken = contextOf(team, ["push"], { artifacts: { ...store, ...overtaking } });
    const { upload, checkpoint } = await completeUpload(overtaken, begun.id);
    expect(upload.status).toBe("complete");
    expect(checkpoint).toMatchObject({ digest: digestOf(body) });
    expect(await sweptObjects(team)).toHaveLength(2);
  },
);

test("of two files for one step the second to be read back is refused, and the same file twice is one checkpoint", async () => {
  const { team, id, begin } = await newUploader();
  const [body, other] = [small("first"), small("other")];
  const begun = [(await begin(body)).body, (await begin(other)).body];
  expect(begun[0]?.id).not.toBe(begun[1]?.id);
  for (const [n, upload] of begun.entries()) await putAll(n === 0 ? body : other, upload);
  await Promise.all(begun.map((upload) => complete(team, upload)));
  const ends = await Promise.all(begun.map((upload) => ended(team, upload)));
  expect(ends.map(({ status }) => status).sort()).toEqual(["complete", "refused"]);
  expect(ends.find(({ status }) => status === "refused")?.problem).toMatchObject({
    code: "step_taken",
    detail: expect.stringContaining("other bytes"),
  });
  const { digest } = ends.find(({ status }) => status === "complete")?.checkpoint ?? {};
  expect((await team.call("GET", `/models/${id}/checkpoints/1`)).body).toMatchObject({ digest });

  const { body: late } = await begin(small("late"), 2);
  expect((await team.call("PUT", `/models/${id}/checkpoints/2`, { body: small("late") })).status).toBe(202);
  await putAll(small("late"), late);
  await complete(team, late);
  expect(await ended(team, late)).toMatchObject({
    status: "complete",
    checkpoint: { digest: digestOf(small("late")) },
  });
  expect(await team.db.select().from(checkpoints).where(eq(checkpoints.modelId, id))).toHaveLength(2);
  // The suite's and those of two steps.
  expect(await sweptObjects(team)).toHaveLength(3);
});

test("a step that holds the very bytes says so: there is nothing to send", async () => {
  const { team, id, begin } = await newUploader();
  await team.call("PUT", `/models/${id}/checkpoints/1`, { body: small("there") });
  const answer = await begin(small("there"));
  expectRefusal(answer, { status: 409, code: "step_taken", says: "these very bytes" });
  expect(answer.body).toMatchObject({ existing: digestOf(small("there")), received: digestOf(small("there")) });
  expect((await uploadsOf(team)).filter(({ partBytes }) => partBytes !== null)).toEqual([]);
});

test("an upload whose model is deleted is gone, and its parts with it", async () => {
  const { team, id, begin } = await newUploader();
  const body = small("orphan");
  const { body: begun } = await begin(body);
  await putAll(body, begun);
  const row = (await uploadsOf(team)).find((upload) => upload.id === begun.id);
  const parts = () => storeOf(team).listParts(`${row?.objectKey}`, `${row?.multipartId}`);
  expect(await parts()).toHaveLength(1);
  expect((await team.call("DELETE", `/models/${id}`)).status).toBe(204);
  for (const [method, path] of [
    ["GET", ""],
    ["POST", "/complete"],
  ] as const) {
    const answer = await team.call(method, `/uploads/${begun.id}${path}`);
    expectRefusal(answer, { status: 404, code: "upload_not_found" });
  }
  await expireUploads(team);
  await until("its parts to be gone", async () => (await parts()) === null);
});

test("another team can neither see, complete nor give up an upload, and its parts stay", async () => {
  const [{ team, begin }, stranger] = [await newUploader(), (await newUploader()).team];
  const body = small("mine");
  const { body: begun } = await begin(body);
  await putAll(body, begun);
  for (const [method, path] of [
    ["GET", ""],
    ["POST", "/complete"],
    ["DELETE", ""],
  ] as const) {
    const answer = await stranger.call(method, `/uploads/${begun.id}${path}`);
    expectRefusal(answer, { status: 404, code: "upload_not_found" });
    expect(answer.text).not.toContain(team.id);
  }
  await complete(team, begun);
  expect(await ended(team, begun)).toMatchObject({ status: "complete" });
});
