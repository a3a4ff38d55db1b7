// Calls the service through the client of openapi-generator for typescript-fetch: tsc --strict checks this
// file. The steps are those of steps.py.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import * as candor from "./candor/index.js";

// Node starts a timer at the time of its last loop, therefore a timer can end some milliseconds early.
const LATER = 100;

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
const basePath = env("CANDOR_URL");
const run = `typescript-fetch ${randomUUID().slice(0, 8)}`;
const as = (accessToken?: string) => new candor.Configuration({ basePath, accessToken });
const nobody = as();
const tasks = new candor.TasksApi(as(env("CANDOR_ALICE")));
const orders = new candor.OrdersApi(as(env("CANDOR_ALICE")));
const credentials = { email: env("CANDOR_EMAIL"), password: env("CANDOR_PASSWORD") };

const task = (title: string) => ({ createTaskRequest: { task: { title: `${run} ${title}` } } });
const create = (title: string) => tasks.createTask(task(title));
const id = (made: candor.Task) => made.name.replace("tasks/", "");
const change = (made: candor.Task, taskUpdate: candor.TaskUpdate) => tasks.updateTask({ taskId: id(made), taskUpdate });
const order = () => {
  const items = [{ sku: "TEA-100", quantity: 3 }];
  return orders.createOrder({ orderCreate: { customerId: "alice", currency: "EUR", items } });
};
const logIn = () => new candor.TokensApi(nobody).createTokens({ credentials });
const me = async () => {
  const configuration = as((await logIn()).accessToken);
  return { configuration, user: await new candor.AccountApi(configuration).getMe() };
};

/** The response of a rejected call. The client has no types of errors: callers parse them with functions. */
const rejection = async (call: Promise<unknown>): Promise<Response> => {
  try {
    await call;
  } catch (error) {
    if (error instanceof candor.ResponseError) return error.response;
    throw error;
  }
  return assert.fail("no error");
};
const bare = async (call: Promise<unknown>, status: number) => {
  const response = await rejection(call);
  assert.deepEqual([response.status, await response.text()], [status, ""]);
  return response;
};

type Declared = {
  operation: string;
  tag: string;
  parameters: Record<string, string>;
  body: unknown;
  request: string | null;
  required: string[];
  code: string;
  status: number;
  schema: string | null; // null: the response has no body
};
type Problem = { code: string; status: number; timestamp: unknown };
type Call = (parameters: object, overrides: candor.InitOverrideFunction) => Promise<unknown>;

/** The functions and classes of the client by name, for operations that are known at run time only. */
const named: Record<string, any> = candor;
const admin = as(env("CANDOR_ADMIN"));
const pascal = (name: string) => name.replace(/(?:^|[-_ ])(\w)/g, (_, letter: string) => letter.toUpperCase());
const camel = (name: string) => pascal(name).replace(/^./, (letter) => letter.toLowerCase());

/** Sends a request for an error that the operation declares. */
const simulated = async (declared: Declared): Promise<Response> => {
  const api: Record<string, Call> = new named[`${pascal(declared.tag)}Api`](admin);
  const required = declared.required.map((name) => [camel(name), "*"]);
  const path = Object.entries(declared.parameters).map(([name, value]) => [camel(name), value]);
  const parameters = Object.fromEntries([...path, ...required]);
  const { request } = declared;
  if (request !== null) parameters[camel(request)] = named[`${request}FromJSON`](declared.body);
  const overrides = async ({ init }: { init: candor.HTTPRequestInit }) => ({
    headers: { ...init.headers, "Simulate-Error": declared.code },
  });
  for (;;) {
    const response = await rejection(api[camel(declared.operation)]!.call(api, parameters, overrides));
    if (response.status !== 429 || declared.code === "RATE_LIMIT_EXCEEDED") return response;
    await new Promise((resolve) => setTimeout(resolve, Number(response.headers.get("Retry-After")) * 1000 + LATER));
  }
};

const steps: Record<string, () => Promise<void>> = {
  async create() {
    const dueDate = new Date(Date.now() + 30 * 86400_000);
    const answer = await tasks.createTaskRaw({
      createTaskRequest: {
        task: { title: `${run} 1`, status: "STATUS_IN_PROGRESS", dueDate, tags: new Set(["home"]) },
      },
    });
    const made = await answer.value();
    assert.equal(answer.raw.status, 201);
    assert.equal(made.status, candor.TaskStatusEnum.StatusInProgress);
    assert.equal(made.dueDate?.getTime(), dueDate.getTime());
    assert.equal(answer.raw.headers.get("Location"), `/v1/${made.name}`);
  },

  async create_assumes_defaults() {
    assert.equal((await create("2")).status, "STATUS_PENDING");
  },

  async patch_of_one_property_leaves_the_others() {
    const made = await create("3");
    await change(made, { status: "STATUS_COMPLETED" });
    const renamed = await change(made, { title: `${run} 3b` });
    assert.deepEqual([renamed.title, renamed.status], [`${run} 3b`, "STATUS_COMPLETED"]);
  },

  async a_response_can_be_sent_back() {
    const made = await create("4");
    assert.equal((await change(made, made)).title, made.title);
  },

  async null_clears_a_property() {
    const made = await create("5");
    await change(made, { description: "more" });
    assert.equal((await change(made, { description: null })).description, null);
  },

  async a_mask_clears_missing_properties() {
    const made = await create("6");
    await change(made, { description: "more" });
    const cleared = await tasks.updateTask({
      taskId: id(made),
      taskUpdate: { title: "x" },
      updateMask: "description",
    });
    assert.deepEqual([cleared.title, cleared.description], [made.title, null]);
  },

  async list_with_a_filter_and_pages() {
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await tasks.listTasks({ pageSize: 2, filter: "status = PENDING", orderBy: "title", pageToken });
      seen.push(...page.tasks.map((each) => each.title));
      pageToken = page.nextPageToken ?? undefined;
    } while (pageToken !== undefined);
    assert.ok(seen.includes(`${run} 2`) && !seen.includes(`${run} 1`));
  },

  async a_reused_title_is_409() {
    await create("7");
    const response = await rejection(create("7"));
    assert.equal(response.status, 409);
    const problem = candor.CreateTask409ResponseFromJSON(await response.json());
    assert.ok(problem.code === "TASK_TITLE_TAKEN" && problem.timestamp instanceof Date);
  },

  async violations_are_typed() {
    const wrong = { title: "", dueDate: new Date(0) };
    const response = await rejection(tasks.createTask({ createTaskRequest: { task: wrong } }));
    const problem = candor.CreateTask400ResponseFromJSON(await response.json());
    assert.ok(problem.code === "VALIDATION_FAILED");
    assert.deepEqual(
      problem.errors?.map((each) => [each.field, each.code, each.pointer]),
      [
        ["title", candor.ViolationCodeEnum.TooShort, "#/task/title"],
        ["due_date", candor.ViolationCodeEnum.MustBeFuture, "#/task/due_date"],
      ],
    );
  },

  async problems_of_one_status_are_distinguished() {
    const filtered = await rejection(tasks.listTasks({ filter: "nonsense !" }));
    const problem = candor.ListTasks400ResponseFromJSON(await filtered.json());
    assert.ok(problem.code === "INVALID_FILTER" && problem.position >= 1 && problem.allowed.length > 0);
    const ordered = await rejection(tasks.listTasks({ orderBy: "nothing" }));
    assert.equal(candor.ListTasks400ResponseFromJSON(await ordered.json()).code, "INVALID_ORDER_BY");
  },

  async without_a_token_is_401_without_a_body() {
    const response = await bare(new candor.TasksApi(as("wrong")).listTasks(), 401);
    assert.match(response.headers.get("WWW-Authenticate") ?? "", /error="invalid_token"/);
  },

  async without_the_scope_is_403_without_a_body() {
    await bare(new candor.TasksApi(as(env("CANDOR_BOB"))).listTasks(), 403);
  },

  async a_missing_resource_is_404() {
    const response = await rejection(tasks.getTask({ taskId: randomUUID() }));
    assert.equal(candor.TaskNotFoundFromJSON(await response.json()).code, "TASK_NOT_FOUND");
  },

  async a_read_that_is_current_is_304() {
    const taskId = id(await create("9"));
    const { raw } = await tasks.getTaskRaw({ taskId });
    await bare(tasks.getTask({ taskId, ifNoneMatch: raw.headers.get("ETag") ?? "" }), 304);
  },

  async a_stale_version_is_412() {
    const taskId = id(await create("10"));
    const response = await rejection(tasks.updateTask({ taskId, taskUpdate: { title: "x" }, ifMatch: '"0-0"' }));
    assert.equal(candor.PreconditionFailedFromJSON(await response.json()).status, 412);
  },

  async the_same_key_is_answered_again() {
    const idempotencyKey = randomUUID();
    const send = (title: string) => tasks.createTaskRaw({ ...task(title), idempotencyKey });
    const [first, again] = [await send("11"), await send("11")];
    assert.deepEqual(await first.value(), await again.value());
    assert.equal(again.raw.headers.get("Idempotent-Replayed"), "true");
    const response = await rejection(send("11b"));
    assert.equal(candor.IdempotencyKeyReusedFromJSON(await response.json()).status, 422);
  },

  async a_batch_lists_failed_items() {
    await create("12");
    const answer = await tasks.createTasksRaw({ batchCreateTasksRequest: batch("12", "13") });
    const { tasks: made, failures } = await answer.value();
    assert.deepEqual([answer.raw.status, made.length, failures[0]?.index], [207, 1, 0]);
    assert.equal(failures[0]?.problem.code, "TASK_TITLE_TAKEN");
  },

  async a_batch_that_fails_completely_is_409() {
    const response = await rejection(tasks.createTasks({ batchCreateTasksRequest: batch("12", "13") }));
    const problem = candor.CreateTasks409ResponseFromJSON(await response.json());
    assert.ok(problem.code === "BATCH_FAILED");
    assert.deepEqual(problem.failures?.map((each) => each.index), [0, 1]);
  },

  async delete_a_task() {
    const taskId = id(await create("14"));
    assert.equal((await tasks.deleteTaskRaw({ taskId })).raw.status, 200);
    assert.equal((await rejection(tasks.getTask({ taskId }))).status, 404);
  },

  async money_is_exact() {
    const made = await order();
    assert.deepEqual([made.items?.[0]?.unitPrice, made.total], ["4.90", "14.70"]);
  },

  async items_are_read_on_request() {
    const { id: orderId } = await order();
    assert.equal((await orders.getOrder({ orderId })).items, null);
    assert.equal((await orders.getOrder({ orderId, expand: "items" })).items?.[0]?.sku, "TEA-100");
  },

  async an_order_is_cancelled_once() {
    const { id: orderId } = await order();
    await orders.cancelOrder({ orderId });
    const response = await rejection(orders.cancelOrder({ orderId }));
    const problem = candor.CancelOrder400ResponseFromJSON(await response.json());
    assert.equal(problem.code, "ORDER_NOT_CANCELLABLE");
  },

  async a_session_is_refreshed_and_revoked() {
    const sessions = new candor.TokensApi(nobody);
    const { refreshToken } = await logIn();
    const fresh = await sessions.refreshTokens({ tokenRefresh: { refreshToken } });
    assert.equal(fresh.expiresIn, 900);
    await sessions.revokeToken({ tokenRevocation: { token: fresh.refreshToken } });
    await bare(sessions.refreshTokens({ tokenRefresh: { refreshToken: fresh.refreshToken } }), 401);
  },

  async the_account_is_read_and_changed() {
    const { configuration, user } = await me();
    const renamed = await new candor.AccountApi(configuration).updateMe({ userUpdate: { name: "Alice B." } });
    assert.deepEqual([renamed.name, renamed.email], ["Alice B.", user.email]);
  },

  async the_profile_has_both_parts() {
    const { configuration, user } = await me();
    const profile = await new candor.ProfilesApi(configuration).getProfile({ userId: user.id });
    assert.deepEqual([profile.user.id, profile.degraded], [user.id, false]);
    assert.ok(profile.preferences.locale);
  },

  async replacing_needs_the_version() {
    const { configuration, user } = await me();
    const preferences = new candor.PreferencesApi(configuration);
    const read = await preferences.getPreferencesRaw({ userId: user.id });
    const theme = (await read.value()).theme === "dark" ? "light" : "dark";
    const preferencesInput = { locale: "de-CH", timeZone: "Europe/Zurich", theme } as const;
    const put = { userId: user.id, ifMatch: read.raw.headers.get("ETag") ?? "", preferencesInput };
    assert.equal((await preferences.replacePreferences(put)).locale, "de-CH");
    assert.equal((await rejection(preferences.replacePreferences(put))).status, 412);
  },

  /** The type requires the header field, so an override removes it. */
  async a_missing_version_is_428() {
    const { configuration, user } = await me();
    const preferencesInput = { locale: "de", timeZone: "UTC", theme: "dark" } as const;
    const put = new candor.PreferencesApi(configuration).replacePreferences(
      { userId: user.id, ifMatch: "*", preferencesInput },
      async ({ init }) => {
        const { "If-Match": _, ...headers } = init.headers ?? {};
        return { headers };
      },
    );
    const response = await rejection(put);
    assert.equal(candor.PreconditionRequiredFromJSON(await response.json()).status, 428);
  },

  async a_common_password_is_a_violation() {
    const { configuration } = await me();
    const passwordChange = { currentPassword: credentials.password, password: "password1" };
    const response = await rejection(new candor.PasswordsApi(configuration).putPassword({ passwordChange }));
    const problem = candor.PutPassword400ResponseFromJSON(await response.json());
    assert.ok(problem.code === "VALIDATION_FAILED");
    assert.deepEqual(problem.errors?.map((each) => each.code), ["TOO_COMMON"]);
  },

  async registration_reveals_no_account() {
    const register = (email: string) =>
      new candor.RegistrationApi(nobody).registerUserRaw({ userCreate: { name: "Carol", email } });
    const answers = [await register("carol@example.com"), await register(credentials.email)];
    assert.deepEqual(answers.map((each) => each.raw.status), [202, 202]);
    assert.deepEqual(await answers[0]?.value(), await answers[1]?.value());
  },

  async public_operations_need_no_token() {
    assert.equal((await new candor.HealthApi(nobody).getHealth()).status, "ok");
    const entry = await new candor.CatalogueApi(nobody).getError({ slug: "task-title-taken" });
    assert.equal(entry.code, "TASK_TITLE_TAKEN");
  },

  async every_declared_error_is_typed() {
    const every: Declared[] = JSON.parse(readFileSync("errors.json", "utf8"));
    assert.ok(every.length > 300);
    for (const declared of every) {
      const { operation, code, status, schema } = declared;
      const response = await simulated(declared);
      const place = `${operation} ${code}`;
      assert.equal(response.status, status, place);
      if (schema === null) {
        assert.equal(await response.text(), "", place);
        continue;
      }
      const read = named[`${pascal(operation)}${status}ResponseFromJSON`] ?? named[`${schema}FromJSON`];
      const problem: Problem = read(await response.json());
      assert.ok(named[`instanceOf${schema}`](problem), place);
      assert.deepEqual([problem.code, problem.status], [code, status], place);
      assert.ok(problem.timestamp instanceof Date, place);
    }
  },

  async beyond_the_limit_is_429_and_later_not() {
    const passwordResetRequest = { email: "nobody@example.com" };
    const ask = () => new candor.ForgottenPasswordsApi(nobody).requestPasswordResetRaw({ passwordResetRequest });
    let wait: number | undefined;
    for (let count = 0; count < 200 && wait === undefined; count++) {
      await ask().catch(async (error: candor.ResponseError) => {
        const problem = candor.RateLimitExceededFromJSON(await error.response.json());
        assert.equal(error.response.status, 429);
        wait = problem.retryAfter ?? assert.fail("no retry_after");
      });
    }
    await new Promise((resolve) => setTimeout(resolve, (wait ?? assert.fail("no limit")) * 1000 + LATER));
    assert.equal((await ask()).raw.status, 202);
  },
};

function batch(...titles: string[]): candor.BatchCreateTasksRequest {
  return { requests: titles.map((title) => ({ task: { title: `${run} ${title}` } })) };
}

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(name);
}
