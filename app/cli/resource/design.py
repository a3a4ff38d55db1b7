"""The design of a resource: its members, owner and transitions, and the variables of the templates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from app.cli.resource.members import EXAMPLE_ID, Member, Transition
from app.cli.resource.parent import Parent

CREATED_BY: Final = "created_by"
DEFAULT: Final = ("title:text:200",)
Index = tuple[str, tuple[str, ...], str]
"""The name of an index, its columns, and the error that a violation raises, if it is unique."""


@dataclass(frozen=True, slots=True)
class Design:
    """The members of a resource, the column of the owner if rows belong to users, and the transitions."""

    table: str
    members: tuple[Member, ...]
    owner: str | None
    transitions: tuple[Transition, ...]
    has_grpc: bool = False
    parent: Parent | None = None

    @classmethod
    def of(
        cls,
        table: str,
        members: Iterable[str] = (),
        *,
        is_owned: bool = False,
        transitions: Iterable[str] = (),
        has_grpc: bool = False,
    ) -> Self:
        """Return the design that the words of the command line describe.

        In an owned resource, ``unique-per`` can name the column of the owner, which is ``created_by`` otherwise.

        Raises:
            ValueError: a word is not valid.
        """
        made = [Member.of(each) for each in (*members,) or DEFAULT]
        names = [each.name for each in made]
        if len({*names}) < len(names):
            raise ValueError("two members have the same name")
        others = sorted({each.per for each in made if each.per} - {*names, CREATED_BY})
        if len(others) > is_owned:
            raise ValueError(f"unique-per={others[0]} does not name a member")
        owner = (others[0] if others else CREATED_BY) if is_owned else None
        changes = tuple(Transition.of(each, made) for each in transitions)
        if len({each.state for each in changes}) > 1:
            raise ValueError("all transitions must change the same member")
        if sum(each.is_parent for each in made) > 1:
            raise ValueError("a resource has one parent")
        if has_grpc and any(each.is_parent for each in made):
            raise ValueError("a nested resource is not generated for gRPC: leave out --grpc or :parent")
        return cls(table, tuple(made), owner, changes, has_grpc)

    def under(self, parent: Parent) -> Self:
        """Return the design with its parent, as its code declares it."""
        members = (replace(each, absent=parent.absent) if each.is_parent else each for each in self.members)
        return replace(self, members=tuple(members), parent=parent)

    @property
    def owner_column(self) -> str:
        """The column with the user who created the row."""
        return self.owner or CREATED_BY

    @property
    def state(self) -> Member | None:
        """The member that the transitions change."""
        return self.transitions[0].state if self.transitions else None

    @property
    def errors(self) -> list[str]:
        """The named errors."""
        unique = [f"Gadget{each.pascal}Taken" for each in self.members if each.is_unique]
        changes = [f"Gadget{each.pascal}NotAllowed" for each in self.transitions]
        return ["GadgetNotFound", *self._owner_errors, *unique, *changes]

    @property
    def changelog_entry(self) -> str:
        """The entry for callers in CHANGELOG.md."""
        methods = "".join(f"; `POST /v1/gadgets/{{id}}:{each.name}`" for each in self.transitions)
        codes = ["404 `GADGET_NOT_FOUND`", *(["403 `NOT_GADGET_OWNER`"] if self.owner else [])]
        codes += [f"409 `GADGET_{each.name.upper()}_TAKEN`" for each in self.members if each.is_unique]
        codes += [f"409 `GADGET_{each.name.upper()}_NOT_ALLOWED`" for each in self.transitions]
        if self.parent:
            methods = methods.replace("/v1/gadgets", f"{self.parent.path('{id}')}/gadgets")
        base = f"{self.parent.path('{id}') if self.parent else '/v1'}/gadgets"
        operations = f"`POST`, `GET {base}`; `GET`, `PUT`, `DELETE {base}/{{id}}`{methods}"
        return f"- {operations}, with the scope `gadgets`;\n  {', '.join(codes)}.\n{self._grpc_entry}"

    @property
    def _grpc_entry(self) -> str:
        if not self.has_grpc:
            return ""
        methods = ["Create", "Get", "List", "Replace", "Delete", *(each.pascal for each in self.transitions)]
        names = [f"{each}Gadget{'s' * (each == 'List')}" for each in methods]
        requests = ", ".join(f"`{each}Request`" for each in names)
        kinds = "".join(f", `{each.pascal}`" for each in self.members if each.values)
        return (
            f"- gRPC: `gadgets.v1.GadgetService` with {', '.join(f'`{each}`' for each in names)};\n"
            f"  the messages `Gadget`{kinds}, {requests},\n  `ListGadgetsResponse`.\n"
        )

    def context(self) -> dict[str, Any]:
        """Return the variables of the templates."""
        owned, parent, indexes = self.owner is not None, self.parent, [*self._indexes()]
        violations = [f"Gadget{each.pascal}Taken" for each in self.members if each.is_unique]
        if any(each.target and not each.is_parent for each in self.members):
            violations.append("ValidationFailed")
        required = [each for each in self.members if not (each.is_optional or each.is_parent) and each != self.state]
        is_passed = owned or bool(parent and parent.takes_caller)
        passed = (f"{parent.column}={parent.column}, " if parent else "") + "by=principal(), " * is_passed
        parameters = (f"{parent.column}: UUID, " if parent else "") + ("by: Principal, " if is_passed else "")
        return {
            "members": self.members,
            "owner": self.owner,
            "state": self.state,
            "transitions": self.transitions,
            "has_grpc": self.has_grpc,
            "parent": parent,
            "base": parent.path(f"<id:{parent.column}>") if parent else "/v1",
            "located": parent.path(f"{{{parent.column}}}") if parent else "/v1",
            "instance": parent.path(EXAMPLE_ID.strip('"')) if parent else "/v1",
            "rule": f"@{parent.table}/<id:{parent.column}>/@" if parent else "",
            "of_parent": [*parent.errors] if parent else [],
            "caller_parameters": f", *, {parameters.rstrip(', ')}" if parameters else "",
            "caller_passed": f", {passed.rstrip(', ')}" if passed else "",
            "parent_errors": "".join(f"{each}, " for each in parent.errors) if parent else "",
            "parent_parameter": f", {parent.column}: UUID" if parent else "",
            "parent_first": f"{parent.column}: UUID, " if parent else "",
            "parent_passed": f"{parent.column}={parent.column}, " if parent else "",
            "parameters": parameters,
            "forwarded": (f"{parent.column}, " if parent else "") + ("by, " if is_passed else ""),
            "errors": ", ".join(self.errors),
            "listed_errors": ", ".join([*self.errors[:3], *("…" for _ in self.errors[3:4])]),
            "owner_errors": self._owner_errors,
            "violations": violations,
            "not_owner": "NotGadgetOwner, " if owned else "",
            "passed": passed,
            "initial": f"{self.state.name}={self.state.pascal}.{self.state.values[0].upper()}, " if self.state else "",
            "indexes": [declared(each) for each in indexes],
            "created_indexes": [created(each) for each in indexes],
            "sample": "{" + ", ".join(f'"{each.name}": {each.sample}' for each in required) + "}",
            "suites": ["OwnedTests"] * owned + ["NestedTests"] * bool(parent) + ["TransitionTests"] * bool(self.state)
            or ["ResourceTests"],
        }

    @property
    def _owner_errors(self) -> list[str]:
        return ["NotGadgetOwner"] if self.owner else []

    def _indexes(self) -> Iterator[Index]:
        led = self.parent.column if self.parent else self.owner
        if led:
            yield f"ix_gadgets_{led}_create_time", (led, "create_time", "id"), ""
        if led != self.owner or not self.owner:
            yield f"ix_gadgets_{self.owner_column}", (self.owner_column,), ""
        if not self.parent:
            yield "ix_gadgets_create_time", ("create_time", "id"), ""
        for member in self.members:
            yield from member.indexes("gadgets", led)


def declared(index: Index) -> str:
    """Return an index as code of the model."""
    name, columns, error = index
    violated = f', unique=True, info={{"violated": {error}}}' if error else ""
    return f'Index("{name}", {_quoted(columns)}{violated})'


def created(index: Index) -> str:
    """Return the creation of an index as code of a migration."""
    name, columns, error = index
    unique = ", unique=True" if error else ""
    return f'op.create_index("{name}", "gadgets", [{_quoted(columns)}]{unique})'


def _quoted(columns: Iterable[str]) -> str:
    return ", ".join(f'"{each}"' for each in columns)
