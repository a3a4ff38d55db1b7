// Calls the service through the client of hey-api with fetch: tsc --strict checks this file. The steps are those
// of steps.py.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createClient, createConfig } from "./candor/client/index.js";
import * as candor from "./candor/index.js";
import { errors } from "./errors.js";

// Node starts a timer at the time of its last loop, therefore a timer can end some milliseconds early.
const LATER = 100;

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
const run = `hey-api ${randomUUID().slice(0, 8)}`;
const as = (auth?: string) => createClient(createConfig({ baseUrl: env("CANDOR_URL"), auth }));
const nobody = as();
const alice = as(env("CANDOR_ALICE"));
const credentials = { email: env("CANDOR_EMAIL"), password: env("CANDOR_PASSWORD") };

const task = (title: string) => ({ task: { title: `${run} ${title}` } });
const batch = (...titles: string[]) => ({ requests: titles.map(task) });
const create = async (title: string): Promise<candor.Task> =>
  (await candor.createTask({ client: alice, body: task(title) })).data ?? assert.fail(title);
const path = (made: candor.Task) => ({ task_id: made.name.replace("tasks/", "") });
const change = (made: candor.Task, body: candor.TaskUpdateWritable, update_mask?: string) =>
  candor.updateTask({ client: alice, path: path(made), body, query: { update_mask } });
const order = async (): Promise<candor.Order> => {
  const body = { customer_id: "alice", currency: "EUR", items: [{ sku: "TEA-100", quantity: 3 }] } as const;
  const made = await candor.createOrder({ client: alice, body: { ...body, items: [...body.items] } });
  return made.data ?? assert.fail("no order");
};
const logIn = async () =>
  (await candor.createTokens({ client: nobody, body: credentials })).data ?? assert.fail("no tokens");
const me = async () => {
  const client = as((await logIn()).access_token);
  return { client, user: (await candor.getMe({ client })).data ?? assert.fail("no user") };
};
/** The error of a status: those of all statuses together are `unknown`, because 401 and 403 have no body. */
const problem = <P>(answer: { error?: unknown; response?: Response }, status: number): P => {
  assert.equal(answer.response?.status, status);
  return answer.error as P;
};
const bare = (answer: { response?: Response }, status: number) => {
  assert.equal(answer.response?.status, status);
  assert.equal(answer.response.headers.get("Content-Length") ?? "0", "0");
  return answer.response;
};

type Declared = {
  operation: string;
  parameters: Record<string, string>;
  body: unknown;
  required: string[];
  code: string;
  status: number;
  schema: string | null; // null: the response has no body
};
type Answer = { error?: unknown; response?: Response };

const admin = as(env("CANDOR_ADMIN"));
const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Sends a request for an error that the operation declares. The operation is known at run time only. */
const simulated = async (declared: Declared): Promise<Answer> => {
  const call = (candor as Record<string, unknown>)[camel(declared.operation)] as (options: object) => Promise<Answer>;
  const required = declared.required.map((name) => [name, "*"]);
  const headers = Object.fromEntries([["Simulate-Error", declared.code], ...required]);
  const { parameters: path, body } = declared;
  for (;;) {
    const answer = await call({ client: admin, path, headers, ...(body === null ? {} : { body }) });
    if (answer.response?.status !== 429 || declared.code === "RATE_LIMIT_EXCEEDED") return answer;
    const seconds = Number(answer.response.headers.get("Retry-After"));
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000 + LATER));
  }
};

const steps: Record<string, () => Promise<void>> = {
  async create() {
    const due_date = new Date(Date.now() + 30 * 86400_000).toISOString();
    const body = { task: { title: `${run} 1`, status: "STATUS_IN_PROGRESS" as const, due_date, tags: ["home"] } };
    const { data, response } = await candor.createTask({ client: alice, body });
    assert.deepEqual([response?.status, data?.status], [201, "STATUS_IN_PROGRESS"]);
    assert.equal(Date.parse(data?.due_date ?? ""), Date.parse(due_date));
    assert.equal(response?.headers.get("Location"), `/v1/${data?.name}`);
  },

  async create_assumes_defaults() {
    assert.equal((await create("2")).status, "STATUS_PENDING");
  },

  async patch_of_one_property_leaves_the_others() {
    const made = await create("3");
    await change(made, { status: "STATUS_COMPLETED" });
    const { data } = await change(made, { title: `${run} 3b` });
    assert.deepEqual([data?.title, data?.status], [`${run} 3b`, "STATUS_COMPLETED"]);
  },

  async a_response_can_be_sent_back() {
    const made = await create("4");
    assert.equal((await change(made, made)).data?.title, made.title);
  },

  async null_clears_a_property() {
    const made = await create("5");
    assert.equal((await change(made, { description: "more" })).data?.description, "more");
    assert.equal((await change(made, { description: null })).data?.description, null);
  },

  async a_mask_clears_missing_properties() {
    const made = await create("6");
    await change(made, { description: "more" });
    const { data } = await change(made, { title: "x" }, "description");
    assert.deepEqual([data?.title, data?.description], [made.title, null]);
  },

  async list_with_a_filter_and_pages() {
    const seen: string[] = [];
    let page_token: string | undefined;
    do {
      const query = { page_size: 2, filter: "status = PENDING", order_by: "title", page_token };
      const { data } = await candor.listTasks({ client: alice, query });
      seen.push(...(data?.tasks.map((each) => each.title) ?? []));
      page_token = data?.next_page_token ?? undefined;
    } while (page_token !== undefined);
    assert.ok(seen.includes(`${run} 2`) && !seen.includes(`${run} 1`));
  },

  async a_reused_title_is_409() {
    await create("7");
    const error = problem<candor.CreateTaskErrors[409]>(await candor.createTask({ client: alice, body: task("7") }), 409);
    assert.equal(error.code, "TASK_TITLE_TAKEN");
  },

  async violations_are_typed() {
    const body = { task: { title: "", tags: ["a", "a"] } };
    const error = problem<candor.CreateTaskErrors[400]>(await candor.createTask({ client: alice, body }), 400);
    assert.ok(error.code === "VALIDATION_FAILED");
    assert.deepEqual(
      error.errors?.map((each) => [each.field, each.code, each.pointer]),
      [
        ["title", "TOO_SHORT", "#/task/title"],
        ["tags[1]", "DUPLICATE_TAG", "#/task/tags/1"],
      ],
    );
  },

  async problems_of_one_status_are_distinguished() {
    const filtered = await candor.listTasks({ client: alice, query: { filter: "nonsense !" } });
    const error = problem<candor.ListTasksErrors[400]>(filtered, 400);
    assert.ok(error.code === "INVALID_FILTER");
    assert.ok(error.allowed.length > 0 && error.position >= 1);
    const ordered = await candor.listTasks({ client: alice, query: { order_by: "nothing" } });
    assert.equal(problem<candor.ListTasksErrors[400]>(ordered, 400).code, "INVALID_ORDER_BY");
  },

  async without_a_token_is_401_without_a_body() {
    const response = bare(await candor.listTasks({ client: as("wrong") }), 401);
    assert.match(response.headers.get("WWW-Authenticate") ?? "", /error="invalid_token"/);
  },

  async without_the_scope_is_403_without_a_body() {
    bare(await candor.listTasks({ client: as(env("CANDOR_BOB")) }), 403);
  },

  async a_missing_resource_is_404() {
    const answer = await candor.getTask({ client: alice, path: { task_id: randomUUID() } });
    assert.equal(problem<candor.GetTaskErrors[404]>(answer, 404).code, "TASK_NOT_FOUND");
  },

  async a_read_that_is_current_is_304() {
    const options = { client: alice, path: path(await create("9")) };
    const { response } = await candor.getTask(options);
    const headers = { "If-None-Match": response?.headers.get("ETag") ?? "" };
    bare(await candor.getTask({ ...options, headers }), 304);
  },

  async a_stale_version_is_412() {
    const options = { client: alice, path: path(await create("10")), headers: { "If-Match": '"0-0"' } };
    const answer = await candor.updateTask({ ...options, body: { title: "x" } });
    assert.equal(problem<candor.UpdateTaskErrors[412]>(answer, 412).code, "PRECONDITION_FAILED");
  },

  async the_same_key_is_answered_again() {
    const headers = { "Idempotency-Key": randomUUID() };
    const send = (title: string) => candor.createTask({ client: alice, body: task(title), headers });
    const [first, again] = [await send("11"), await send("11")];
    assert.deepEqual(first.data, again.data);
    assert.equal(again.response?.headers.get("Idempotent-Replayed"), "true");
    assert.equal(problem<candor.CreateTaskErrors[422]>(await send("11b"), 422).code, "IDEMPOTENCY_KEY_REUSED");
  },

  async a_batch_lists_failed_items() {
    await create("12");
    const { data, response } = await candor.createTasks({ client: alice, body: batch("12", "13") });
    assert.deepEqual([response?.status, data?.tasks.length, data?.failures[0]?.index], [207, 1, 0]);
    assert.equal(data?.failures[0]?.problem.code, "TASK_TITLE_TAKEN");
  },

  async a_batch_that_fails_completely_is_409() {
    const answer = await candor.createTasks({ client: alice, body: batch("12", "13") });
    const error = problem<candor.CreateTasksErrors[409]>(answer, 409);
    assert.ok(error.code === "BATCH_FAILED");
    assert.deepEqual(error.failures?.map((each) => each.index), [0, 1]);
  },

  async delete_a_task() {
    const options = { client: alice, path: path(await create("14")) };
    assert.equal((await candor.deleteTask(options)).response?.status, 200);
    assert.equal((await candor.getTask(options)).response?.status, 404);
  },

  async money_is_exact() {
    const made = await order();
    assert.deepEqual([made.items?.[0]?.unit_price, made.total], ["4.90", "14.70"]);
  },

  async items_are_read_on_request() {
    const options = { client: alice, path: { order_id: (await order()).id } };
    assert.equal((await candor.getOrder(options)).data?.items, null);
    const { data } = await candor.getOrder({ ...options, query: { expand: "items" } });
    assert.equal(data?.items?.[0]?.sku, "TEA-100");
  },

  async an_order_is_cancelled_once() {
    const options = { client: alice, path: { order_id: (await order()).id } };
    await candor.cancelOrder(options);
    const error = problem<candor.CancelOrderErrors[400]>(await candor.cancelOrder(options), 400);
    assert.ok(error.code === "ORDER_NOT_CANCELLABLE" && error.order_status);
  },

  async a_session_is_refreshed_and_revoked() {
    const { refresh_token } = await logIn();
    const { data } = await candor.refreshTokens({ client: nobody, body: { refresh_token } });
    assert.equal(data?.expires_in, 900);
    await candor.revokeToken({ client: nobody, body: { token: data.refresh_token } });
    bare(await candor.refreshTokens({ client: nobody, body: { refresh_token: data.refresh_token } }), 401);
  },

  async the_account_is_read_and_changed() {
    const { client, user } = await me();
    const { data } = await candor.updateMe({ client, body: { name: "Alice B." } });
    assert.deepEqual([data?.name, data?.email], ["Alice B.", user.email]);
  },

  async the_profile_has_both_parts() {
    const { client, user } = await me();
    const { data } = await candor.getProfile({ client, path: { user_id: user.id } });
    assert.deepEqual([data?.user.id, data?.degraded], [user.id, false]);
    assert.ok(data?.preferences.locale);
  },

  async replacing_needs_the_version() {
    const { client, user } = await me();
    const options = { client, path: { user_id: user.id } };
    const { data, response } = await candor.getPreferences(options);
    const theme = data?.theme === "dark" ? ("light" as const) : ("dark" as const);
    const headers = { "If-Match": response?.headers.get("ETag") ?? "" };
    const body = { locale: "de-CH", time_zone: "Europe/Zurich", theme };
    const put = () => candor.replacePreferences({ ...options, headers, body });
    assert.equal((await put()).data?.locale, "de-CH");
    assert.equal(problem<candor.ReplacePreferencesErrors[412]>(await put(), 412).code, "PRECONDITION_FAILED");
  },

  /** The type requires the header field, so an interceptor removes it. */
  async a_missing_version_is_428() {
    const { client, user } = await me();
    client.interceptors.request.use((request) => {
      request.headers.delete("If-Match");
      return request;
    });
    const body = { locale: "de", time_zone: "UTC", theme: "dark" as const };
    const headers = { "If-Match": "*" };
    const answer = await candor.replacePreferences({ client, path: { user_id: user.id }, headers, body });
    assert.equal(problem<candor.ReplacePreferencesErrors[428]>(answer, 428).code, "PRECONDITION_REQUIRED");
  },

  async a_common_password_is_a_violation() {
    const { client } = await me();
    const body = { current_password: credentials.password, password: "password1" };
    const error = problem<candor.PutPasswordErrors[400]>(await candor.putPassword({ client, body }), 400);
    assert.ok(error.code === "VALIDATION_FAILED");
    assert.deepEqual(error.errors?.map((each) => each.code), ["TOO_COMMON"]);
  },

  async registration_reveals_no_account() {
    const register = (email: string) => candor.registerUser({ client: nobody, body: { name: "Carol", email } });
    const [first, second] = [await register("carol@example.com"), await register(credentials.email)];
    assert.deepEqual([first.response?.status, second.response?.status], [202, 202]);
    assert.deepEqual(first.data, second.data);
  },

  async public_operations_need_no_token() {
    assert.equal((await candor.getHealth({ client: nobody })).data?.status, "ok");
    const { data } = await candor.getError({ client: nobody, path: { slug: "task-title-taken" } });
    assert.equal(data?.code, "TASK_TITLE_TAKEN");
  },

  /** `errors.ts` has a line for each of them that checks its type. */
  async every_declared_error_is_typed() {
    const every: Declared[] = JSON.parse(readFileSync("errors.json", "utf8"));
    assert.ok(every.length > 300);
    assert.equal(errors.length, every.length);
    for (const declared of every) {
      const { operation, code, status, schema } = declared;
      const place = `${operation} ${code}`;
      const answer = await simulated(declared);
      if (schema === null) bare(answer, status);
      else {
        const { code: found, status: same } = problem<candor.Problem>(answer, status);
        assert.deepEqual([found, same], [code, status], place);
      }
    }
  },

  async beyond_the_limit_is_429_and_later_not() {
    const ask = () => candor.requestPasswordReset({ client: nobody, body: { email: "nobody@example.com" } });
    for (let count = 0; count < 200; count++) {
      const { error } = await ask();
      if (error && error.code === "RATE_LIMIT_EXCEEDED") {
        await new Promise((resolve) => setTimeout(resolve, (error.retry_after ?? 60) * 1000 + LATER));
        assert.equal((await ask()).response?.status, 202);
        return;
      }
    }
    assert.fail("no limit");
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
