import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { and, eq, isNotNull, ne } from "drizzle-orm";
import { artifacts, suiteVersions, uploads } from "../../src/database/schema.ts";
import { type Service, type Team, until } from "./service.ts";

/** Keys of the objects that the bucket holds for a team. */
export async function objectsOf({
  id,
  service,
}: {
  id: string;
  service: { connection: Pick<Service["connection"], "s3"> };
}): Promise<string[]> {
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = service.connection.s3;
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
  });
  // s3rver checks the signature of a bucket's own path as though it did not end in a slash.
  client.middlewareStack.add(
    (next) => (args) => {
      if (isRequest(args.request)) args.request.path = args.request.path.replace(/\/$/, "");
      return next(args);
    },
    { step: "build" },
  );
  try {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${id}/` }));
    return Contents.map(({ Key = "" }) => Key).sort();
  } finally {
    client.destroy();
  }
}

/** Keys that rows point at: one for each artifact that is in use and each suite version that was not refused. */
export async function keysInUse({ db, id }: Team): Promise<string[]> {
  const ofArtifacts = await db
    .select({ key: artifacts.objectKey })
    .from(artifacts)
    .where(and(eq(artifacts.teamId, id), isNotNull(artifacts.objectKey)));
  const ofSuites = await db
    .select({ key: suiteVersions.objectKey })
    .from(suiteVersions)
    .where(and(eq(suiteVersions.teamId, id), ne(suiteVersions.status, "refused")));
  return [...ofArtifacts, ...ofSuites].map(({ key }) => key ?? "").sort();
}

/** Takes the senders of unfinished uploads for dead, an hour early. */
export async function expireUploads({ db, id }: Team): Promise<void> {
  await db
    .update(uploads)
    .set({ expiresAt: new Date(0) })
    .where(eq(uploads.teamId, id));
}

export async function uploadsOf({ db, id }: Team) {
  return await db.select().from(uploads).where(eq(uploads.teamId, id));
}

/** Waits until no upload is under way and no object is left that nothing points at. Returns what is there. */
export async function sweptObjects(team: Team): Promise<string[]> {
  return await until("only objects that are in use", async () => {
    const underWay = (await uploadsOf(team)).filter(({ status }) => status === "receiving");
    const [objects, inUse] = [await objectsOf(team), await keysInUse(team)];
    return underWay.length === 0 && objects.join() === inUse.join() && objects;
  });
}

function isRequest(value: unknown): value is { path: string } {
  return typeof value === "object" && value !== null && "path" in value;
}
