import { call, type Service } from "./service.ts";

export interface Operation {
  operationId: string;
  summary?: string;
  method: string;
  /** With `{parameters}`. */
  path: string;
  security?: object[];
  parameters?: { name: string; in: string; required?: boolean; schema?: unknown }[];
  responses: Record<string, { description?: string; content?: Record<string, { schema?: unknown }> }>;
}

export interface ApiDocument {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Omit<Operation, "method" | "path">>>;
  components: Record<string, Record<string, unknown>>;
}

export async function apiDocument(service: Service): Promise<ApiDocument> {
  return (await call<ApiDocument>(service, "GET", "/openapi.json")).body;
}

export function operationsOf({ paths }: ApiDocument): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  );
}
