"""Calls the service through the client of openapi-python-client: mypy checks this file against its types.

It is run by its own interpreter, with the generated package on the path, and prints each step that succeeded.
"""

import importlib
import json
import os
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints

from candor_client import AuthenticatedClient, Client
from candor_client.api.account import get_me, update_me
from candor_client.api.catalogue import get_error
from candor_client.api.forgotten_passwords import request_password_reset
from candor_client.api.health import get_health
from candor_client.api.orders import cancel_order, create_order, get_order
from candor_client.api.passwords import put_password
from candor_client.api.preferences import get_preferences, replace_preferences
from candor_client.api.profiles import get_profile
from candor_client.api.registration import register_user
from candor_client.api.tasks import create_task, create_tasks, delete_task, get_task, list_tasks, update_task
from candor_client.api.tokens import create_tokens, refresh_tokens, revoke_token
from candor_client.models import (
    BatchCreateItem,
    BatchCreateTasksRequest,
    BatchFailed,
    CreateTaskRequest,
    Credentials,
    GetOrderExpand,
    IdempotencyKeyReused,
    InvalidFilter,
    InvalidOrderBy,
    Order,
    OrderCreate,
    OrderCreateCurrency,
    OrderItemCreate,
    OrderNotCancellable,
    PasswordChange,
    PasswordResetRequest,
    PreconditionFailed,
    PreconditionRequired,
    Preferences,
    PreferencesInput,
    PreferencesInputTheme,
    Profile,
    RateLimitExceeded,
    Task,
    TaskBatch,
    TaskCreate,
    TaskCreateStatusType0,
    TaskList,
    TaskNotFound,
    TaskStatus,
    TaskTitleTaken,
    TaskUpdate,
    TaskUpdateStatusType0,
    TokenRefresh,
    TokenRevocation,
    Tokens,
    User,
    UserCreate,
    UserUpdate,
    ValidationFailed,
)
from candor_client.types import UNSET, Unset

URL = os.environ["CANDOR_URL"]
NOBODY = Client(base_url=URL)
ALICE = AuthenticatedClient(base_url=URL, token=os.environ["CANDOR_ALICE"])
BOB = AuthenticatedClient(base_url=URL, token=os.environ["CANDOR_BOB"])
"""Bob's token has only the scope `orders`."""
ADMIN = AuthenticatedClient(base_url=URL, token=os.environ["CANDOR_ADMIN"])
WRONG = AuthenticatedClient(base_url=URL, token="wrong")
CREDENTIALS = Credentials(email=os.environ["CANDOR_EMAIL"], password=os.environ["CANDOR_PASSWORD"])
LATER = datetime.now(UTC) + timedelta(days=30)
STEPS: list[Callable[[], None]] = []


def step(function: Callable[[], None]) -> Callable[[], None]:
    STEPS.append(function)
    return function


def uid(task: Task) -> uuid.UUID:
    return uuid.UUID(task.name.removeprefix("tasks/"))


def new(title: str) -> Task:
    found = create_task.sync(client=ALICE, body=CreateTaskRequest(task=TaskCreate(title=title)))
    assert isinstance(found, Task), found
    return found


@step
def create() -> None:
    sent = TaskCreate(title="python 1", status=TaskCreateStatusType0.STATUS_IN_PROGRESS, due_date=LATER, tags=["home"])
    made = create_task.sync_detailed(client=ALICE, body=CreateTaskRequest(task=sent))
    assert made.status_code == 201
    assert isinstance(made.parsed, Task)
    assert made.parsed.status is TaskStatus.STATUS_IN_PROGRESS
    assert made.parsed.due_date == LATER
    assert made.headers["Location"] == f"/v1/{made.parsed.name}"


@step
def create_assumes_defaults() -> None:
    assert new("python 2").status is TaskStatus.STATUS_PENDING


@step
def patch_of_one_property_leaves_the_others() -> None:
    task = new("python 3")
    body = TaskUpdate(status=TaskUpdateStatusType0.STATUS_COMPLETED)
    done = update_task.sync(uid(task), client=ALICE, body=body)
    assert isinstance(done, Task) and done.status is TaskStatus.STATUS_COMPLETED
    renamed = update_task.sync(uid(task), client=ALICE, body=TaskUpdate(title="python 3b"))
    assert isinstance(renamed, Task)
    assert (renamed.title, renamed.status) == ("python 3b", TaskStatus.STATUS_COMPLETED)


@step
def a_response_can_be_sent_back() -> None:
    task = new("python 4")
    body = TaskUpdate.from_dict(task.to_dict())
    again = update_task.sync(uid(task), client=ALICE, body=body)
    assert isinstance(again, Task) and again.title == task.title


@step
def null_clears_a_property() -> None:
    task = new("python 5")
    update_task.sync(uid(task), client=ALICE, body=TaskUpdate(description="more"))
    cleared = update_task.sync(uid(task), client=ALICE, body=TaskUpdate(description=None))
    assert isinstance(cleared, Task) and cleared.description is None


@step
def a_mask_clears_missing_properties() -> None:
    task = new("python 13")
    update_task.sync(uid(task), client=ALICE, body=TaskUpdate(description="more"))
    cleared = update_task.sync(uid(task), client=ALICE, body=TaskUpdate(title="x"), update_mask="description")
    assert isinstance(cleared, Task) and (cleared.title, cleared.description) == ("python 13", None)


@step
def list_with_a_filter_and_pages() -> None:
    seen: list[str] = []
    token: str | Unset = UNSET
    for _ in range(20):
        page = list_tasks.sync(
            client=ALICE, page_size=2, filter_="status = PENDING", order_by="title", page_token=token
        )
        assert isinstance(page, TaskList)
        seen += [task.title for task in page.tasks]
        if page.next_page_token is None:
            break
        token = page.next_page_token
    assert seen == sorted(seen) and "python 2" in seen and "python 1" not in seen


@step
def a_reused_title_is_409() -> None:
    new("python 6")
    taken = create_task.sync_detailed(client=ALICE, body=CreateTaskRequest(task=TaskCreate(title="python 6")))
    assert taken.status_code == 409
    assert isinstance(taken.parsed, TaskTitleTaken)
    assert taken.parsed.code.value == "TASK_TITLE_TAKEN"


@step
def violations_are_typed() -> None:
    refused = create_task.sync(client=ALICE, body=CreateTaskRequest(task=TaskCreate(title="", tags=["a", "a", "B"])))
    assert isinstance(refused, ValidationFailed) and not isinstance(refused.errors, Unset)
    assert [(each.field, each.code) for each in refused.errors] == [
        ("title", "TOO_SHORT"),
        ("tags[1]", "DUPLICATE_TAG"),
        ("tags[2]", "INVALID_TAG_FORMAT"),
    ]
    assert refused.errors[1].pointer == "#/task/tags/1"


@step
def problems_of_one_status_are_distinguished() -> None:
    filtered = list_tasks.sync(client=ALICE, filter_="nonsense !")
    assert isinstance(filtered, InvalidFilter) and filtered.position >= 1 and filtered.allowed
    assert isinstance(list_tasks.sync(client=ALICE, order_by="nothing"), InvalidOrderBy)


@step
def without_a_token_is_401_without_a_body() -> None:
    refused = get_task.sync_detailed(uuid.uuid4(), client=WRONG)
    assert (refused.status_code, refused.content, refused.parsed) == (401, b"", None)
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


@step
def without_the_scope_is_403_without_a_body() -> None:
    refused = list_tasks.sync_detailed(client=BOB)
    assert (refused.status_code, refused.content, refused.parsed) == (403, b"", None)


@step
def a_missing_resource_is_404() -> None:
    assert isinstance(get_task.sync(uuid.uuid4(), client=ALICE), TaskNotFound)


@step
def a_read_that_is_current_is_304() -> None:
    task = new("python 7")
    read = get_task.sync_detailed(uid(task), client=ALICE)
    again = get_task.sync_detailed(uid(task), client=ALICE, if_none_match=read.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")


@step
def a_stale_version_is_412() -> None:
    task = new("python 8")
    stale = update_task.sync(uid(task), client=ALICE, body=TaskUpdate(title="x"), if_match='"0-0"')
    assert isinstance(stale, PreconditionFailed)


@step
def the_same_key_is_answered_again() -> None:
    key, body = str(uuid.uuid4()), CreateTaskRequest(task=TaskCreate(title="python 9"))
    first = create_task.sync_detailed(client=ALICE, body=body, idempotency_key=key)
    again = create_task.sync_detailed(client=ALICE, body=body, idempotency_key=key)
    assert first.parsed == again.parsed and again.headers["Idempotent-Replayed"] == "true"
    other = CreateTaskRequest(task=TaskCreate(title="python 9b"))
    assert isinstance(create_task.sync(client=ALICE, body=other, idempotency_key=key), IdempotencyKeyReused)


def batch(*titles: str) -> BatchCreateTasksRequest:
    return BatchCreateTasksRequest(requests=[BatchCreateItem(task=TaskCreate(title=title)) for title in titles])


@step
def a_batch_lists_failed_items() -> None:
    new("python 10")
    made = create_tasks.sync_detailed(client=ALICE, body=batch("python 10", "python 11"))
    assert made.status_code == 207 and isinstance(made.parsed, TaskBatch)
    assert [task.title for task in made.parsed.tasks] == ["python 11"]
    assert [(each.index, each.problem.code) for each in made.parsed.failures] == [(0, "TASK_TITLE_TAKEN")]


@step
def a_batch_that_fails_completely_is_409() -> None:
    refused = create_tasks.sync(client=ALICE, body=batch("python 10", "python 11"))
    assert isinstance(refused, BatchFailed) and refused.count == 2 and not isinstance(refused.failures, Unset)
    assert [each.index for each in refused.failures] == [0, 1]


@step
def delete() -> None:
    task = new("python 12")
    assert delete_task.sync_detailed(uid(task), client=ALICE).status_code == 200
    assert isinstance(get_task.sync(uid(task), client=ALICE), TaskNotFound)


def order() -> Order:
    items = [OrderItemCreate(sku="TEA-100", quantity=3)]
    body = OrderCreate(customer_id="alice", currency=OrderCreateCurrency.EUR, items=items)
    made = create_order.sync(client=ALICE, body=body)
    assert isinstance(made, Order)
    return made


@step
def money_is_exact() -> None:
    made = order()
    assert made.items is not None
    assert (made.items[0].unit_price, made.total) == ("4.90", "14.70")


@step
def items_are_read_on_request() -> None:
    made = order()
    plain = get_order.sync(made.id, client=ALICE)
    whole = get_order.sync(made.id, client=ALICE, expand=GetOrderExpand.ITEMS)
    assert isinstance(plain, Order) and plain.items is None
    assert isinstance(whole, Order) and whole.items is not None and whole.items[0].sku == "TEA-100"


@step
def an_order_is_cancelled_once() -> None:
    made = order()
    assert isinstance(cancel_order.sync(made.id, client=ALICE), Order)
    assert isinstance(cancel_order.sync(made.id, client=ALICE), OrderNotCancellable)


def log_in() -> Tokens:
    tokens = create_tokens.sync(client=NOBODY, body=CREDENTIALS)
    assert isinstance(tokens, Tokens), tokens
    return tokens


@step
def a_session_is_refreshed_and_revoked() -> None:
    tokens = log_in()
    fresh = refresh_tokens.sync(client=NOBODY, body=TokenRefresh(refresh_token=tokens.refresh_token))
    assert isinstance(fresh, Tokens) and fresh.expires_in == 900
    gone = revoke_token.sync_detailed(client=NOBODY, body=TokenRevocation(token=fresh.refresh_token))
    assert gone.status_code == 200
    refused = refresh_tokens.sync_detailed(client=NOBODY, body=TokenRefresh(refresh_token=fresh.refresh_token))
    assert (refused.status_code, refused.content) == (401, b"")


def me() -> tuple[AuthenticatedClient, User]:
    client = AuthenticatedClient(base_url=URL, token=log_in().access_token)
    user = get_me.sync(client=client)
    assert isinstance(user, User)
    return client, user


@step
def the_account_is_read_and_changed() -> None:
    client, user = me()
    renamed = update_me.sync(client=client, body=UserUpdate(name="Alice B."))
    assert isinstance(renamed, User) and (renamed.name, renamed.email) == ("Alice B.", user.email)


@step
def the_profile_has_both_parts() -> None:
    client, user = me()
    profile = get_profile.sync(user.id, client=client)
    assert isinstance(profile, Profile) and profile.user.id == user.id and not profile.degraded


@step
def replacing_needs_the_version() -> None:
    client, user = me()
    tag = get_preferences.sync_detailed(user.id, client=client).headers["ETag"]
    body = PreferencesInput(locale="de-CH", time_zone="Europe/Zurich", theme=PreferencesInputTheme.DARK)
    put = replace_preferences.sync(user.id, client=client, body=body, if_match=tag)
    assert isinstance(put, Preferences) and put.locale == "de-CH"
    assert isinstance(replace_preferences.sync(user.id, client=client, body=body, if_match=tag), PreconditionFailed)
    bare = client.get_httpx_client().put(f"/v1/users/{user.id}/preferences", json=body.to_dict())
    assert PreconditionRequired.from_dict(bare.json()).status == 428


@step
def a_common_password_is_a_violation() -> None:
    client, _ = me()
    body = PasswordChange(current_password=CREDENTIALS.password, password="password1")
    refused = put_password.sync(client=client, body=body)
    assert isinstance(refused, ValidationFailed) and not isinstance(refused.errors, Unset)
    assert [each.code for each in refused.errors] == ["TOO_COMMON"]


@step
def registration_reveals_no_account() -> None:
    bodies = [UserCreate(name="Carol", email=email) for email in ("carol@example.com", CREDENTIALS.email)]
    answers = [register_user.sync_detailed(client=NOBODY, body=body) for body in bodies]
    assert {each.status_code for each in answers} == {202} and answers[0].parsed == answers[1].parsed


@step
def public_operations_need_no_token() -> None:
    assert get_health.sync_detailed(client=NOBODY).status_code == 200
    assert get_error.sync_detailed("task-title-taken", client=NOBODY).status_code == 200


@step
def beyond_the_limit_is_429_and_later_not() -> None:
    body = PasswordResetRequest(email="nobody@example.com")
    for _ in range(200):
        refused = request_password_reset.sync(client=NOBODY, body=body)
        if isinstance(refused, RateLimitExceeded):
            break
    assert isinstance(refused, RateLimitExceeded) and isinstance(refused.retry_after, int)
    time.sleep(refused.retry_after)
    assert request_password_reset.sync_detailed(client=NOBODY, body=body).status_code == 202


def argument(name: str, hint: Any, declared: dict[str, Any]) -> Any:
    """Return the value of an argument: a parameter of the path, the body, or a required header field."""
    if name == "body":
        model = next(each for each in (hint, *get_args(hint)) if hasattr(each, "from_dict"))
        return model.from_dict(declared["body"])
    if name in declared["parameters"]:
        return hint(declared["parameters"][name])
    return "*"


def simulated(declared: dict[str, Any]) -> Any:
    """Return the response of an operation with an error that it declares."""
    tag = declared["tag"].lower().replace(" ", "_")
    send = importlib.import_module(f"candor_client.api.{tag}.{declared['operation']}").sync_detailed
    hints = get_type_hints(send)
    needed = {*declared["parameters"], *(each.lower().replace("-", "_") for each in declared["required"])}
    needed |= {"body"} if declared["body"] else set()
    arguments = {name: argument(name, hints[name], declared) for name in needed}
    ADMIN.get_httpx_client().headers["Simulate-Error"] = declared["code"]
    while True:
        answer = send(client=ADMIN, **arguments)
        if not isinstance(answer.parsed, RateLimitExceeded) or declared["code"] == "RATE_LIMIT_EXCEEDED":
            return answer
        assert isinstance(answer.parsed.retry_after, int)
        time.sleep(answer.parsed.retry_after)


@step
def every_declared_error_is_typed() -> None:
    every = json.loads(Path("errors.json").read_text())
    assert len(every) > 300
    for declared in every:
        answer = simulated(declared)
        assert answer.status_code == declared["status"], (declared, answer)
        if declared["schema"] is None:
            assert (answer.content, answer.parsed) == (b"", None), (declared, answer)
        else:
            assert type(answer.parsed).__name__ == declared["schema"], (declared, answer)
            assert (answer.parsed.code.value, answer.parsed.status) == (declared["code"], declared["status"])


if __name__ == "__main__":
    for each in STEPS:
        each()
        print(each.__name__, flush=True)
