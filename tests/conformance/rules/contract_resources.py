"""The contract, sections 2 and 3: the form of tasks and their lists."""

import re
from typing import Final

from tests.conformance.api import Api
from tests.conformance.rule import answered, expect
from tests.conformance.rules.promises import members, problem, promise, violations

TASK: Final = (
    "name",
    "title",
    "description",
    "status",
    "priority",
    "due_date",
    "create_time",
    "update_time",
    "created_by",
    "tags",
)
TIMESTAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


@promise("C14.1", "Every member is always present, null when unset, and times are RFC 3339 in UTC.")
def complete(api: Api) -> str:
    task = members(api.created())
    expect(tuple(task) == TASK, f"{list(task)}")
    expect(
        task["description"] is None and task["tags"] == [], f"description: {task['description']}, tags: {task['tags']}"
    )
    expect(TIMESTAMP.fullmatch(task["create_time"]), f"create_time: {task['create_time']}")
    return f"{len(task)} members"


@promise("C14.2", "A list has its items, next_page_token and total_size.")
def listed(api: Api) -> str:
    found = members(api.get(api.path))
    expect(set(found) == {"tasks", "next_page_token", "total_size"}, f"{sorted(found)}")
    return ", ".join(found)


@promise("C15.1", "201 has a Location, a path, that answers GET with the created resource.")
def location(api: Api) -> str:
    answer = api.created()
    path = answer.get("Location") or ""
    expect(answer.status == 201 and path.startswith("/"), f"{answer.line}, Location: {path}")
    expect(api.get(path).document == answer.document, "GET shows something else")
    return path


@promise("C17.1", "page_size is 50 by default and 1000 at most; an invalid number is an error.")
def page_size(api: Api) -> str:
    for each in ("-1", "1.0", "+1", "1_0", "%D9%A1", "abc", "1e1", "%201"):
        expect("page_size" in violations(api.get(f"{api.path}?page_size={each}"), to=each), each)
    for each in ("0", "1", "1000", "100000"):
        answered(api.get(f"{api.path}?page_size={each}&fields=name"), 200, to=each)
    return "0, 1, 1000 and more are taken"


@promise("C17.2", "Pages follow one another without repeating, and the last has no token.")
def walk(api: Api) -> str:
    text = api.unknown[-16:]
    made = [api.patch(api.item(), b'{"tags": ["%s"]}' % text.encode()).document.get("name") for _ in range(3)]
    path, found = f"{api.path}?filter=tags:{text}&page_size=2&fields=name", []
    page = members(api.get(path))
    found += page["tasks"]
    expect(page["next_page_token"], "the first page of two has no token")
    page = members(api.get(f"{path}&page_token={page['next_page_token']}"))
    found += page["tasks"]
    expect(page["next_page_token"] is None, "the last page has a token")
    expect(sorted(each["name"] for each in found) == sorted(map(str, made)), f"{len(found)} of 3")
    return "2 and 1"


@promise("C17.3", "A changed page token, or a token of another list, is 400 INVALID_PAGE_TOKEN.")
def page_token(api: Api) -> str:
    api.created(), api.created()
    token = members(api.get(f"{api.path}?page_size=1"))["next_page_token"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for path in (
        f"page_token={changed}",
        "page_token=x",
        f"page_token={token}&order_by=title",
        f"page_token={token[:-1]}",
    ):
        seen = problem(api.get(f"{api.path}?page_size=1&{path}"), 400, "INVALID_PAGE_TOKEN", to=path[-20:])
    return seen


@promise("C18.1", "An invalid filter or order is 400, and detail names the token and its position.")
def filters(api: Api) -> str:
    for query, code in (
        ("filter=x%20=%201", "INVALID_FILTER"),
        ("filter=title%20%3D", "INVALID_FILTER"),
        ("filter=%27", "INVALID_FILTER"),
    ):
        problem(api.get(f"{api.path}?{query}"), 400, code, to=query)
    for each in ("x", "title%20sideways", "title,,"):
        seen = problem(api.get(f"{api.path}?order_by={each}"), 400, "INVALID_ORDER_BY", to=each)
    return seen


@promise("C19.1", "fields selects members of the response; unknown ones are an error.")
def projection(api: Api) -> str:
    shown = members(api.get(f"{api.item()}?fields=name,title"))
    expect(tuple(shown) == ("name", "title"), f"{list(shown)}")
    return f"{violations(api.get(f'{api.path}?fields=colour'))}"


@promise(
    "C20.1", "A resource has a strong ETag and has Cache-Control: private, no-cache, no-transform; a list has no-store."
)
def kept(api: Api) -> str:
    answer = api.get(api.item())
    expect(re.fullmatch(r'"[^"]+"', answer.get("ETag") or ""), f"ETag: {answer.get('ETag')}")
    directives = answer.get("Cache-Control")
    expect(directives == "private, no-cache, no-transform", f"Cache-Control: {directives}")
    listed = api.get(api.path).get("Cache-Control")
    expect(listed == "no-store", f"the list: Cache-Control: {listed}")
    return f"ETag: {answer.get('ETag')}"


@promise("C20.2", "A stale If-Match is 412 PRECONDITION_FAILED, for PATCH and DELETE.")
def stale(api: Api) -> str:
    path = api.item()
    problem(api.send("DELETE", path, {"If-Match": '"0-00000000"'}), 412, "PRECONDITION_FAILED", to="DELETE")
    return problem(api.patch(path, b"{}", {"If-Match": '"0-00000000"'}), 412, "PRECONDITION_FAILED", to="PATCH")


@promise(
    "C3.1.1", "A taken title is 409 TASK_TITLE_TAKEN, in any normal form and with any spaces.", source="contract 3.1"
)
def taken(api: Api) -> str:
    text = api.unknown
    answered(api.post(api.profile.body(text=f'"café {text}"')), 201)
    for same in (f"café {text}", f"  café {text} ", f"cafe\\u0301 {text}"):
        seen = problem(api.post(api.profile.body(text=f'"{same}"')), 409, "TASK_TITLE_TAKEN", to=ascii(same)[:12])
    return seen
