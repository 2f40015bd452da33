import { createHash } from "node:crypto";
import { type ArtifactStore, createArtifactStore } from "../../src/artifacts/store.ts";
import { type Answer, newTeam, type Service, shared, type Team, until } from "./service.ts";
import { tableModel } from "./table-model.ts";
import { newTableModel } from "./trajectories.ts";

// What a client does that uploads in presigned parts.

export interface Upload {
  id: string;
  status: string;
  partBytes: number;
  verifiedBytes: number;
  parts: { number: number; offset: number; bytes: number; stored: boolean; url: string | null }[];
  checkpoint: { id: string; digest: string } | null;
  problem: { code: string; detail: string } | null;
}

/** A team with a model on a table suite. */
export interface Uploader {
  team: Team;
  /** The model's. */
  id: string;
  begin(body: Uint8Array, step?: number): Promise<Answer<Upload>>;
}

/** The store itself, without what may stand between it and the service. */
export const storeOf = ({ service }: Team): ArtifactStore => createArtifactStore(service.connection.s3);
export const digestOf = (body: Uint8Array) => `sha256:${createHash("sha256").update(body).digest("hex")}`;
export const small = (name: string) => tableModel(name, { train: 1, validation: 1, "ood:shift": 1 });

export async function newUploader(service: Service = shared()): Promise<Uploader> {
  const team = await newTeam(service);
  const { id } = await newTableModel(team);
  const begin = (body: Uint8Array, step = 1) =>
    team.call<Upload>("POST", `/models/${id}/checkpoints/${step}/uploads`, {
      body: { bytes: body.byteLength, digest: digestOf(body) },
    });
  return { team, id, begin };
}

/** Answers with the status. */
export async function putPart(body: Uint8Array, { offset, bytes, url }: Upload["parts"][number]): Promise<number> {
  const response = await fetch(url ?? "", {
    method: "PUT",
    body: Uint8Array.from(body.subarray(offset, offset + bytes)),
  });
  await response.arrayBuffer();
  return response.status;
}

export const putAll = async (body: Uint8Array, { parts }: Upload) =>
  await Promise.all(parts.filter(({ url }) => url).map((part) => putPart(body, part)));
export const complete = (team: Team, { id }: Upload) => team.call<Upload>("POST", `/uploads/${id}/complete`);
export const ended = (team: Team, { id }: Upload) =>
  until(`the end of ${id}`, async () => {
    const { body } = await team.call<Upload>("GET", `/uploads/${id}`);
    return ["complete", "refused"].includes(body.status) && body;
  });
