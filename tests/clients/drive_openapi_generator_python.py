"""Calls the service through the Python client of openapi-generator: mypy checks this file against its types.

The steps are those of ``steps.py``. Its models validate requests, so a request that the service rejects breaks a rule
that a schema can't express.
"""

import json
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_type_hints

import candor_openapi
from candor_openapi import (
    AccountApi,
    ApiClient,
    ApiException,
    BatchCreateItem,
    BatchCreateTasksRequest,
    BatchFailed,
    CatalogueApi,
    Configuration,
    CreateTaskRequest,
    Credentials,
    ForgottenPasswordsApi,
    HealthApi,
    IdempotencyKeyReused,
    InvalidFilter,
    InvalidOrderBy,
    Order,
    OrderCreate,
    OrderItemCreate,
    OrderNotCancellable,
    OrdersApi,
    PasswordChange,
    PasswordResetRequest,
    PasswordsApi,
    PreconditionFailed,
    PreconditionRequired,
    PreferencesApi,
    PreferencesInput,
    ProfilesApi,
    RateLimitExceeded,
    RegistrationApi,
    Task,
    TaskCreate,
    TaskNotFound,
    TasksApi,
    TaskTitleTaken,
    TaskUpdate,
    TokenRefresh,
    TokenRevocation,
    Tokens,
    TokensApi,
    UserCreate,
    UserUpdate,
    ValidationFailed,
)

URL = os.environ["CANDOR_URL"]
CREDENTIALS = Credentials(email=os.environ["CANDOR_EMAIL"], password=os.environ["CANDOR_PASSWORD"])
LATER = datetime.now(UTC) + timedelta(days=30)
RUN = f"python {uuid.uuid4().hex[:8]}"
STEPS: list[Callable[[], None]] = []


def client(token: str | None = None, *, retries: int | None = None) -> ApiClient:
    return ApiClient(Configuration(host=URL, access_token=token, retries=retries))


NOBODY = client()
ADMIN = client(os.environ["CANDOR_ADMIN"], retries=0)
"""By default, urllib3 sends a GET, PUT or DELETE that is answered with 429 or 503 again, after `Retry-After`."""
ALICE = client(os.environ["CANDOR_ALICE"])
BOB = client(os.environ["CANDOR_BOB"])
"""Bob's token has only the scope `orders`."""
TASKS = TasksApi(ALICE)
ORDERS = OrdersApi(ALICE)


def step(function: Callable[[], None]) -> Callable[[], None]:
    STEPS.append(function)
    return function


def rejection(call: Callable[..., object], *arguments: Any, **options: Any) -> ApiException:
    """Return the exception of a rejected call; ``data`` is the typed problem."""
    try:
        found = call(*arguments, **options)
    except ApiException as rejected:
        return rejected
    raise AssertionError(found)


def problem(call: Callable[..., object], *arguments: Any, **options: Any) -> object:
    """Return the problem, also if the status has several types of problems."""
    data = rejection(call, *arguments, **options).data
    return getattr(data, "actual_instance", data)


def of(title: str) -> CreateTaskRequest:
    return CreateTaskRequest(task=TaskCreate(title=f"{RUN} {title}"))


def new(title: str) -> Task:
    return TASKS.create_task(of(title))


def uid(task: Task) -> uuid.UUID:
    return uuid.UUID(task.name.removeprefix("tasks/"))


@step
def create() -> None:
    sent = TaskCreate(title=f"{RUN} 1", status="STATUS_IN_PROGRESS", due_date=LATER, tags=["home"])
    made = TASKS.create_task_with_http_info(CreateTaskRequest(task=sent))
    assert made.status_code == 201
    assert (made.data.status, made.data.due_date) == ("STATUS_IN_PROGRESS", LATER)
    assert made.headers is not None and made.headers["Location"] == f"/v1/{made.data.name}"


@step
def create_assumes_defaults() -> None:
    assert new("2").status == "STATUS_PENDING"


@step
def patch_of_one_property_leaves_the_others() -> None:
    task = new("3")
    assert TASKS.update_task(uid(task), TaskUpdate(status="STATUS_COMPLETED")).status == "STATUS_COMPLETED"
    renamed = TASKS.update_task(uid(task), TaskUpdate(title=f"{RUN} 3b"))
    assert (renamed.title, renamed.status) == (f"{RUN} 3b", "STATUS_COMPLETED")


@step
def a_response_can_be_sent_back() -> None:
    task = new("4")
    body = TaskUpdate.from_dict(task.to_dict())
    assert body is not None and TASKS.update_task(uid(task), body).title == task.title


@step
def null_clears_a_property() -> None:
    task = new("5")
    TASKS.update_task(uid(task), TaskUpdate(description="more"))
    assert TASKS.update_task(uid(task), TaskUpdate(description=None)).description is None


@step
def a_mask_clears_missing_properties() -> None:
    task = new("6")
    TASKS.update_task(uid(task), TaskUpdate(description="more"))
    cleared = TASKS.update_task(uid(task), TaskUpdate(title="x"), update_mask="description")
    assert (cleared.title, cleared.description) == (task.title, None)


@step
def list_with_a_filter_and_pages() -> None:
    seen: list[str] = []
    token: str | None = None
    for _ in range(50):
        page = TASKS.list_tasks(page_size=2, filter="status = PENDING", order_by="title", page_token=token)
        seen += [task.title for task in page.tasks]
        token = page.next_page_token
        if token is None:
            break
    assert seen == sorted(seen) and f"{RUN} 2" in seen and f"{RUN} 1" not in seen


@step
def a_reused_title_is_409() -> None:
    new("7")
    rejected = rejection(TASKS.create_task, of("7"))
    assert rejected.status == 409
    assert isinstance(problem(TASKS.create_task, of("7")), TaskTitleTaken)


@step
def violations_are_typed() -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    body = CreateTaskRequest(task=TaskCreate(title=f"{RUN} 8", tags=["a", "a"], due_date=past))
    rejected = problem(TASKS.create_task, body)
    assert isinstance(rejected, ValidationFailed) and rejected.errors is not None
    assert [(each.var_field, each.code, each.pointer) for each in rejected.errors] == [
        ("due_date", "MUST_BE_FUTURE", "#/task/due_date"),
        ("tags[1]", "DUPLICATE_TAG", "#/task/tags/1"),
    ]


@step
def problems_of_one_status_are_distinguished() -> None:
    filtered = problem(TASKS.list_tasks, filter="nonsense !")
    assert isinstance(filtered, InvalidFilter) and filtered.position >= 1 and filtered.allowed
    assert isinstance(problem(TASKS.list_tasks, order_by="nothing"), InvalidOrderBy)


@step
def without_a_token_is_401_without_a_body() -> None:
    rejected = rejection(TasksApi(client("wrong")).get_task, uuid.uuid4())
    assert (rejected.status, rejected.body, rejected.data) == (401, "", None)
    assert rejected.headers is not None and 'error="invalid_token"' in rejected.headers["WWW-Authenticate"]


@step
def without_the_scope_is_403_without_a_body() -> None:
    rejected = rejection(TasksApi(BOB).list_tasks)
    assert (rejected.status, rejected.body, rejected.data) == (403, "", None)


@step
def a_missing_resource_is_404() -> None:
    assert isinstance(problem(TASKS.get_task, uuid.uuid4()), TaskNotFound)


@step
def a_read_that_is_current_is_304() -> None:
    task = new("9")
    tag = (TASKS.get_task_with_http_info(uid(task)).headers or {})["ETag"]
    rejected = rejection(TASKS.get_task, uid(task), if_none_match=tag)
    assert (rejected.status, rejected.body) == (304, "")


@step
def a_stale_version_is_412() -> None:
    task = new("10")
    assert isinstance(
        problem(TASKS.update_task, uid(task), TaskUpdate(title="x"), if_match='"0-0"'), PreconditionFailed
    )


@step
def the_same_key_is_answered_again() -> None:
    key = str(uuid.uuid4())
    first = TASKS.create_task_with_http_info(of("11"), idempotency_key=key)
    again = TASKS.create_task_with_http_info(of("11"), idempotency_key=key)
    assert first.data == again.data and again.headers is not None and again.headers["Idempotent-Replayed"] == "true"
    assert isinstance(problem(TASKS.create_task, of("11b"), idempotency_key=key), IdempotencyKeyReused)


def batch(*titles: str) -> BatchCreateTasksRequest:
    return BatchCreateTasksRequest(
        requests=[BatchCreateItem(task=TaskCreate(title=f"{RUN} {each}")) for each in titles]
    )


@step
def a_batch_lists_failed_items() -> None:
    new("12")
    made = TASKS.create_tasks_with_http_info(batch("12", "13"))
    assert made.status_code == 207
    assert [task.title for task in made.data.tasks] == [f"{RUN} 13"]
    assert [(each.index, each.problem.code) for each in made.data.failures] == [(0, "TASK_TITLE_TAKEN")]


@step
def a_batch_that_fails_completely_is_409() -> None:
    rejected = problem(TASKS.create_tasks, batch("12", "13"))
    assert isinstance(rejected, BatchFailed) and rejected.count == 2 and rejected.failures is not None
    assert [each.index for each in rejected.failures] == [0, 1]


@step
def delete_a_task() -> None:
    task = new("14")
    assert TASKS.delete_task_with_http_info(uid(task)).status_code == 200
    assert isinstance(problem(TASKS.get_task, uid(task)), TaskNotFound)


def order() -> Order:
    items = [OrderItemCreate(sku="TEA-100", quantity=3)]
    return ORDERS.create_order(OrderCreate(customer_id="alice", currency="EUR", items=items))


@step
def money_is_exact() -> None:
    made = order()
    assert made.items is not None
    assert (made.items[0].unit_price, made.total) == ("4.90", "14.70")


@step
def items_are_read_on_request() -> None:
    made = order()
    whole = ORDERS.get_order(made.id, expand="items")
    assert ORDERS.get_order(made.id).items is None
    assert whole.items is not None and whole.items[0].sku == "TEA-100"


@step
def an_order_is_cancelled_once() -> None:
    made = order()
    ORDERS.cancel_order(made.id)
    assert isinstance(problem(ORDERS.cancel_order, made.id), OrderNotCancellable)


def log_in() -> Tokens:
    return TokensApi(NOBODY).create_tokens(CREDENTIALS)


@step
def a_session_is_refreshed_and_revoked() -> None:
    fresh = TokensApi(NOBODY).refresh_tokens(TokenRefresh(refresh_token=log_in().refresh_token))
    assert fresh.expires_in == 900
    TokensApi(NOBODY).revoke_token(TokenRevocation(token=fresh.refresh_token))
    rejected = rejection(TokensApi(NOBODY).refresh_tokens, TokenRefresh(refresh_token=fresh.refresh_token))
    assert (rejected.status, rejected.body) == (401, "")


@step
def the_account_is_read_and_changed() -> None:
    account = AccountApi(client(log_in().access_token))
    user = account.get_me()
    renamed = account.update_me(UserUpdate(name="Alice B."))
    assert (renamed.name, renamed.email) == ("Alice B.", user.email)


@step
def the_profile_has_both_parts() -> None:
    me = client(log_in().access_token)
    user = AccountApi(me).get_me()
    profile = ProfilesApi(me).get_profile(user.id)
    assert profile.user.id == user.id and profile.preferences.locale and not profile.degraded


@step
def replacing_needs_the_version() -> None:
    me = client(log_in().access_token)
    user, preferences = AccountApi(me).get_me(), PreferencesApi(me)
    read = preferences.get_preferences_with_http_info(user.id)
    tag, before = (read.headers or {})["ETag"], read.data.theme
    body = PreferencesInput(locale="de-CH", time_zone="Europe/Zurich", theme="dark" if "light" in before else "light")
    put = preferences.replace_preferences(user_id=user.id, if_match=tag, preferences_input=body)
    assert put.locale == "de-CH"
    stale = problem(preferences.replace_preferences, user_id=user.id, if_match=tag, preferences_input=body)
    assert isinstance(stale, PreconditionFailed)


@step
def a_missing_version_is_428() -> None:
    """The client requires the parameter; therefore, the request is built from its parts."""
    me = client(log_in().access_token)
    url = f"{URL}/v1/users/{AccountApi(me).get_me().id}/preferences"
    headers = {"Authorization": f"Bearer {me.configuration.access_token}", "Content-Type": "application/json"}
    body = {"locale": "de", "time_zone": "UTC", "theme": "dark"}
    answer = me.call_api("PUT", url, headers, body)
    rejected = PreconditionRequired.from_json(answer.response.data.decode())
    assert rejected is not None and (answer.status, rejected.status) == (428, 428)


@step
def a_common_password_is_a_violation() -> None:
    passwords = PasswordsApi(client(log_in().access_token))
    body = PasswordChange(current_password=CREDENTIALS.password, password="password1")
    rejected = problem(passwords.put_password, body)
    assert isinstance(rejected, ValidationFailed) and rejected.errors is not None
    assert [each.code for each in rejected.errors] == ["TOO_COMMON"]


@step
def registration_reveals_no_account() -> None:
    bodies = [UserCreate(name="Carol", email=email) for email in ("carol@example.com", CREDENTIALS.email)]
    answers = [RegistrationApi(NOBODY).register_user_with_http_info(body) for body in bodies]
    assert {each.status_code for each in answers} == {202} and answers[0].data == answers[1].data


@step
def public_operations_need_no_token() -> None:
    assert HealthApi(NOBODY).get_health().status == "ok"
    assert CatalogueApi(NOBODY).get_error("task-title-taken").code == "TASK_TITLE_TAKEN"


def simulated(declared: dict[str, Any]) -> ApiException:
    """Return the response of an operation with an error that it declares; the operation is known at run time only."""
    api = getattr(candor_openapi, f"{declared['tag'].title().replace(' ', '')}Api")(ADMIN)
    call = getattr(api, declared["operation"])
    arguments = declared["parameters"] | {each.lower().replace("-", "_"): "*" for each in declared["required"]}
    if declared["request"] is not None:
        model = getattr(candor_openapi, declared["request"])
        (name,) = (name for name, hint in get_type_hints(call).items() if hint is model and name != "return")
        arguments[name] = model.from_dict(declared["body"])
    while True:
        rejected = rejection(call, **arguments, _headers={"Simulate-Error": declared["code"]})
        if not isinstance(rejected.data, RateLimitExceeded) or declared["code"] == "RATE_LIMIT_EXCEEDED":
            return rejected
        assert rejected.data.retry_after is not None
        time.sleep(rejected.data.retry_after)


@step
def every_declared_error_is_typed() -> None:
    every = json.loads(Path("errors.json").read_text())
    assert len(every) > 300
    for declared in every:
        rejected = simulated(declared)
        found: Any = getattr(rejected.data, "actual_instance", rejected.data)
        assert rejected.status == declared["status"], (declared, rejected)
        if declared["schema"] is None:
            assert (rejected.body, found) == ("", None), (declared, rejected)
        else:
            assert type(found).__name__ == declared["schema"], (declared, rejected)
            assert (found.code, found.status) == (declared["code"], declared["status"])


@step
def beyond_the_limit_is_429_and_later_not() -> None:
    forgotten, body = ForgottenPasswordsApi(NOBODY), PasswordResetRequest(email="nobody@example.com")
    for _ in range(200):
        try:
            forgotten.request_password_reset(body)
        except ApiException as rejected:
            assert isinstance(rejected.data, RateLimitExceeded) and rejected.data.retry_after  # noqa: PT017 -- a loop
            time.sleep(rejected.data.retry_after)
            break
    assert forgotten.request_password_reset_with_http_info(body).status_code == 202


if __name__ == "__main__":
    for each in STEPS:
        each()
        print(each.__name__, flush=True)
