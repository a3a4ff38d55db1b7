"""Changes of the contract, each applied to a copy of the current record: breaking ones and compatible ones."""

from copy import deepcopy
from typing import Any, Final

State = dict[str, Any]


def document(state: State) -> Any:
    return state["openapi.json"]


def operation(state: State, name: str) -> Any:
    method, path = name.split(" ")
    return document(state)["paths"][path][method.lower()]


def schema(state: State, name: str) -> Any:
    return document(state)["components"]["schemas"][name]


def member(state: State, name: str) -> Any:
    owner, each = name.split(".")
    return schema(state, owner)["properties"][each]


def parameter(state: State, operation_name: str, name: str) -> Any:
    return next(each for each in operation(state, operation_name)["parameters"] if each.get("name") == name)


def errors(state: State) -> Any:
    return state["errors.json"]


def definition(state: State, name: str) -> Any:
    """Return a message, an enum or a service of the protocol by its last name."""
    kinds = ("messageType", "enumType", "service")
    files = state["proto.json"]["file"]
    return next(each for file in files for kind in kinds for each in file.get(kind, ()) if each["name"] == name)


def field(state: State, name: str, part: str = "field") -> Any:
    owner, each = name.split(".")
    return next(found for found in definition(state, owner)[part] if found["name"] == each)


def without(listed: list[Any], name: str) -> list[Any]:
    kept = [each for each in listed if each != name and not (isinstance(each, dict) and each.get("name") == name)]
    assert len(kept) < len(listed), name
    return kept


class Breaking:
    """Each function changes a record; its docstring is the only sentence that the check must print for it."""

    @staticmethod
    def response_member_removed(state: State) -> None:
        """`Order.total` is no longer returned (GET /v1/orders, POST /v1/orders, GET /v1/orders/{order_id} and 2 \
        more): clients that read it find nothing."""
        del schema(state, "Order")["properties"]["total"]

    @staticmethod
    def nested_response_member_removed(state: State) -> None:
        """`OrderItem.unit_price` is no longer returned (GET /v1/orders, POST /v1/orders, GET /v1/orders/{order_id} \
        and 2 more): clients that read it find nothing."""
        del schema(state, "OrderItem")["properties"]["unit_price"]

    @staticmethod
    def response_member_made_optional(state: State) -> None:
        """`Tokens.expires_in` can be absent (POST /v1/tokens, POST /v1/tokens:refresh): clients that rely on it \
        fail."""
        schema(state, "Tokens")["required"].remove("expires_in")

    @staticmethod
    def response_type_changed(state: State) -> None:
        """`TaskList.total_size` has changed its type from integer (int64) to string (int64) (GET /v1/tasks): \
        clients that parse the old one fail."""
        member(state, "TaskList.total_size")["type"] = "string"

    @staticmethod
    def response_integer_widened(state: State) -> None:
        """`BatchFailure.index` has changed its type from integer (int32) to integer (int64) (POST \
        /v1/tasks:batchCreate): clients that parse the old one fail."""
        member(state, "BatchFailure.index")["format"] = "int64"

    @staticmethod
    def response_made_nullable(state: State) -> None:
        """`TaskList.total_size` can be null (GET /v1/tasks): clients that rely on a value fail to read null."""
        member(state, "TaskList.total_size")["type"] = ["integer", "null"]

    @staticmethod
    def response_value_added(state: State) -> None:  # part: profiles
        """`Preferences.theme` can be `sepia` (GET /v1/users/{user_id}/preferences, PUT \
        /v1/users/{user_id}/preferences, GET /v1/users/{user_id}/profile): clients that know the other values fail \
        to read it."""
        member(state, "Preferences.theme")["enum"].append("sepia")

    @staticmethod
    def response_value_removed(state: State) -> None:  # part: profiles
        """`Preferences.theme` is never `system` any more (GET /v1/users/{user_id}/preferences, PUT \
        /v1/users/{user_id}/preferences, GET /v1/users/{user_id}/profile): clients that wait for it never get it."""
        member(state, "Preferences.theme")["enum"].remove("system")

    @staticmethod
    def status_removed(state: State) -> None:
        """The status 304 is no longer returned (GET /v1/tasks/{task_id}): clients that expect it see another one."""
        del operation(state, "GET /v1/tasks/{task_id}")["responses"]["304"]

    @staticmethod
    def header_field_removed(state: State) -> None:
        """The header field `Location` is no longer returned (POST /v1/tasks): clients that read it find nothing."""
        del operation(state, "POST /v1/tasks")["responses"]["201"]["headers"]["Location"]

    @staticmethod
    def response_media_type_removed(state: State) -> None:
        """The media type `text/markdown` is no longer returned (GET /errors): clients that use it get 406."""
        del operation(state, "GET /errors")["responses"]["200"]["content"]["text/markdown"]

    @staticmethod
    def request_member_removed(state: State) -> None:
        """`TaskCreate.due_date` is no longer accepted (POST /v1/tasks, POST /v1/tasks:batchCreate): clients that \
        send it get 400."""
        del schema(state, "TaskCreate")["properties"]["due_date"]

    @staticmethod
    def read_only_member_removed(state: State) -> None:
        """`TaskUpdate.create_time` is no longer accepted (PATCH /v1/tasks/{task_id}): clients that send back a \
        resource get 400."""
        del schema(state, "TaskUpdate")["properties"]["create_time"]

    @staticmethod
    def request_member_required(state: State) -> None:
        """`TaskCreate.due_date` is required (POST /v1/tasks, POST /v1/tasks:batchCreate): clients that leave it \
        out get 400."""
        schema(state, "TaskCreate")["required"].append("due_date")

    @staticmethod
    def new_request_member_required(state: State) -> None:
        """`OrderCreate.note` is required (POST /v1/orders): clients that leave it out get 400."""
        schema(state, "OrderCreate")["properties"]["note"] = {"type": "string"}
        schema(state, "OrderCreate")["required"].append("note")

    @staticmethod
    def request_type_narrowed(state: State) -> None:
        """`TaskCreate.due_date` can no longer be null (POST /v1/tasks, POST /v1/tasks:batchCreate): clients that \
        send null get 400."""
        member(state, "TaskCreate.due_date")["type"] = "string"

    @staticmethod
    def request_type_changed(state: State) -> None:
        """`OrderItemCreate.quantity` has changed its type from integer (int32) to string (POST /v1/orders): \
        clients that send the old one get 400."""
        schema(state, "OrderItemCreate")["properties"]["quantity"] = {"type": "string"}

    @staticmethod
    def request_value_removed(state: State) -> None:
        """`OrderCreate.currency` no longer accepts `GBP` (POST /v1/orders): clients that send it get 400."""
        member(state, "OrderCreate.currency")["enum"].remove("GBP")

    @staticmethod
    def nullable_request_value_removed(state: State) -> None:
        """`TaskUpdate.status` no longer accepts `STATUS_CANCELLED` (PATCH /v1/tasks/{task_id}): clients that send \
        it get 400."""
        member(state, "TaskUpdate.status")["anyOf"][0]["enum"].remove("STATUS_CANCELLED")

    @staticmethod
    def values_listed(state: State) -> None:
        """`OrderItemCreate.sku` accepts `TEA` only (POST /v1/orders): clients that send other values get 400."""
        member(state, "OrderItemCreate.sku")["enum"] = ["TEA"]

    @staticmethod
    def length_lowered(state: State) -> None:
        """`TaskCreate.title` has maxLength 100 instead of 200 (POST /v1/tasks, POST /v1/tasks:batchCreate): \
        clients that send larger or longer values get 400."""
        member(state, "TaskCreate.title")["maxLength"] = 100

    @staticmethod
    def items_lowered(state: State) -> None:
        """`BatchCreateTasksRequest.requests` has maxItems 50 instead of 100 (POST /v1/tasks:batchCreate): clients \
        that send larger or longer values get 400."""
        member(state, "BatchCreateTasksRequest.requests")["maxItems"] = 50

    @staticmethod
    def maximum_lowered(state: State) -> None:
        """`OrderItemCreate.quantity` has maximum 10 instead of 1000 (POST /v1/orders): clients that send larger or \
        longer values get 400."""
        member(state, "OrderItemCreate.quantity")["maximum"] = 10

    @staticmethod
    def minimum_raised(state: State) -> None:
        """`OrderItemCreate.quantity` has minimum 2 instead of 1 (POST /v1/orders): clients that send smaller or \
        shorter values get 400."""
        member(state, "OrderItemCreate.quantity")["minimum"] = 2

    @staticmethod
    def limit_added(state: State) -> None:
        """`Credentials.password` has maxLength 16 instead of none (POST /v1/tokens): clients that send larger or \
        longer values get 400."""
        member(state, "Credentials.password")["maxLength"] = 16

    @staticmethod
    def pattern_changed(state: State) -> None:
        """`PreferencesInput.locale` has another pattern (PUT /v1/users/{user_id}/preferences): clients that send \
        values that only the old one allows get 400."""
        member(state, "PreferencesInput.locale")["pattern"] = "^en$"

    @staticmethod
    def duplicates_excluded(state: State) -> None:
        """`OrderCreate.items` takes no duplicates (POST /v1/orders): clients that send some get 400."""
        member(state, "OrderCreate.items")["uniqueItems"] = True

    @staticmethod
    def body_limit_lowered(state: State) -> None:
        """A body has at most 1024 bytes instead of 16384 (POST /v1/tasks): clients that send larger ones get 413."""
        operation(state, "POST /v1/tasks")["x-max-body-bytes"] = 1024

    @staticmethod
    def request_media_type_removed(state: State) -> None:
        """The media type `application/merge-patch+json` is no longer accepted (PATCH /v1/tasks/{task_id}): clients \
        that use it get 415."""
        del operation(state, "PATCH /v1/tasks/{task_id}")["requestBody"]["content"]["application/merge-patch+json"]

    @staticmethod
    def default_of_parameter_changed(state: State) -> None:
        """The default of `page_size` is `20` instead of `50` (GET /v1/tasks): clients that leave it out get \
        another result."""
        parameter(state, "GET /v1/tasks", "page_size")["schema"]["x-default"] = 20

    @staticmethod
    def default_of_member_changed(state: State) -> None:
        """The default of `TaskCreate.priority` is `PRIORITY_LOW` instead of `PRIORITY_MEDIUM` (POST /v1/tasks, \
        POST /v1/tasks:batchCreate): clients that leave it out get another result."""
        member(state, "TaskCreate.priority")["x-default"] = "PRIORITY_LOW"

    @staticmethod
    def default_order_changed(state: State) -> None:
        """The default of `order_by` is `title` instead of `create_time desc` (GET /v1/tasks): clients that leave \
        it out get another result."""
        parameter(state, "GET /v1/tasks", "order_by")["schema"]["x-default"] = "title"

    @staticmethod
    def parameter_removed(state: State) -> None:
        """The query parameter `filter` is gone (GET /v1/tasks): clients that send it get 400."""
        found = operation(state, "GET /v1/tasks")
        found["parameters"] = without(found["parameters"], "filter")

    @staticmethod
    def header_parameter_removed(state: State) -> None:
        """The header parameter `Idempotency-Key` is gone (POST /v1/tasks): clients that send it are ignored."""
        found = operation(state, "POST /v1/tasks")
        found["parameters"].remove({"$ref": "#/components/parameters/IdempotencyKey"})

    @staticmethod
    def parameter_required(state: State) -> None:
        """The query parameter `filter` is required (GET /v1/tasks): clients that leave it out get an error."""
        parameter(state, "GET /v1/tasks", "filter")["required"] = True

    @staticmethod
    def new_parameter_required(state: State) -> None:
        """The new query parameter `view` is required (GET /v1/tasks): clients that do not know it get an error."""
        new = {"in": "query", "name": "view", "required": True, "schema": {"type": "string"}}
        operation(state, "GET /v1/tasks")["parameters"].append(new)

    @staticmethod
    def order_member_removed(state: State) -> None:
        """`order_by` no longer takes `due_date` (GET /v1/tasks): clients that name it get 400."""
        parameter(state, "GET /v1/tasks", "order_by")["schema"]["x-members"].remove("due_date")

    @staticmethod
    def filter_member_removed(state: State) -> None:
        """`filter` no longer takes `created_by` (GET /v1/tasks): clients that name it get 400."""
        del parameter(state, "GET /v1/tasks", "filter")["schema"]["x-members"]["created_by"]

    @staticmethod
    def filter_operator_removed(state: State) -> None:
        """`filter` no longer takes `due_date = null` (GET /v1/tasks): clients that use it get 400."""
        parameter(state, "GET /v1/tasks", "filter")["schema"]["x-members"]["due_date"].remove("= null")

    @staticmethod
    def projection_member_removed(state: State) -> None:
        """`fields` no longer takes `tags` (GET /v1/tasks): clients that name it get 400."""
        parameter(state, "GET /v1/tasks", "fields")["schema"]["x-members"].remove("tags")

    @staticmethod
    def operation_removed(state: State) -> None:
        """An operation is gone (DELETE /v1/tasks/{task_id}): clients that call it get 404 or 405."""
        del document(state)["paths"]["/v1/tasks/{task_id}"]["delete"]

    @staticmethod
    def body_required(state: State) -> None:
        """A body is required (DELETE /v1/tasks/{task_id}): clients that send none get 400."""
        body = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
        operation(state, "DELETE /v1/tasks/{task_id}")["requestBody"] = body

    @staticmethod
    def parameter_in_path_renamed(state: State) -> None:
        """The path parameter `task_id` is gone (GET /v1/tasks/{task_id}, DELETE /v1/tasks/{task_id}, PATCH \
        /v1/tasks/{task_id}): clients that use its name have to be generated again."""
        paths = document(state)["paths"]
        paths["/v1/tasks/{id}"] = paths.pop("/v1/tasks/{task_id}")
        paths["/v1/tasks/{id}"]["parameters"][0]["name"] = "id"

    @staticmethod
    def operation_renamed(state: State) -> None:
        """The operation `list_tasks` is called `get_tasks` (GET /v1/tasks): generated clients lose the function of \
        this name."""
        operation(state, "GET /v1/tasks")["operationId"] = "get_tasks"

    @staticmethod
    def schema_renamed(state: State) -> None:
        """Schema `Empty` has become `Nothing` (POST /v1/users:resetPassword, PUT /v1/users/me/password, POST \
        /v1/tokens:revoke): generated clients lose the type of this name."""
        names = document(state)["components"]["schemas"]
        names["Nothing"] = names.pop("Empty")
        for item in document(state)["paths"].values():
            for each in item.values():
                for response in each.get("responses", {}).values() if isinstance(each, dict) else ():
                    for content in response.get("content", {}).values():
                        if content["schema"] == {"$ref": "#/components/schemas/Empty"}:
                            content["schema"] = {"$ref": "#/components/schemas/Nothing"}

    @staticmethod
    def authentication_added(state: State) -> None:
        """Authentication is required (POST /v1/tokens): clients that send no token get 401."""
        operation(state, "POST /v1/tokens")["security"] = [{"bearer": []}]

    @staticmethod
    def scope_changed(state: State) -> None:
        """The scope tasks:read is needed (GET /v1/tasks): tokens that have only the old one get 403."""
        operation(state, "GET /v1/tasks")["security"] = [{"bearer": ["tasks:read"]}]

    @staticmethod
    def scope_removed(state: State) -> None:
        """The scope `orders` is gone: clients that request it get no token."""
        document(state)["components"]["securitySchemes"]["bearer"]["x-scopes"].remove("orders")

    @staticmethod
    def answer_removed(state: State) -> None:
        """`TASK_TITLE_TAKEN` is no longer returned (POST /v1/tasks): clients that handle it see another error or \
        none."""
        operation(state, "POST /v1/tasks")["x-errors"].remove("TASK_TITLE_TAKEN")

    @staticmethod
    def kind_removed(state: State) -> None:
        """Kind `edit_conflict` is gone: clients that handle it never see it again."""
        del errors(state)["kinds"]["edit_conflict"]

    @staticmethod
    def number_of_kind_changed(state: State) -> None:
        """Kind `edit_conflict` has number 27 instead of 17: programs that store it read another kind."""
        errors(state)["kinds"]["edit_conflict"]["number"] = 27

    @staticmethod
    def kind_no_longer_retryable(state: State) -> None:
        """Kind `edit_conflict` has retryable False instead of True: clients that follow it retry too much or too \
        little."""
        errors(state)["kinds"]["edit_conflict"]["retryable"] = False

    @staticmethod
    def code_removed(state: State) -> None:
        """Code `ORDER_NOT_CANCELLABLE` is gone: clients that handle it never see it again."""
        del errors(state)["codes"]["ORDER_NOT_CANCELLABLE"]

    @staticmethod
    def kind_of_code_changed(state: State) -> None:
        """Code `TASK_TITLE_TAKEN` has kind edit_conflict instead of item_already_exists: clients that branch on it \
        take another branch."""
        errors(state)["codes"]["TASK_TITLE_TAKEN"]["kind"] = "edit_conflict"

    @staticmethod
    def status_of_code_changed(state: State) -> None:
        """Code `TASK_TITLE_TAKEN` has status 422 instead of 409: clients that branch on the HTTP status take \
        another branch."""
        errors(state)["codes"]["TASK_TITLE_TAKEN"]["status"] = 422

    @staticmethod
    def grpc_status_of_code_changed(state: State) -> None:
        """Code `TASK_TITLE_TAKEN` has gRPC status ABORTED instead of ALREADY_EXISTS: gRPC clients that branch on \
        the status take another branch."""
        errors(state)["codes"]["TASK_TITLE_TAKEN"]["gRPC status"] = "ABORTED"

    @staticmethod
    def typed_extra_removed(state: State) -> None:
        """`BODY_TOO_LARGE.limit` is no longer returned: clients that read it find nothing."""
        del errors(state)["codes"]["BODY_TOO_LARGE"]["schema"]["properties"]["limit"]

    @staticmethod
    def typed_extra_of_another_type(state: State) -> None:
        """`INVALID_FILTER.position` has changed its type from integer to string: clients that parse the old one \
        fail."""
        errors(state)["codes"]["INVALID_FILTER"]["schema"]["properties"]["position"]["type"] = "string"

    @staticmethod
    def member_of_problems_removed(state: State) -> None:
        """`Problem.retryable` is no longer returned: clients that read it find nothing."""
        del errors(state)["problem"]["properties"]["retryable"]

    @staticmethod
    def member_of_violations_removed(state: State) -> None:
        """`Violation.pointer` is no longer returned: clients that read it find nothing."""
        del errors(state)["violation"]["properties"]["pointer"]

    @staticmethod
    def header_field_of_code_removed(state: State) -> None:
        """Code `RATE_LIMIT_EXCEEDED` no longer has the header field `Retry-After`: clients that read it find \
        nothing."""
        errors(state)["codes"]["RATE_LIMIT_EXCEEDED"]["headers"].remove("Retry-After")

    @staticmethod
    def violation_removed(state: State) -> None:
        """Violation `DUPLICATE_TAG` is gone: clients that handle it never see it again."""
        errors(state)["violations"].remove("DUPLICATE_TAG")

    @staticmethod
    def grpc_scope_changed(state: State) -> None:
        """gRPC method `todo.v1.TodoService/GetTask` has scope admin instead of tasks: gRPC clients whose tokens \
        have only the old one get PERMISSION_DENIED."""
        errors(state)["methods"]["todo.v1.TodoService/GetTask"]["scope"] = "admin"

    @staticmethod
    def grpc_error_removed(state: State) -> None:
        """gRPC method `todo.v1.TodoService/GetTask` no longer has the error `TASK_NOT_FOUND`: gRPC clients that \
        handle it see another error or none."""
        errors(state)["methods"]["todo.v1.TodoService/GetTask"]["errors"].remove("TASK_NOT_FOUND")

    @staticmethod
    def grpc_message_size_lowered(state: State) -> None:
        """gRPC method `todo.v1.TodoService/GetTask` reads 1024 bytes instead of 16384: gRPC clients that send \
        larger messages get RESOURCE_EXHAUSTED."""
        errors(state)["methods"]["todo.v1.TodoService/GetTask"]["max_bytes"] = 1024

    @staticmethod
    def field_number_changed(state: State) -> None:
        """`todo.v1.Task.title` has the number 12 instead of 2: gRPC clients that were generated before misread it."""
        field(state, "Task.title")["number"] = 12

    @staticmethod
    def field_type_changed(state: State) -> None:
        """The field `todo.v1.ListTasksRequest.page_size` has another type: int64 instead of int32: gRPC clients \
        that were generated before misread it."""
        field(state, "ListTasksRequest.page_size")["type"] = "TYPE_INT64"

    @staticmethod
    def field_presence_changed(state: State) -> None:
        """The field `todo.v1.Task.title` has another type: string instead of optional string: gRPC clients that \
        were generated before misread it."""
        del field(state, "Task.title")["proto3Optional"]
        del field(state, "Task.title")["oneofIndex"]

    @staticmethod
    def field_moved_into_a_oneof(state: State) -> None:
        """The field `todo.v1.ListTasksRequest.page_token` has another type: oneof page string instead of string: \
        gRPC clients that were generated before misread it."""
        definition(state, "ListTasksRequest")["oneofDecl"] = [{"name": "page"}]
        field(state, "ListTasksRequest.page_token")["oneofIndex"] = 0

    @staticmethod
    def field_renamed_in_json(state: State) -> None:
        """The field `todo.v1.Task.due_date` is `due` in JSON instead of `dueDate`: gRPC clients that read and \
        write JSON lose it."""
        field(state, "Task.due_date")["jsonName"] = "due"

    @staticmethod
    def field_removed(state: State) -> None:
        """The field `todo.v1.Task.tags` is gone: gRPC clients that use it no longer compile or fail."""
        definition(state, "Task")["field"] = without(definition(state, "Task")["field"], "tags")

    @staticmethod
    def enum_value_removed(state: State) -> None:
        """The value `todo.v1.Status.STATUS_CANCELLED` is gone: gRPC clients that use it no longer compile or fail."""
        definition(state, "Status")["value"] = without(definition(state, "Status")["value"], "STATUS_CANCELLED")

    @staticmethod
    def enum_value_renumbered(state: State) -> None:
        """`todo.v1.Status.STATUS_CANCELLED` has the number 9 instead of 4: gRPC clients that were generated before \
        misread it."""
        field(state, "Status.STATUS_CANCELLED", "value")["number"] = 9

    @staticmethod
    def grpc_method_removed(state: State) -> None:
        """The method `todo.v1.TodoService.GetTask` is gone: gRPC clients that use it no longer compile or fail."""
        definition(state, "TodoService")["method"] = without(definition(state, "TodoService")["method"], "GetTask")

    @staticmethod
    def grpc_answer_changed(state: State) -> None:
        """The method `todo.v1.TodoService.GetTask` has outputType .todo.v1.ListTasksResponse instead of \
        .todo.v1.Task: gRPC clients that were generated before misread it."""
        field(state, "TodoService.GetTask", "method")["outputType"] = ".todo.v1.ListTasksResponse"

    @staticmethod
    def grpc_path_changed(state: State) -> None:
        """The method `todo.v1.TodoService.ListTasks` has another path over HTTP: gateways that transcode it call \
        the old one."""
        field(state, "TodoService.ListTasks", "method")["options"]["[google.api.http]"]["get"] = "/v2/tasks"

    @staticmethod
    def message_removed(state: State) -> None:
        """The message `errors.v1.ItemFailures` of the protocol is gone: gRPC clients that use it no longer compile \
        or fail."""
        for file in state["proto.json"]["file"]:
            file["messageType"] = [each for each in file.get("messageType", ()) if each["name"] != "ItemFailures"]


class Harmless:
    """Each function changes a record; its docstring is the CHANGELOG.md entry that the change requires, if any."""

    @staticmethod
    def nothing(state: State) -> None:
        pass

    @staticmethod
    def version(state: State) -> None:
        document(state)["info"]["version"] = "9.9.9"
        document(state)["info"]["title"] = "Another"

    @staticmethod
    def values_in_another_order(state: State) -> None:
        for name in ("Task.status", "Task.priority", "OrderCreate.currency"):
            member(state, name)["enum"].reverse()

    @staticmethod
    def members_in_another_order(state: State) -> None:
        task = schema(state, "Task")
        task["properties"] = dict(reversed(task["properties"].items()))
        task["required"].reverse()

    @staticmethod
    def limit_raised(state: State) -> None:
        for name in ("TaskCreate", "TaskUpdate", "Task"):
            schema(state, name)["properties"]["title"]["maxLength"] = 500

    @staticmethod
    def limit_removed(state: State) -> None:
        del member(state, "PreferencesInput.locale")["maxLength"]

    @staticmethod
    def null_accepted(state: State) -> None:
        member(state, "TaskCreate.title")["type"] = ["string", "null"]

    @staticmethod
    def request_member_no_longer_required(state: State) -> None:
        schema(state, "OrderCreate")["required"].remove("customer_id")

    @staticmethod
    def authentication_removed(state: State) -> None:
        operation(state, "GET /v1/tasks")["security"] = []

    @staticmethod
    def scope_no_longer_needed(state: State) -> None:
        operation(state, "GET /v1/tasks")["security"] = [{"bearer": []}]

    @staticmethod
    def scope_of_admins_no_longer_needed(state: State) -> None:
        operation(state, "GET /v1/logger")["security"] = [{"bearer": ["tasks"]}]

    @staticmethod
    def schema_inlined(state: State) -> None:
        content = operation(state, "GET /v1/tasks/{task_id}")["responses"]["200"]["content"]
        content["application/json"]["schema"] = deepcopy(schema(state, "Task"))

    @staticmethod
    def optional_request_member_added(state: State) -> None:
        """- `POST /v1/tasks` takes a `colour`."""
        schema(state, "TaskCreate")["properties"]["colour"] = {"type": "string"}

    @staticmethod
    def response_member_added(state: State) -> None:
        """- A task has a `colour`."""
        schema(state, "Task")["properties"]["colour"] = {"type": "string"}
        schema(state, "Task")["required"].append("colour")

    @staticmethod
    def request_value_added(state: State) -> None:
        """- Orders in `CHF`."""
        member(state, "OrderCreate.currency")["enum"].append("CHF")

    @staticmethod
    def optional_parameter_added(state: State) -> None:
        """- `GET /v1/tasks` takes `view`."""
        new = {"in": "query", "name": "view", "schema": {"type": "string"}}
        operation(state, "GET /v1/tasks")["parameters"].append(new)

    @staticmethod
    def order_member_added(state: State) -> None:
        """- `order_by=created_by`."""
        found = parameter(state, "GET /v1/tasks", "order_by")["schema"]
        found["x-members"].append("created_by")
        found["pattern"] = "^another$"

    @staticmethod
    def header_field_added(state: State) -> None:
        """- Tasks have a header field `Last-Modified`."""
        found = operation(state, "GET /v1/tasks/{task_id}")["responses"]["200"]["headers"]
        found["Last-Modified"] = {"schema": {"type": "string"}}

    @staticmethod
    def operation_added(state: State) -> None:
        """- `GET`, `POST /v1/tasks/{id}/notes`: notes of a task."""
        new = deepcopy(operation(state, "GET /v1/tasks")) | {"operationId": "list_notes"}
        document(state)["paths"]["/v1/tasks/{task_id}/notes"] = {"get": new}

    @staticmethod
    def answer_added(state: State) -> None:
        """- `PATCH /v1/tasks/{id}` answers 400 `ORDER_NOT_SHIPPABLE`."""
        operation(state, "PATCH /v1/tasks/{task_id}")["x-errors"].append("ORDER_NOT_SHIPPABLE")

    @staticmethod
    def code_added(state: State) -> None:
        """- 409 `TASK_LOCKED`."""
        codes = errors(state)["codes"]
        codes["TASK_LOCKED"] = deepcopy(codes["TASK_TITLE_TAKEN"])

    @staticmethod
    def typed_extra_added(state: State) -> None:
        """- `TASK_TITLE_TAKEN` names the other task in `holder`."""
        errors(state)["codes"]["TASK_TITLE_TAKEN"]["schema"]["properties"]["holder"] = {"type": "string"}

    @staticmethod
    def violation_added(state: State) -> None:
        """- Violation `TOO_LOUD`."""
        errors(state)["violations"].append("TOO_LOUD")

    @staticmethod
    def scope_added(state: State) -> None:
        """- The scope `tasks:read`."""
        document(state)["components"]["securitySchemes"]["bearer"]["x-scopes"].append("tasks:read")

    @staticmethod
    def operation_deprecated(state: State) -> None:
        """- Deprecated: `GET /v1/tasks`."""
        operation(state, "GET /v1/tasks")["deprecated"] = True

    @staticmethod
    def field_added(state: State) -> None:
        """- gRPC: `Task.colour`."""
        task, new = definition(state, "Task"), {"name": "colour", "number": 11, "jsonName": "colour", "oneofIndex": 0}
        for each in task["field"]:
            if "oneofIndex" in each:
                each["oneofIndex"] += 1
        task["oneofDecl"].insert(0, {"name": "_colour"})
        task["field"].insert(0, new | {"label": "LABEL_OPTIONAL", "type": "TYPE_STRING", "proto3Optional": True})

    @staticmethod
    def enum_value_in_protocol_added(state: State) -> None:
        """- gRPC: `STATUS_PAUSED`."""
        definition(state, "Status")["value"].append({"name": "STATUS_PAUSED", "number": 5})

    @staticmethod
    def grpc_message_size_raised(state: State) -> None:
        errors(state)["methods"]["todo.v1.TodoService/GetTask"]["max_bytes"] = 1 << 20


def seeds(of: type) -> dict[str, Any]:
    """Return the functions of a class by name."""
    return {name: each.__func__ for name, each in vars(of).items() if isinstance(each, staticmethod)}


BREAKING: Final = seeds(Breaking)
HARMLESS: Final = seeds(Harmless)
