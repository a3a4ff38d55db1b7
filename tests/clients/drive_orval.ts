// Parses responses with the zod schemas of orval: each line of the file has the name of a schema and a value.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as zod from "zod";
import * as candor from "./candor.js";

const schemas: Record<string, unknown> = candor;

for (const line of readFileSync(process.argv[2] ?? assert.fail("no file"), "utf8").trim().split("\n")) {
  const [name, value] = JSON.parse(line) as [string, unknown];
  const schema = schemas[name];
  assert.ok(schema instanceof zod.ZodType, name);
  if (name.endsWith("Body")) assert.partialDeepStrictEqual(value, schema.parse(value), name); // without read-only properties
  else assert.deepEqual(schema.parse(value), value, name);
  console.log(name);
}

// Requests that the schema validates before they are sent, with types.
const sent: zod.infer<typeof candor.UpdateTaskBody> = { status: "STATUS_COMPLETED" };
assert.deepEqual(candor.UpdateTaskBody.parse(sent), sent);
assert.equal(candor.CreateTaskBody.safeParse({ task: { title: "" } }).success, false);
