// Calls the service with connect-node over gRPC, through the code of protoc-gen-es: tsc checks this file.
//
// It prints each step that succeeded.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { create as message, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack, timestampFromMs, ValueSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type CallOptions } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AppErrorCode, ErrorDetailSchema, ItemFailuresSchema } from "./errors/v1/errors_pb.js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  HelpSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "./google/rpc/error_details_pb.js";
import { ServerReflection } from "./grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as AlphaReflection } from "./grpc/reflection/v1alpha/reflection_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "./health/v1/health_pb.js";
import { Priority, Status, TaskSchema, TodoService, type Task } from "./todo/v1/todo_pb.js";

// Node starts a timer at the time of its last loop, therefore a timer can end some milliseconds early.
const LATER = 100;

const env = (name: string): string => {
  const value = process.env[name];
  assert(value);
  return value;
};
const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${env("CANDOR_PORT")}` });
const client = createClient(TodoService, transport);
const bearer = (token: string, more: Record<string, string> = {}): CallOptions => ({
  headers: { authorization: `Bearer ${token}`, ...more },
});
const ALICE = bearer(env("CANDOR_ALICE"));
const STRANGER = bearer(env("CANDOR_STRANGER")); // without the scope `tasks`
const WITHIN = 8000; // ms, on a slow machine too; without a deadline, the service ends a call after 10 s
const CALLS = 300;
const AT_ONCE = 20;

class Failure {
  readonly code: Code;
  readonly message: string;
  readonly #error: ConnectError;

  constructor(error: unknown) {
    assert(error instanceof ConnectError);
    this.#error = error;
    this.code = error.code;
    this.message = error.rawMessage;
  }

  detail<Desc extends DescMessage>(schema: Desc): MessageShape<Desc> {
    const [found, ...more] = this.#error.findDetails(schema);
    assert(found && more.length === 0, schema.typeName);
    return found;
  }

  get own() {
    return this.detail(ErrorDetailSchema);
  }

  get info() {
    return this.detail(ErrorInfoSchema);
  }

  extension<Desc extends DescMessage>(name: string, schema: Desc): MessageShape<Desc> {
    const packed = this.own.extensions[name];
    const found = packed && anyUnpack(packed, schema);
    assert(found, name);
    return found;
  }
}

async function failure(made: Promise<unknown>): Promise<Failure> {
  try {
    await made;
  } catch (error) {
    return new Failure(error);
  }
  throw new Error("answered");
}

type Fields = MessageInitShape<typeof TaskSchema>;
const made = (fields: Fields, options: CallOptions = ALICE): Promise<Task> =>
  client.createTask({ task: fields }, options);
const batch = (...titles: string[]) => ({ requests: titles.map((title) => ({ task: { title } })) });
const list = (options: CallOptions = ALICE) => client.listTasks({ pageSize: 1 }, options);

/** Return the options, and an object that receives the trailing metadata when the call ends. */
function trailed(options: CallOptions): [CallOptions, Headers[]] {
  const trailers: Headers[] = [];
  return [{ ...options, onTrailer: (trailer) => void trailers.push(trailer) }, trailers];
}

async function reflect(service: typeof ServerReflection | typeof AlphaReflection): Promise<void> {
  async function* requests() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
    yield { messageRequest: { case: "fileContainingSymbol" as const, value: "errors.v1.AppErrorCode" } };
  }
  const names: string[] = [];
  const files: Buffer[] = [];
  for await (const { messageResponse } of createClient(service, transport).serverReflectionInfo(requests())) {
    if (messageResponse.case === "listServicesResponse") {
      names.push(...messageResponse.value.service.map((each) => each.name));
    } else if (messageResponse.case === "fileDescriptorResponse") {
      files.push(...messageResponse.value.fileDescriptorProto.map((each) => Buffer.from(each)));
    }
  }
  assert(names.includes("todo.v1.TodoService"));
  assert(files[0]?.includes("RESOURCE_NOT_FOUND"));
}

interface Declared {
  method: string;
  code: string;
  status: number;
  number: number;
}

/** Calls a method, which is known at run time only, for an error that it declares. */
async function simulated(declared: Declared): Promise<Failure> {
  const method = TodoService.methods.find((each) => each.name === declared.method);
  assert(method);
  const options = bearer(env("CANDOR_ALICE"), { "simulate-error": declared.code });
  for (;;) {
    const error = await failure(client[method.localName as keyof typeof client]({}, options));
    if (declared.code === "RATE_LIMIT_EXCEEDED" || error.own.code !== "RATE_LIMIT_EXCEEDED") return error;
    await sleep(LATER + 1000 * Number(error.detail(RetryInfoSchema).retryDelay?.seconds ?? 0));
  }
}

const steps = {
  async create() {
    const due = timestampFromMs(Math.floor(Date.now() / 1000) * 1000 + 30 * 86_400_000);
    due.nanos = 123456000;
    const found = await made({ title: "connect 1", status: Status.IN_PROGRESS, dueDate: due, tags: ["home", "food"] });
    assert.match(found.name, /^tasks\//);
    assert.deepEqual([found.status, found.tags, found.dueDate], [Status.IN_PROGRESS, ["home", "food"], due]);
    assert.deepEqual(found.createTime, found.updateTime);
  },

  async create_assumes_defaults() {
    const found = await made({ title: "connect 2" });
    assert.deepEqual([found.status, found.priority], [Status.PENDING, Priority.MEDIUM]);
    assert.deepEqual([found.description, found.dueDate], [undefined, undefined]);
  },

  async get() {
    const found = await made({ title: "connect 3" });
    assert.deepEqual(await client.getTask({ name: found.name }, ALICE), found);
  },

  async an_update_with_a_mask_leaves_the_others() {
    const found = await made({ title: "connect 4", description: "more", tags: ["home"], status: Status.COMPLETED });
    const task = { name: found.name, title: "connect 4b", description: "ignored" };
    const changed = await client.updateTask({ task, updateMask: { paths: ["title"] } }, ALICE);
    assert.deepEqual([changed.title, changed.description], ["connect 4b", "more"]);
    assert.deepEqual([changed.tags, changed.status], [["home"], Status.COMPLETED]);
  },

  async an_update_without_a_mask_sets_the_given_fields() {
    const found = await made({ title: "connect 5", description: "more", status: Status.COMPLETED });
    const changed = await client.updateTask({ task: { name: found.name, priority: Priority.HIGH } }, ALICE);
    assert.deepEqual([changed.title, changed.description], ["connect 5", "more"]);
    assert.deepEqual([changed.priority, changed.status], [Priority.HIGH, Status.COMPLETED]);
  },

  async a_response_can_be_sent_back() {
    const found = await made({ title: "connect 14", description: "more", tags: ["home"] });
    const changed = await client.updateTask({ task: message(TaskSchema, found) }, ALICE);
    assert.deepEqual([changed.title, changed.description, changed.tags], ["connect 14", "more", ["home"]]);
  },

  async a_mask_clears_unset_fields() {
    const found = await made({ title: "connect 6", description: "more", tags: ["home"] });
    const mask = { task: { name: found.name }, updateMask: { paths: ["description", "tags"] } };
    const cleared = await client.updateTask(mask, ALICE);
    assert.deepEqual([cleared.title, cleared.description, cleared.tags], ["connect 6", undefined, []]);
  },

  async list_with_a_filter_and_pages() {
    const seen: string[] = [];
    let [pageToken, total] = ["", 0];
    for (let page = 0; page < 20; page++) {
      const query = { pageSize: 2, filter: "status = PENDING", orderBy: "title", pageToken };
      const response = await client.listTasks(query, ALICE);
      seen.push(...response.tasks.map((each) => each.title ?? ""));
      [pageToken, total] = [response.nextPageToken, response.totalSize];
      if (pageToken === "") break;
    }
    assert.deepEqual(seen, seen.toSorted());
    assert.equal(total, seen.length);
    assert(seen.includes("connect 2") && !seen.includes("connect 1"));
  },

  async a_reused_title_is_already_exists() {
    await made({ title: "connect 7" });
    const error = await failure(made({ title: "connect 7" }));
    assert.deepEqual([error.code, error.own.code], [Code.AlreadyExists, "TASK_TITLE_TAKEN"]);
    assert.equal(error.own.appErrorCode, AppErrorCode.RESOURCE_CONFLICT);
    assert.equal(error.info.metadata["param"], "title");
  },

  async violations_are_typed() {
    const error = await failure(made({ title: "", tags: ["a", "a", "B"] }));
    assert.equal(error.code, Code.InvalidArgument);
    assert.equal(error.own.appErrorCode, AppErrorCode.VALIDATION_FAILED);
    assert.deepEqual(
      error.own.fieldViolations.map((each) => [each.field, each.appErrorCode]),
      [
        ["title", AppErrorCode.TOO_SHORT],
        ["tags[1]", AppErrorCode.DUPLICATE_TAG],
        ["tags[2]", AppErrorCode.INVALID_TAG_FORMAT],
      ],
    );
  },

  async standard_details_have_the_same_violations() {
    const error = await failure(client.createTask({}, ALICE));
    const violations = error.detail(BadRequestSchema).fieldViolations;
    assert.deepEqual(violations.map((each) => [each.field, each.reason]), [["task", "REQUIRED_FIELD"]]);
    assert.deepEqual([error.info.reason, error.info.domain], ["VALIDATION_FAILED", "candor"]);
    assert.equal(error.info.metadata["retryable"], "false");
    assert.match(error.detail(HelpSchema).links[0]?.url ?? "", /\/errors\/validation-failed$/);
    assert.equal(error.message, error.own.detail);
  },

  async facts_of_an_error_are_values() {
    const error = await failure(client.listTasks({ filter: "nonsense !" }, ALICE));
    const { kind } = error.extension("position", ValueSchema);
    assert(kind.case === "numberValue" && kind.value >= 1);
    assert.equal(error.own.appErrorCode, AppErrorCode.INVALID_FILTER);
  },

  async without_a_token_is_unauthenticated() {
    for (const [options, reason] of [
      [{}, "MISSING_CREDENTIALS"],
      [bearer("nonsense"), "INVALID_TOKEN"],
    ] as const) {
      const error = await failure(list(options));
      assert.deepEqual([error.code, error.info.reason], [Code.Unauthenticated, reason]);
      assert.equal(error.own.appErrorCode, AppErrorCode.AUTHENTICATION_FAILED);
    }
  },

  async without_the_scope_is_permission_denied() {
    const error = await failure(list(STRANGER));
    assert.deepEqual([error.code, error.info.reason], [Code.PermissionDenied, "INSUFFICIENT_SCOPE"]);
    assert.equal(error.info.metadata["scope"], "tasks");
  },

  async the_task_of_another_user_is_permission_denied() {
    const error = await failure(client.getTask({ name: env("CANDOR_OTHER") }, ALICE));
    assert.deepEqual([error.code, error.info.reason], [Code.PermissionDenied, "NOT_TASK_OWNER"]);
    assert.equal(error.own.appErrorCode, AppErrorCode.PERMISSION_DENIED);
  },

  async an_unknown_task_is_not_found() {
    const error = await failure(client.getTask({ name: `tasks/${randomUUID()}` }, ALICE));
    assert.deepEqual([error.code, error.own.code], [Code.NotFound, "TASK_NOT_FOUND"]);
    assert.equal(error.own.appErrorCode, AppErrorCode.RESOURCE_NOT_FOUND);
  },

  async delete() {
    const found = await made({ title: "connect 8" });
    const { message: text } = await client.deleteTask({ name: found.name }, ALICE);
    assert(text.includes(found.name));
    assert.equal((await failure(client.getTask({ name: found.name }, ALICE))).code, Code.NotFound);
  },

  async a_deadline_ends_a_call() {
    const task = { name: env("CANDOR_LOCKED"), title: "connect 9" };
    const began = Date.now();
    await assert.rejects(client.updateTask({ task }, { ...ALICE, timeoutMs: 500 }), { code: Code.DeadlineExceeded });
    const took = Date.now() - began;
    assert(took > 400 && took < WITHIN, `${took} ms`);
  },

  async the_same_key_is_answered_again() {
    const [options, trailers] = trailed(bearer(env("CANDOR_ALICE"), { "idempotency-key": randomUUID() }));
    const first = await made({ title: "connect 10" }, options);
    const again = await made({ title: "connect 10" }, options);
    assert.deepEqual(again, first);
    assert.deepEqual(trailers.map((each) => each.get("idempotent-replayed")), [null, "true"]);
    const error = await failure(made({ title: "connect 10b" }, options));
    const expected = [Code.InvalidArgument, AppErrorCode.IDEMPOTENCY_KEY_REUSED];
    assert.deepEqual([error.code, error.own.appErrorCode], expected);
  },

  async an_invalid_key_is_invalid_argument() {
    const options = bearer(env("CANDOR_ALICE"), { "idempotency-key": "x".repeat(256) });
    const error = await failure(made({ title: "connect 11" }, options));
    assert.equal(error.own.appErrorCode, AppErrorCode.INVALID_IDEMPOTENCY_KEY);
  },

  async a_batch_lists_failed_items() {
    await made({ title: "connect 12" });
    const response = await client.batchCreateTasks(batch("connect 12", "connect 13"), ALICE);
    assert.deepEqual(response.tasks.map((each) => each.title), ["connect 13"]);
    const failed = response.failures.map((each) => [each.index, each.error?.code, each.error?.appErrorCode]);
    assert.deepEqual(failed, [[0, "TASK_TITLE_TAKEN", AppErrorCode.RESOURCE_CONFLICT]]);
  },

  async a_batch_that_fails_completely_is_an_error() {
    const error = await failure(client.batchCreateTasks(batch("connect 12", "connect 13"), ALICE));
    const expected = [Code.AlreadyExists, AppErrorCode.BATCH_FAILED];
    assert.deepEqual([error.code, error.own.appErrorCode], expected);
    const { failures } = error.extension("failures", ItemFailuresSchema);
    assert.deepEqual(failures.map((each) => [each.index, each.error?.appErrorCode]), [
      [0, AppErrorCode.RESOURCE_CONFLICT],
      [1, AppErrorCode.RESOURCE_CONFLICT],
    ]);
  },

  async the_request_id_is_kept() {
    const [options, trailers] = trailed(bearer(env("CANDOR_ALICE"), { "x-request-id": "connect-request-14" }));
    await list(options);
    assert.equal(trailers[0]?.get("x-request-id"), "connect-request-14");
    const error = await failure(client.getTask({ name: "nonsense" }, options));
    assert.equal(error.detail(RequestInfoSchema).requestId, "connect-request-14");
  },

  async the_service_is_healthy() {
    const health = createClient(Health, transport);
    for (const service of ["", "todo.v1.TodoService"]) {
      assert.equal((await health.check({ service })).status, HealthCheckResponse_ServingStatus.SERVING);
    }
  },

  async reflection_v1_describes_the_service() {
    await reflect(ServerReflection);
  },

  async reflection_v1alpha_describes_the_service() {
    await reflect(AlphaReflection);
  },

  async every_declared_error_is_typed() {
    const every: Declared[] = JSON.parse(readFileSync("errors.json", "utf8"));
    assert(every.length > 60);
    for (const declared of every) {
      const error = await simulated(declared);
      const expected = [declared.status, declared.code, declared.number, declared.code];
      const found = [error.code, error.own.code, error.own.appErrorCode, error.info.reason];
      assert.deepEqual(found, expected, declared.method);
    }
  },

  async beyond_the_limit_is_resource_exhausted_and_later_not() {
    const errors: Failure[] = [];
    for (let sent = 0; sent < CALLS; sent += AT_ONCE) {
      const ended = await Promise.allSettled(Array.from({ length: AT_ONCE }, () => list()));
      for (const each of ended) if (each.status === "rejected") errors.push(new Failure(each.reason));
    }
    assert.deepEqual(new Set(errors.map((each) => each.code)), new Set([Code.ResourceExhausted]));
    assert.equal(errors[0]?.own.appErrorCode, AppErrorCode.RATE_LIMIT_EXCEEDED);
    const waits = errors.map((each) => Number(each.detail(RetryInfoSchema).retryDelay?.seconds ?? 0));
    await sleep(LATER + 1000 * Math.max(...waits));
    assert.equal((await list()).tasks.length, 1);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
