// Calls the service with grpc-js, through the client that ts-proto generates: tsc checks this file against its types.
//
// It prints each step that succeeded.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { credentials, Metadata, status, type CallOptions, type ClientUnaryCall, type ServiceError } from "@grpc/grpc-js";
import { AppErrorCode, ErrorDetail, ItemFailures } from "./errors/v1/errors.js";
import { Timestamp } from "./google/protobuf/timestamp.js";
import { Value } from "./google/protobuf/struct.js";
import { BadRequest, ErrorInfo, Help, RequestInfo, RetryInfo } from "./google/rpc/error_details.js";
import { Status as RpcStatus } from "./google/rpc/status.js";
import { ServerReflectionClient, type ServerReflectionResponse } from "./grpc/reflection/v1/reflection.js";
import { ServerReflectionClient as AlphaReflectionClient } from "./grpc/reflection/v1alpha/reflection.js";
import { HealthCheckResponse_ServingStatus, HealthClient } from "./health/v1/health.js";
import { Priority, Status, Task, TodoServiceClient, TodoServiceService } from "./todo/v1/todo.js";

// Node starts a timer at the time of its last loop, therefore a timer can end some milliseconds early.
const LATER = 100;

const env = (name: string): string => {
  const value = process.env[name];
  assert(value);
  return value;
};
const address = `127.0.0.1:${env("CANDOR_PORT")}`;
const client = new TodoServiceClient(address, credentials.createInsecure());
const bearer = (token: string, more: Record<string, string> = {}): Metadata => {
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  for (const [name, value] of Object.entries(more)) metadata.set(name, value);
  return metadata;
};
const ALICE = bearer(env("CANDOR_ALICE"));
const STRANGER = bearer(env("CANDOR_STRANGER")); // without the scope `tasks`
const WITHIN = 8000; // ms, on a slow machine too; without a deadline, the service ends a call after 10 s
const CALLS = 300;
const AT_ONCE = 20;

type Method<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

interface Answer<Response> {
  response: Response;
  trailing: Metadata;
}

function call<Request, Response>(
  method: Method<Request, Response>,
  request: Request,
  metadata: Metadata = ALICE,
  options: Partial<CallOptions> = {},
): Promise<Answer<Response>> {
  return new Promise((resolve, reject) => {
    let answer: Response;
    const made = method.call(client, request, metadata, options, (error, response) => {
      if (error) reject(error);
      else answer = response;
    });
    made.on("status", (ended) => {
      if (ended.code === status.OK) resolve({ response: answer, trailing: ended.metadata });
    });
  });
}

interface Decoder<T> {
  decode(bytes: Uint8Array): T;
}

const TYPES = {
  "google.rpc.ErrorInfo": ErrorInfo,
  "google.rpc.BadRequest": BadRequest,
  "google.rpc.RetryInfo": RetryInfo,
  "google.rpc.RequestInfo": RequestInfo,
  "google.rpc.Help": Help,
  "errors.v1.ErrorDetail": ErrorDetail,
};

class Failure {
  readonly code: number;
  readonly message: string;
  readonly #status: RpcStatus;

  constructor(error: ServiceError) {
    this.code = error.code;
    this.message = error.details;
    const bytes = error.metadata.get("grpc-status-details-bin")[0];
    assert(bytes instanceof Buffer);
    this.#status = RpcStatus.decode(bytes);
    assert.equal(this.#status.code, this.code);
  }

  detail<Name extends keyof typeof TYPES>(name: Name): ReturnType<(typeof TYPES)[Name]["decode"]> {
    const [packed, ...more] = this.#status.details.filter((each) => each.typeUrl === `type.googleapis.com/${name}`);
    assert(packed && more.length === 0, name);
    const type: Decoder<unknown> = TYPES[name];
    return type.decode(packed.value) as ReturnType<(typeof TYPES)[Name]["decode"]>;
  }

  get own(): ErrorDetail {
    return this.detail("errors.v1.ErrorDetail");
  }

  get info(): ErrorInfo {
    return this.detail("google.rpc.ErrorInfo");
  }

  extension<T>(name: string, type: Decoder<T>): T {
    const packed = this.own.extensions[name];
    assert(packed);
    return type.decode(packed.value);
  }
}

async function failure(made: Promise<unknown>): Promise<Failure> {
  try {
    await made;
  } catch (error) {
    return new Failure(error as ServiceError);
  }
  throw new Error("answered");
}

const task = (fields: Partial<Task>): Task => Task.fromPartial(fields);
const create = (fields: Partial<Task>, metadata: Metadata = ALICE) =>
  call(client.createTask, { task: task(fields) }, metadata);
const made = async (fields: Partial<Task>): Promise<Task> => (await create(fields)).response;
const batch = (...titles: string[]) => ({ requests: titles.map((title) => ({ task: task({ title }) })) });
const list = (metadata: Metadata = ALICE) =>
  call(client.listTasks, { pageSize: 1, pageToken: "", filter: "", orderBy: "" }, metadata);

interface Reflection {
  serverReflectionInfo(): {
    on(event: "data", listener: (response: ServerReflectionResponse) => void): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
    write(request: { host: string; listServices?: string; fileContainingSymbol?: string }): unknown;
    end(): unknown;
  };
}

async function reflect(reflection: Reflection): Promise<void> {
  const responses = await new Promise<ServerReflectionResponse[]>((resolve, reject) => {
    const stream = reflection.serverReflectionInfo();
    const found: ServerReflectionResponse[] = [];
    stream.on("error", reject);
    stream.on("data", (response) => {
      found.push(response);
      if (found.length === 2) resolve(found);
    });
    stream.write({ host: "", listServices: "" });
    stream.write({ host: "", fileContainingSymbol: "errors.v1.AppErrorCode" });
    stream.end();
  });
  const [listed, described] = responses;
  assert(listed?.listServicesResponse?.service.some((each) => each.name === "todo.v1.TodoService"));
  const [file] = described?.fileDescriptorResponse?.fileDescriptorProto ?? [];
  assert(file && Buffer.from(file).includes("RESOURCE_NOT_FOUND"));
}

interface Declared {
  method: string;
  code: string;
  status: number;
  number: number;
}

/** Calls a method, which is known at run time only, for an error that it declares. */
async function simulated(declared: Declared): Promise<Failure> {
  const method = Object.values(TodoServiceService).find((each) => each.path.endsWith(`/${declared.method}`));
  assert(method);
  const metadata = bearer(env("CANDOR_ALICE"), { "simulate-error": declared.code });
  const empty = Buffer.alloc(0);
  const send: Method<Buffer, unknown> = (request, sent, options, callback) =>
    client.makeUnaryRequest(method.path, Buffer.from, method.responseDeserialize, request, sent, options, callback);
  for (;;) {
    const error = await failure(call(send, empty, metadata));
    if (declared.code === "RATE_LIMIT_EXCEEDED" || error.own.code !== "RATE_LIMIT_EXCEEDED") return error;
    await sleep(LATER + 1000 * (error.detail("google.rpc.RetryInfo").retryDelay?.seconds ?? 0));
  }
}

const steps = {
  async create() {
    const due = Timestamp.fromPartial({ seconds: Math.floor(Date.now() / 1000) + 30 * 86400, nanos: 123456000 });
    const sent = { title: "js 1", status: Status.STATUS_IN_PROGRESS, dueDate: due, tags: ["home", "food"] };
    const found = await made(sent);
    assert.match(found.name, /^tasks\//);
    assert.deepEqual([found.status, found.tags, found.dueDate], [sent.status, sent.tags, due]);
    assert.deepEqual(found.createTime, found.updateTime);
  },

  async create_assumes_defaults() {
    const found = await made({ title: "js 2" });
    assert.deepEqual([found.status, found.priority], [Status.STATUS_PENDING, Priority.PRIORITY_MEDIUM]);
    assert.deepEqual([found.description, found.dueDate], [undefined, undefined]);
  },

  async get() {
    const found = await made({ title: "js 3" });
    assert.deepEqual((await call(client.getTask, { name: found.name })).response, found);
  },

  async an_update_with_a_mask_leaves_the_others() {
    const found = await made({ title: "js 4", description: "more", tags: ["home"], status: Status.STATUS_COMPLETED });
    const sent = task({ name: found.name, title: "js 4b", description: "ignored" });
    const { response } = await call(client.updateTask, { task: sent, updateMask: ["title"] });
    assert.deepEqual([response.title, response.description], ["js 4b", "more"]);
    assert.deepEqual([response.tags, response.status], [["home"], Status.STATUS_COMPLETED]);
  },

  async an_update_without_a_mask_sets_the_given_fields() {
    const found = await made({ title: "js 5", description: "more", status: Status.STATUS_COMPLETED });
    const sent = task({ name: found.name, priority: Priority.PRIORITY_HIGH });
    const { response } = await call(client.updateTask, { task: sent, updateMask: undefined });
    assert.deepEqual([response.title, response.description], ["js 5", "more"]);
    assert.deepEqual([response.priority, response.status], [Priority.PRIORITY_HIGH, Status.STATUS_COMPLETED]);
  },

  async a_mask_clears_unset_fields() {
    const found = await made({ title: "js 6", description: "more", tags: ["home"] });
    const sent = { task: task({ name: found.name }), updateMask: ["description", "tags"] };
    const { response } = await call(client.updateTask, sent);
    assert.deepEqual([response.title, response.description, response.tags], ["js 6", undefined, []]);
  },

  async list_with_a_filter_and_pages() {
    const seen: string[] = [];
    let [pageToken, total] = ["", 0];
    for (let page = 0; page < 20; page++) {
      const query = { pageSize: 2, filter: "status = PENDING", orderBy: "title", pageToken };
      const { response } = await call(client.listTasks, query);
      seen.push(...response.tasks.map((each) => each.title ?? ""));
      [pageToken, total] = [response.nextPageToken, response.totalSize];
      if (pageToken === "") break;
    }
    assert.deepEqual(seen, seen.toSorted());
    assert.equal(total, seen.length);
    assert(seen.includes("js 2") && !seen.includes("js 1"));
  },

  async a_reused_title_is_already_exists() {
    await made({ title: "js 7" });
    const error = await failure(create({ title: "js 7" }));
    assert.deepEqual([error.code, error.own.code], [status.ALREADY_EXISTS, "TASK_TITLE_TAKEN"]);
    assert.equal(error.own.appErrorCode, AppErrorCode.RESOURCE_CONFLICT);
    assert.equal(error.info.metadata["param"], "title");
  },

  async violations_are_typed() {
    const error = await failure(create({ title: "", tags: ["a", "a", "B"] }));
    assert.equal(error.code, status.INVALID_ARGUMENT);
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
    const error = await failure(call(client.createTask, { task: undefined }));
    const violations = error.detail("google.rpc.BadRequest").fieldViolations;
    assert.deepEqual(violations.map((each) => [each.field, each.reason]), [["task", "REQUIRED_FIELD"]]);
    assert.deepEqual([error.info.reason, error.info.domain], ["VALIDATION_FAILED", "candor"]);
    assert.equal(error.info.metadata["retryable"], "false");
    assert.match(error.detail("google.rpc.Help").links[0]?.url ?? "", /\/errors\/validation-failed$/);
    assert.equal(error.message, error.own.detail);
  },

  async facts_of_an_error_are_values() {
    const query = { pageSize: 1, pageToken: "", filter: "nonsense !", orderBy: "" };
    const error = await failure(call(client.listTasks, query));
    assert((error.extension("position", Value).numberValue ?? 0) >= 1);
    assert.equal(error.own.appErrorCode, AppErrorCode.INVALID_FILTER);
  },

  async without_a_token_is_unauthenticated() {
    for (const [metadata, reason] of [
      [new Metadata(), "MISSING_CREDENTIALS"],
      [bearer("nonsense"), "INVALID_TOKEN"],
    ] as const) {
      const error = await failure(list(metadata));
      assert.deepEqual([error.code, error.info.reason], [status.UNAUTHENTICATED, reason]);
      assert.equal(error.own.appErrorCode, AppErrorCode.AUTHENTICATION_FAILED);
    }
  },

  async without_the_scope_is_permission_denied() {
    const error = await failure(list(STRANGER));
    assert.deepEqual([error.code, error.info.reason], [status.PERMISSION_DENIED, "INSUFFICIENT_SCOPE"]);
    assert.equal(error.info.metadata["scope"], "tasks");
  },

  async the_task_of_another_user_is_permission_denied() {
    const error = await failure(call(client.getTask, { name: env("CANDOR_OTHER") }));
    assert.deepEqual([error.code, error.info.reason], [status.PERMISSION_DENIED, "NOT_TASK_OWNER"]);
    assert.equal(error.own.appErrorCode, AppErrorCode.PERMISSION_DENIED);
  },

  async an_unknown_task_is_not_found() {
    const error = await failure(call(client.getTask, { name: `tasks/${randomUUID()}` }));
    assert.deepEqual([error.code, error.own.code], [status.NOT_FOUND, "TASK_NOT_FOUND"]);
    assert.equal(error.own.appErrorCode, AppErrorCode.RESOURCE_NOT_FOUND);
  },

  async delete() {
    const found = await made({ title: "js 8" });
    const { response } = await call(client.deleteTask, { name: found.name });
    assert(response.message.includes(found.name));
    assert.equal((await failure(call(client.getTask, { name: found.name }))).code, status.NOT_FOUND);
  },

  async a_deadline_ends_a_call() {
    const sent = { task: task({ name: env("CANDOR_LOCKED"), title: "js 9" }), updateMask: undefined };
    const began = Date.now();
    const options = { deadline: new Date(began + 500) };
    await assert.rejects(call(client.updateTask, sent, ALICE, options), { code: status.DEADLINE_EXCEEDED });
    const took = Date.now() - began;
    assert(took > 400 && took < WITHIN, `${took} ms`);
  },

  async the_same_key_is_answered_again() {
    const metadata = bearer(env("CANDOR_ALICE"), { "idempotency-key": randomUUID() });
    const first = await create({ title: "js 10" }, metadata);
    const again = await create({ title: "js 10" }, metadata);
    assert.deepEqual(again.response, first.response);
    assert.deepEqual(first.trailing.get("idempotent-replayed"), []);
    assert.deepEqual(again.trailing.get("idempotent-replayed"), ["true"]);
    const error = await failure(create({ title: "js 10b" }, metadata));
    const expected = [status.INVALID_ARGUMENT, AppErrorCode.IDEMPOTENCY_KEY_REUSED];
    assert.deepEqual([error.code, error.own.appErrorCode], expected);
  },

  async an_invalid_key_is_invalid_argument() {
    const metadata = bearer(env("CANDOR_ALICE"), { "idempotency-key": "x".repeat(256) });
    const error = await failure(create({ title: "js 11" }, metadata));
    assert.equal(error.own.appErrorCode, AppErrorCode.INVALID_IDEMPOTENCY_KEY);
  },

  async a_batch_lists_failed_items() {
    await made({ title: "js 12" });
    const { response } = await call(client.batchCreateTasks, batch("js 12", "js 13"));
    assert.deepEqual(response.tasks.map((each) => each.title), ["js 13"]);
    const failed = response.failures.map((each) => [each.index, each.error?.code, each.error?.appErrorCode]);
    assert.deepEqual(failed, [[0, "TASK_TITLE_TAKEN", AppErrorCode.RESOURCE_CONFLICT]]);
  },

  async a_batch_that_fails_completely_is_an_error() {
    const error = await failure(call(client.batchCreateTasks, batch("js 12", "js 13")));
    const expected = [status.ALREADY_EXISTS, AppErrorCode.BATCH_FAILED];
    assert.deepEqual([error.code, error.own.appErrorCode], expected);
    const { failures } = error.extension("failures", ItemFailures);
    assert.deepEqual(failures.map((each) => [each.index, each.error?.appErrorCode]), [
      [0, AppErrorCode.RESOURCE_CONFLICT],
      [1, AppErrorCode.RESOURCE_CONFLICT],
    ]);
  },

  async the_request_id_is_kept() {
    const metadata = bearer(env("CANDOR_ALICE"), { "x-request-id": "js-request-14" });
    assert.deepEqual((await list(metadata)).trailing.get("x-request-id"), ["js-request-14"]);
    const error = await failure(call(client.getTask, { name: "nonsense" }, metadata));
    assert.equal(error.detail("google.rpc.RequestInfo").requestId, "js-request-14");
  },

  async the_service_is_healthy() {
    const health = new HealthClient(address, credentials.createInsecure());
    for (const service of ["", "todo.v1.TodoService"]) {
      const { response } = await call(health.check.bind(health), { service });
      assert.equal(response.status, HealthCheckResponse_ServingStatus.SERVING);
    }
    health.close();
  },

  async reflection_v1_describes_the_service() {
    const reflection = new ServerReflectionClient(address, credentials.createInsecure());
    await reflect(reflection);
    reflection.close();
  },

  async reflection_v1alpha_describes_the_service() {
    const reflection = new AlphaReflectionClient(address, credentials.createInsecure());
    await reflect(reflection);
    reflection.close();
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
    assert.deepEqual(new Set(errors.map((each) => each.code)), new Set([status.RESOURCE_EXHAUSTED]));
    assert.equal(errors[0]?.own.appErrorCode, AppErrorCode.RATE_LIMIT_EXCEEDED);
    const waits = errors.map((each) => each.detail("google.rpc.RetryInfo").retryDelay?.seconds ?? 0);
    await sleep(LATER + 1000 * Math.max(...waits));
    assert.equal((await list()).response.tasks.length, 1);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
client.close();
