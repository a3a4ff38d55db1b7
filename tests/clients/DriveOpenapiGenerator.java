// Calls the service through the Java client of openapi-generator (java.net.http and Jackson): javac checks
// this file. The steps are those of steps.py, in order of their declaration.

import candor.ApiClient;
import candor.ApiException;
import candor.api.*;
import candor.api.AccountApi.*;
import candor.api.HealthApi.*;
import candor.api.OrdersApi.*;
import candor.api.PreferencesApi.*;
import candor.api.ProfilesApi.*;
import candor.api.TasksApi.*;
import candor.model.*;
import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;

public class DriveOpenapiGenerator {
  interface Step {
    void run() throws Exception;
  }

  interface Call<T> {
    T run() throws ApiException;
  }

  static final String URL = System.getenv("CANDOR_URL");
  static final String RUN = "java " + UUID.randomUUID().toString().substring(0, 8);
  static final ApiClient NOBODY = client(null);
  static final ApiClient ADMIN = client(System.getenv("CANDOR_ADMIN"));
  static final ApiClient ALICE = client(System.getenv("CANDOR_ALICE"));
  static final TasksApi TASKS = new TasksApi(ALICE);
  static final OrdersApi ORDERS = new OrdersApi(ALICE);
  static final Credentials CREDENTIALS =
      new Credentials().email(System.getenv("CANDOR_EMAIL")).password(System.getenv("CANDOR_PASSWORD"));
  static final Map<String, Step> STEPS = new LinkedHashMap<>();

  static ApiClient client(String token) {
    ApiClient made = new ApiClient();
    made.updateBaseUri(URL);
    return token == null ? made : made.setRequestInterceptor(b -> b.header("Authorization", "Bearer " + token));
  }

  static void same(Object found, Object expected) {
    if (!Objects.equals(found, expected)) throw new AssertionError(found + " is not " + expected);
  }

  static void holds(boolean condition, Object found) {
    if (!condition) throw new AssertionError(found);
  }

  static ApiException rejection(Call<?> call) {
    try {
      throw new AssertionError(call.run());
    } catch (ApiException rejected) {
      return rejected;
    }
  }

  /** The problem of a rejected call, with the type that the document has for this operation and status. */
  static <T> T problem(Class<T> type, Call<?> call) throws Exception {
    return ALICE.getObjectMapper().readValue(rejection(call).getResponseBody(), type);
  }

  static void bare(int status, Call<?> call) {
    ApiException rejected = rejection(call);
    same(List.of(rejected.getCode(), Objects.requireNonNullElse(rejected.getResponseBody(), "")), List.of(status, ""));
  }

  static CreateTaskRequest of(String title) {
    return new CreateTaskRequest().task(new TaskCreate().title(RUN + " " + title));
  }

  static Task create(String title) throws ApiException {
    return TASKS.createTask(of(title), null, null);
  }

  static UUID id(Task task) {
    return UUID.fromString(task.getName().replace("tasks/", ""));
  }

  static Task update(Task task, TaskUpdate change, String mask) throws ApiException {
    return TASKS.updateTask(change(id(task), change).updateMask(mask).build());
  }

  static APIListTasksRequest.Builder tasks() {
    return APIListTasksRequest.newBuilder();
  }

  static APIGetTaskRequest.Builder task(UUID id) {
    return APIGetTaskRequest.newBuilder().taskId(id);
  }

  static APIUpdateTaskRequest.Builder change(UUID id, TaskUpdate change) {
    return APIUpdateTaskRequest.newBuilder().taskId(id).taskUpdate(change);
  }

  static BatchCreateTasksRequest batch(String... titles) {
    BatchCreateTasksRequest made = new BatchCreateTasksRequest();
    for (String each : titles) made.addRequestsItem(new BatchCreateItem().task(of(each).getTask()));
    return made;
  }

  static Order order() throws ApiException {
    OrderItemCreate item = new OrderItemCreate().sku("TEA-100").quantity(3);
    OrderCreate made = new OrderCreate().customerId("alice").currency(OrderCreate.CurrencyEnum.EUR);
    return ORDERS.createOrder(made.addItemsItem(item), null, null);
  }

  static ApiClient me() throws ApiException {
    return client(new TokensApi(NOBODY).createTokens(CREDENTIALS, null).getAccessToken());
  }

  static User user(ApiClient client) throws ApiException {
    return new AccountApi(client).getMe(APIGetMeRequest.newBuilder().build());
  }

  static String pascal(String name) {
    return Pattern.compile("(?:^|[-_ ])(\\w)").matcher(name).replaceAll(found -> found.group(1).toUpperCase());
  }

  static String camel(String name) {
    return name.substring(0, 1).toLowerCase() + pascal(name).substring(1);
  }

  /** The value of an argument: a parameter of the path, the body, or a required header field. */
  static Object argument(String name, Class<?> type, JsonNode declared) throws Exception {
    if (type.getSimpleName().equals(declared.get("request").textValue()))
      return ADMIN.getObjectMapper().treeToValue(declared.get("body"), type);
    for (var each : declared.get("parameters").properties())
      if (camel(each.getKey()).equals(name))
        return ADMIN.getObjectMapper().treeToValue(each.getValue(), type);
    for (JsonNode each : declared.get("required")) if (camel(each.asText()).equals(name)) return "*";
    return null;
  }

  /** The error of an operation that is only known at run time. */
  static ApiException simulated(JsonNode declared) throws Exception {
    String code = declared.get("code").asText();
    Object api = Class.forName("candor.api." + pascal(declared.get("tag").asText()) + "Api")
        .getConstructor(ApiClient.class).newInstance(ADMIN);
    Method call = Arrays.stream(api.getClass().getMethods())
        .filter(each -> each.getName().equals(camel(declared.get("operation").asText())))
        .filter(each -> each.getParameterTypes()[each.getParameterCount() - 1] == Map.class)
        .filter(each -> !each.getParameterTypes()[0].getSimpleName().startsWith("API")).findFirst().orElseThrow();
    List<Object> arguments = new ArrayList<>();
    for (var each : call.getParameters()) arguments.add(argument(each.getName(), each.getType(), declared));
    arguments.set(arguments.size() - 1, Map.of("Simulate-Error", code));
    while (true) {
      try {
        throw new AssertionError(call.invoke(api, arguments.toArray()));
      } catch (InvocationTargetException thrown) {
        holds(thrown.getCause() instanceof ApiException, thrown.getCause());
        ApiException rejected = (ApiException) thrown.getCause();
        if (rejected.getCode() != 429 || code.equals("RATE_LIMIT_EXCEEDED")) return rejected;
        Thread.sleep(1000 * rejected.getResponseHeaders().firstValueAsLong("Retry-After").orElseThrow());
      }
    }
  }

  /** The type that the document has for an operation and status: that of the error, or of several. */
  static Class<?> type(JsonNode declared) throws ClassNotFoundException {
    String several = pascal(declared.get("operation").asText()) + declared.get("status") + "Response";
    try {
      return Class.forName("candor.model." + several);
    } catch (ClassNotFoundException none) {
      return Class.forName("candor.model." + declared.get("schema").asText());
    }
  }

  static {
    STEPS.put("create", () -> {
      OffsetDateTime later = OffsetDateTime.now(ZoneOffset.UTC).plusDays(30).truncatedTo(ChronoUnit.MICROS);
      TaskCreate sent = new TaskCreate().title(RUN + " 1").status(TaskCreate.StatusEnum.STATUS_IN_PROGRESS);
      sent.dueDate(later).addTagsItem("home");
      var made = TASKS.createTaskWithHttpInfo(new CreateTaskRequest().task(sent), null, null);
      Task task = made.getData();
      same(made.getStatusCode(), 201);
      same(task.getStatus(), Task.StatusEnum.STATUS_IN_PROGRESS);
      same(task.getDueDate().toInstant(), later.toInstant());
      same(made.getHeaders().get("location"), List.of("/v1/" + task.getName()));
    });
    STEPS.put("create_assumes_defaults", () -> same(create("2").getStatus(), Task.StatusEnum.STATUS_PENDING));
    STEPS.put("patch_of_one_property_leaves_the_others", () -> {
      Task task = create("3");
      update(task, new TaskUpdate().status(TaskUpdate.StatusEnum.STATUS_COMPLETED), null);
      Task renamed = update(task, new TaskUpdate().title(RUN + " 3b"), null);
      same(renamed.getTitle(), RUN + " 3b");
      same(renamed.getStatus(), Task.StatusEnum.STATUS_COMPLETED);
    });
    STEPS.put("a_response_can_be_sent_back", () -> {
      Task task = create("4");
      TaskUpdate same = ALICE.getObjectMapper().convertValue(task, TaskUpdate.class);
      same(update(task, same, null).getTitle(), task.getTitle());
    });
    STEPS.put("a_mask_clears_missing_properties", () -> {
      Task task = create("6");
      same(update(task, new TaskUpdate().description("more"), null).getDescription(), "more");
      Task cleared = update(task, new TaskUpdate().title("x"), "description");
      same(cleared.getTitle(), task.getTitle());
      same(cleared.getDescription(), null);
    });
    STEPS.put("list_with_a_filter_and_pages", () -> {
      List<String> seen = new ArrayList<>();
      String token = null;
      do {
        TaskList page = TASKS.listTasks(
            tasks().pageSize(2).pageToken(token).filter("status = PENDING").orderBy("title").build());
        for (Task each : page.getTasks()) seen.add(each.getTitle());
        token = page.getNextPageToken();
      } while (token != null);
      holds(seen.contains(RUN + " 2") && !seen.contains(RUN + " 1"), seen);
    });
    STEPS.put("a_reused_title_is_409", () -> {
      create("7");
      Object problem = problem(CreateTask409Response.class, () -> create("7")).getActualInstance();
      holds(problem instanceof TaskTitleTaken taken && taken.getStatus() == 409, problem);
    });
    STEPS.put("violations_are_typed", () -> {
      TaskCreate wrong = new TaskCreate().title("").dueDate(OffsetDateTime.parse("2020-01-01T00:00:00Z"));
      var sent = new CreateTaskRequest().task(wrong);
      var problem = problem(CreateTask400Response.class, () -> TASKS.createTask(sent, null, null));
      List<Violation> errors = problem.getValidationFailed().getErrors();
      same(errors.stream().map(Violation::getCode).toList(),
          List.of(Violation.CodeEnum.TOO_SHORT, Violation.CodeEnum.MUST_BE_FUTURE));
      same(errors.stream().map(Violation::getPointer).toList(), List.of("#/task/title", "#/task/due_date"));
    });
    STEPS.put("problems_of_one_status_are_distinguished", () -> {
      var type = ListTasks400Response.class;
      var filtered = problem(type, () -> TASKS.listTasks(tasks().filter("nonsense !").build()));
      holds(filtered.getInvalidFilter().getPosition() >= 1, filtered);
      var ordered = problem(type, () -> TASKS.listTasks(tasks().orderBy("nothing").build()));
      holds(ordered.getActualInstance() instanceof InvalidOrderBy, ordered);
    });
    STEPS.put("without_a_token_is_401_without_a_body", () -> {
      TasksApi wrong = new TasksApi(client("wrong"));
      bare(401, () -> wrong.listTasks(tasks().build()));
      var headers = rejection(() -> wrong.listTasks(tasks().build())).getResponseHeaders();
      holds(headers.firstValue("WWW-Authenticate").orElse("").contains("error=\"invalid_token\""), headers);
    });
    STEPS.put("without_the_scope_is_403_without_a_body", () -> {
      TasksApi bob = new TasksApi(client(System.getenv("CANDOR_BOB")));
      bare(403, () -> bob.listTasks(tasks().build()));
    });
    STEPS.put("a_missing_resource_is_404", () -> {
      var missing = problem(TaskNotFound.class, () -> TASKS.getTask(task(UUID.randomUUID()).build()));
      same(missing.getCode(), TaskNotFound.CodeEnum.TASK_NOT_FOUND);
    });
    STEPS.put("a_read_that_is_current_is_304", () -> {
      UUID id = id(create("9"));
      String tag = TASKS.getTaskWithHttpInfo(task(id).build()).getHeaders().get("etag").get(0);
      bare(304, () -> TASKS.getTask(task(id).ifNoneMatch(tag).build()));
    });
    STEPS.put("a_stale_version_is_412", () -> {
      UUID id = id(create("10"));
      TaskUpdate change = new TaskUpdate().title("x");
      var stale = problem(
          PreconditionFailed.class, () -> TASKS.updateTask(change(id, change).ifMatch("\"0-0\"").build()));
      same(stale.getStatus(), 412);
    });
    STEPS.put("the_same_key_is_answered_again", () -> {
      String key = UUID.randomUUID().toString();
      Task first = TASKS.createTask(of("11"), null, key);
      var again = TASKS.createTaskWithHttpInfo(of("11"), null, key);
      same(again.getData(), first);
      same(again.getHeaders().get("idempotent-replayed"), List.of("true"));
      var reused = problem(IdempotencyKeyReused.class, () -> TASKS.createTask(of("11b"), null, key));
      same(reused.getStatus(), 422);
    });
    STEPS.put("a_batch_lists_failed_items", () -> {
      create("12");
      var made = TASKS.createTasksWithHttpInfo(batch("12", "13"), null, null);
      same(made.getStatusCode(), 207);
      same(made.getData().getTasks().get(0).getTitle(), RUN + " 13");
      BatchFailure failure = made.getData().getFailures().get(0);
      same(List.of(failure.getIndex(), failure.getProblem().getCode()), List.of(0, "TASK_TITLE_TAKEN"));
    });
    STEPS.put("a_batch_that_fails_completely_is_409", () -> {
      var rejected = problem(CreateTasks409Response.class, () -> TASKS.createTasks(batch("12", "13"), null, null));
      same(rejected.getBatchFailed().getFailures().size(), 2);
    });
    STEPS.put("delete_a_task", () -> {
      UUID id = id(create("14"));
      same(TASKS.deleteTaskWithHttpInfo(APIDeleteTaskRequest.newBuilder().taskId(id).build()).getStatusCode(), 200);
      same(rejection(() -> TASKS.getTask(task(id).build())).getCode(), 404);
    });
    STEPS.put("money_is_exact", () -> {
      Order made = order();
      same(List.of(made.getItems().get(0).getUnitPrice(), made.getTotal()), List.of("4.90", "14.70"));
    });
    STEPS.put("items_are_read_on_request", () -> {
      UUID id = order().getId();
      same(ORDERS.getOrder(APIGetOrderRequest.newBuilder().orderId(id).build()).getItems(), null);
      Order whole = ORDERS.getOrder(APIGetOrderRequest.newBuilder().orderId(id).expand("items").build());
      same(whole.getItems().get(0).getSku(), "TEA-100");
    });
    STEPS.put("an_order_is_cancelled_once", () -> {
      UUID id = order().getId();
      var request = APICancelOrderRequest.newBuilder().orderId(id).build();
      ORDERS.cancelOrder(request);
      var rejected = problem(CancelOrder400Response.class, () -> ORDERS.cancelOrder(request));
      holds(rejected.getActualInstance() instanceof OrderNotCancellable, rejected);
    });
    STEPS.put("a_session_is_refreshed_and_revoked", () -> {
      TokensApi sessions = new TokensApi(NOBODY);
      String token = sessions.createTokens(CREDENTIALS, null).getRefreshToken();
      Tokens fresh = sessions.refreshTokens(new TokenRefresh().refreshToken(token), null);
      same(fresh.getExpiresIn(), 900L);
      sessions.revokeToken(new TokenRevocation().token(fresh.getRefreshToken()), null);
      bare(401, () -> sessions.refreshTokens(new TokenRefresh().refreshToken(fresh.getRefreshToken()), null));
    });
    STEPS.put("the_account_is_read_and_changed", () -> {
      ApiClient me = me();
      User renamed = new AccountApi(me)
          .updateMe(APIUpdateMeRequest.newBuilder().userUpdate(new UserUpdate().name("Alice B.")).build());
      same(List.of(renamed.getName(), renamed.getEmail()), List.of("Alice B.", user(me).getEmail()));
    });
    STEPS.put("the_profile_has_both_parts", () -> {
      ApiClient me = me();
      var request = APIGetProfileRequest.newBuilder().userId(user(me).getId()).build();
      Profile profile = new ProfilesApi(me).getProfile(request);
      same(profile.getUser(), user(me));
      holds(profile.getPreferences().getLocale() != null && !profile.getDegraded(), profile);
    });
    STEPS.put("replacing_needs_the_version", () -> {
      ApiClient me = me();
      UUID id = user(me).getId();
      PreferencesApi preferences = new PreferencesApi(me);
      var read = preferences.getPreferencesWithHttpInfo(APIGetPreferencesRequest.newBuilder().userId(id).build());
      String tag = read.getHeaders().get("etag").get(0);
      boolean dark = read.getData().getTheme() == Preferences.ThemeEnum.DARK;
      PreferencesInput body = new PreferencesInput().locale("de-CH").timeZone("Europe/Zurich");
      body.theme(dark ? PreferencesInput.ThemeEnum.LIGHT : PreferencesInput.ThemeEnum.DARK);
      same(preferences.replacePreferences(tag, id, body, null, null).getLocale(), "de-CH");
      same(rejection(() -> preferences.replacePreferences(tag, id, body, null, null)).getCode(), 412);
    });
    // The client requires the parameter, so the driver sends the request without the client.
    STEPS.put("a_missing_version_is_428", () -> {
      String token = new TokensApi(NOBODY).createTokens(CREDENTIALS, null).getAccessToken();
      URI address = URI.create(URL + "/v1/users/" + user(client(token)).getId() + "/preferences");
      String json = "{\"locale\": \"de\", \"time_zone\": \"UTC\", \"theme\": \"dark\"}";
      HttpRequest.Builder put = HttpRequest.newBuilder(address).PUT(HttpRequest.BodyPublishers.ofString(json));
      put.header("Authorization", "Bearer " + token).header("Content-Type", "application/json");
      var answer = HttpClient.newHttpClient().send(put.build(), HttpResponse.BodyHandlers.ofString());
      var problem = ALICE.getObjectMapper().readValue(answer.body(), PreconditionRequired.class);
      same(problem.getStatus(), 428);
    });
    STEPS.put("a_common_password_is_a_violation", () -> {
      PasswordsApi passwords = new PasswordsApi(me());
      PasswordChange change = new PasswordChange().currentPassword(CREDENTIALS.getPassword()).password("password1");
      var type = PutPassword400Response.class;
      var errors = problem(type, () -> passwords.putPassword(change, null)).getValidationFailed().getErrors();
      same(errors.get(0).getCode(), Violation.CodeEnum.TOO_COMMON);
    });
    STEPS.put("registration_reveals_no_account", () -> {
      RegistrationApi registration = new RegistrationApi(NOBODY);
      UserCreate body = new UserCreate().name("Carol").email("carol@example.com");
      var first = registration.registerUserWithHttpInfo(body, null);
      var second = registration.registerUserWithHttpInfo(body.email(CREDENTIALS.getEmail()), null);
      same(List.of(first.getStatusCode(), second.getStatusCode()), List.of(202, 202));
      same(first.getData(), second.getData());
    });
    STEPS.put("public_operations_need_no_token", () -> {
      same(new HealthApi(NOBODY).getHealth(APIGetHealthRequest.newBuilder().build()).getStatus(), Health.StatusEnum.OK);
      same(new CatalogueApi(NOBODY).getError("task-title-taken", null).getCode(), "TASK_TITLE_TAKEN");
    });
    STEPS.put("every_declared_error_is_typed", () -> {
      JsonNode every = ADMIN.getObjectMapper().readTree(Files.readString(Path.of("errors.json")));
      holds(every.size() > 300, every.size());
      for (JsonNode declared : every) {
        ApiException rejected = simulated(declared);
        same(rejected.getCode(), declared.get("status").asInt());
        if (declared.get("schema").isNull()) {
          same(Objects.requireNonNullElse(rejected.getResponseBody(), ""), "");
          continue;
        }
        Object read = ADMIN.getObjectMapper().readValue(rejected.getResponseBody(), type(declared));
        Object found = read instanceof AbstractOpenApiSchema several ? several.getActualInstance() : read;
        same(found.getClass().getSimpleName(), declared.get("schema").asText());
        same(found.getClass().getMethod("getCode").invoke(found).toString(), declared.get("code").asText());
        same(found.getClass().getMethod("getStatus").invoke(found), rejected.getCode());
      }
    });
    STEPS.put("beyond_the_limit_is_429_and_later_not", () -> {
      ForgottenPasswordsApi forgotten = new ForgottenPasswordsApi(NOBODY);
      PasswordResetRequest body = new PasswordResetRequest().email("nobody@example.com");
      ApiException rejected = null;
      for (int count = 0; count < 200 && rejected == null; count++) {
        try {
          forgotten.requestPasswordReset(body, null);
        } catch (ApiException each) {
          rejected = each;
        }
      }
      var problem = ALICE.getObjectMapper().readValue(rejected.getResponseBody(), RateLimitExceeded.class);
      same(rejected.getCode(), 429);
      Thread.sleep(1000L * problem.getRetryAfter());
      same(forgotten.requestPasswordResetWithHttpInfo(body, null).getStatusCode(), 202);
    });
  }

  public static void main(String[] arguments) throws Exception {
    for (var step : STEPS.entrySet()) {
      step.getValue().run();
      System.out.println(step.getKey());
    }
  }
}
