// Calls the service with openapi-fetch and the types of openapi-typescript: tsc --strict checks this file.
// Node runs it unchanged; it prints each step that succeeded.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

// Node starts a timer at the time of its last loop, therefore a timer can end some milliseconds early.
const LATER = 100;

type Task = components["schemas"]["Task"];

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
const baseUrl = env("CANDOR_URL");
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const nobody = createClient<paths>({ baseUrl });
const alice = createClient<paths>({ baseUrl, headers: bearer(env("CANDOR_ALICE")) });
const bob = createClient<paths>({ baseUrl, headers: bearer(env("CANDOR_BOB")) }); // has no scope but orders
const admin = createClient<paths>({ baseUrl, headers: bearer(env("CANDOR_ADMIN")) });
const wrong = createClient<paths>({ baseUrl, headers: bearer("wrong") });
const credentials = { email: env("CANDOR_EMAIL"), password: env("CANDOR_PASSWORD") };

const path = (task: Task) => ({ path: { task_id: task.name.replace("tasks/", "") } });
const create = async (title: string): Promise<Task> => {
  const { data } = await alice.POST("/v1/tasks", { body: { task: { title } } });
  return data ?? assert.fail(title);
};

type Problem = components["schemas"]["Problem"];
type Declared = {
  method: string;
  path: string;
  parameters: Record<string, string>;
  body: unknown;
  required: string[];
  code: string;
  status: number;
  schema: string | null; // null: the response has no body
};

// Sends a request for an error that the operation declares. The operation is known at run time only.
const simulated = async (declared: Declared): Promise<{ error?: Problem; response: Response }> => {
  const header = Object.fromEntries([["Simulate-Error", declared.code], ...declared.required.map((name) => [name, "*"])]);
  const init = { params: { path: declared.parameters, header }, body: declared.body ?? undefined };
  for (;;) {
    const { error, response } = await admin.request(declared.method.toLowerCase() as "get", declared.path as "/", init as never);
    if (response.status !== 429 || declared.code === "RATE_LIMIT_EXCEEDED") return { error, response };
    await new Promise((resolve) => setTimeout(resolve, Number(response.headers.get("Retry-After")) * 1000 + LATER));
  }
};

const steps: Record<string, () => Promise<void>> = {
  async create() {
    const { data, response } = await alice.POST("/v1/tasks", {
      body: { task: { title: "typescript 1", status: "STATUS_IN_PROGRESS", tags: ["home"] } },
    });
    assert.equal(response.status, 201);
    assert.equal(data?.status, "STATUS_IN_PROGRESS");
    assert.equal(response.headers.get("Location"), `/v1/${data.name}`);
  },

  async create_assumes_defaults() {
    assert.equal((await create("typescript 2")).status, "STATUS_PENDING");
  },

  async patch_of_one_property_leaves_the_others() {
    const params = path(await create("typescript 3"));
    await alice.PATCH("/v1/tasks/{task_id}", { params, body: { status: "STATUS_COMPLETED" } });
    const { data } = await alice.PATCH("/v1/tasks/{task_id}", { params, body: { title: "typescript 3b" } });
    assert.deepEqual([data?.title, data?.status], ["typescript 3b", "STATUS_COMPLETED"]);
  },

  async a_response_can_be_sent_back() {
    const task = await create("typescript 4");
    const { data } = await alice.PATCH("/v1/tasks/{task_id}", { params: path(task), body: task });
    assert.equal(data?.title, task.title);
  },

  async null_clears_a_property() {
    const params = path(await create("typescript 5"));
    await alice.PATCH("/v1/tasks/{task_id}", { params, body: { description: "more" } });
    const { data } = await alice.PATCH("/v1/tasks/{task_id}", { params, body: { description: null } });
    assert.equal(data?.description, null);
  },

  async list_with_a_filter_and_pages() {
    const seen: string[] = [];
    let page_token: string | undefined;
    do {
      const query = { page_size: 2, filter: "status = PENDING", order_by: "title", page_token };
      const { data } = await alice.GET("/v1/tasks", { params: { query } });
      seen.push(...(data?.tasks.map((task) => task.title) ?? []));
      page_token = data?.next_page_token ?? undefined;
    } while (page_token !== undefined && seen.length < 50);
    assert.ok(seen.includes("typescript 2") && !seen.includes("typescript 1"));
  },

  async a_reused_title_is_409() {
    await create("typescript 6");
    const { error, response } = await alice.POST("/v1/tasks", { body: { task: { title: "typescript 6" } } });
    assert.equal(response.status, 409);
    assert.ok(error && error.code === "TASK_TITLE_TAKEN");
  },

  async violations_are_typed() {
    const { error } = await alice.POST("/v1/tasks", { body: { task: { title: "", tags: ["a", "a"] } } });
    assert.ok(error && error.code === "VALIDATION_FAILED");
    assert.deepEqual(
      error.errors?.map((each) => [each.field, each.code, each.pointer]),
      [
        ["title", "TOO_SHORT", "#/task/title"],
        ["tags[1]", "DUPLICATE_TAG", "#/task/tags/1"],
      ],
    );
  },

  async problems_of_one_status_are_distinguished() {
    const { error } = await alice.GET("/v1/tasks", { params: { query: { filter: "nonsense !" } } });
    assert.ok(error && error.code === "INVALID_FILTER");
    const allowed: string[] = error.allowed; // a property of this error alone
    assert.ok(allowed.length > 0 && error.position >= 1);
  },

  async without_a_token_is_401_without_a_body() {
    const { response } = await wrong.GET("/v1/tasks");
    assert.equal(response.status, 401);
    assert.match(response.headers.get("WWW-Authenticate") ?? "", /error="invalid_token"/);
  },

  async without_the_scope_is_403_without_a_body() {
    const { response, data } = await bob.GET("/v1/tasks");
    assert.deepEqual([response.status, data], [403, undefined]);
  },

  async a_missing_resource_is_404() {
    const { error } = await alice.GET("/v1/tasks/{task_id}", { params: { path: { task_id: randomUUID() } } });
    assert.ok(error && error.code === "TASK_NOT_FOUND");
  },

  async a_read_that_is_current_is_304() {
    const params = path(await create("typescript 7"));
    const first = await alice.GET("/v1/tasks/{task_id}", { params });
    const header = { "If-None-Match": first.response.headers.get("ETag") ?? "" };
    const { response } = await alice.GET("/v1/tasks/{task_id}", { params: { ...params, header } });
    assert.equal(response.status, 304);
  },

  async a_stale_version_is_412() {
    const params = { ...path(await create("typescript 8")), header: { "If-Match": '"0-0"' } };
    const { error } = await alice.PATCH("/v1/tasks/{task_id}", { params, body: { title: "x" } });
    assert.ok(error && error.code === "PRECONDITION_FAILED");
  },

  async the_same_key_is_answered_again() {
    const params = { header: { "Idempotency-Key": randomUUID() } };
    const send = (title: string) => alice.POST("/v1/tasks", { params, body: { task: { title } } });
    const [first, again] = [await send("typescript 9"), await send("typescript 9")];
    assert.deepEqual(first.data, again.data);
    assert.equal(again.response.headers.get("Idempotent-Replayed"), "true");
    const { error } = await send("typescript 9b");
    assert.ok(error && error.code === "IDEMPOTENCY_KEY_REUSED");
  },

  async a_batch_lists_failed_items() {
    await create("typescript 10");
    const requests = ["typescript 10", "typescript 11"].map((title) => ({ task: { title } }));
    const { data, response } = await alice.POST("/v1/tasks:batchCreate", { body: { requests } });
    assert.equal(response.status, 207);
    assert.deepEqual([data?.tasks.length, data?.failures[0]?.index], [1, 0]);
  },

  async delete_a_task() {
    const params = path(await create("typescript 12"));
    const { response } = await alice.DELETE("/v1/tasks/{task_id}", { params });
    assert.equal(response.status, 200);
  },

  async money_is_exact() {
    const items = [{ sku: "TEA-100", quantity: 3 }];
    const { data } = await alice.POST("/v1/orders", { body: { customer_id: "alice", currency: "EUR", items } });
    assert.deepEqual([data?.total, data?.items?.[0]?.unit_price], ["14.70", "4.90"]);
    const params = { path: { order_id: data?.id ?? "" } };
    await alice.POST("/v1/orders/{order_id}:cancel", { params });
    const { error } = await alice.POST("/v1/orders/{order_id}:cancel", { params });
    assert.ok(error && error.code === "ORDER_NOT_CANCELLABLE");
  },

  async replacing_needs_the_version() {
    const { data } = await nobody.POST("/v1/tokens", { body: credentials });
    const me = createClient<paths>({ baseUrl, headers: bearer(data?.access_token ?? "") });
    const user = await me.GET("/v1/users/me");
    const at = { path: { user_id: user.data?.id ?? "" } };
    const read = await me.GET("/v1/users/{user_id}/preferences", { params: at });
    const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
    const body = { locale: "de-CH", time_zone: "Europe/Zurich", theme: "light" } as const;
    const put = () => me.PUT("/v1/users/{user_id}/preferences", { params: { ...at, header }, body });
    assert.equal((await put()).response.status, 200);
    const { error } = await put();
    assert.ok(error && error.code === "PRECONDITION_FAILED");
  },

  async a_session_is_refreshed_and_revoked() {
    const { data } = await nobody.POST("/v1/tokens", { body: credentials });
    const fresh = await nobody.POST("/v1/tokens:refresh", { body: { refresh_token: data?.refresh_token ?? "" } });
    assert.equal(fresh.data?.expires_in, 900);
    const me = createClient<paths>({ baseUrl, headers: bearer(fresh.data.access_token) });
    const user = await me.GET("/v1/users/me");
    assert.equal(user.data?.email, credentials.email);
    const params = { path: { user_id: user.data.id } };
    const profile = await me.GET("/v1/users/{user_id}/profile", { params });
    assert.equal(profile.data?.degraded, false);
    await nobody.POST("/v1/tokens:revoke", { body: { token: fresh.data.refresh_token } });
    const body = { refresh_token: fresh.data.refresh_token };
    assert.equal((await nobody.POST("/v1/tokens:refresh", { body })).response.status, 401);
  },

  async every_declared_error_is_typed() {
    for (const declared of JSON.parse(readFileSync("errors.json", "utf8")) as Declared[]) {
      const { error, response } = await simulated(declared);
      const place = `${declared.method} ${declared.path} ${declared.code}`;
      assert.equal(response.status, declared.status, place);
      if (declared.schema === null) assert.ok(!error, place);
      else assert.deepEqual([error?.code, error?.status], [declared.code, declared.status], place);
    }
  },

  async beyond_the_limit_is_429_and_later_not() {
    const ask = () => nobody.POST("/v1/users:requestPasswordReset", { body: { email: "nobody@example.com" } });
    for (let count = 0; count < 200; count++) {
      const { error } = await ask();
      if (error && error.code === "RATE_LIMIT_EXCEEDED") {
        await new Promise((resolve) => setTimeout(resolve, (error.retry_after ?? 60) * 1000 + LATER));
        assert.equal((await ask()).response.status, 202);
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
