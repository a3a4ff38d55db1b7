"""The members of a resource, in the words of the command line: ``number:text:20:unique``, ``order:ref=orders``.

Each is written in four places: a column of the model, the same column in a migration, a field of the schema, and, if it
is required, a value in the sample of the tests.
"""

import keyword
import re
from dataclasses import dataclass
from typing import Final, Self

NAME: Final = re.compile("[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST: Final = 20
TAKEN: Final = frozenset({"change", "create", "id", "metadata", "owner", "registry", "sorted_by", "transition"})
ADDED: Final = frozenset({"create_time", "update_time", "created_by", "version"})
EXAMPLE_ID: Final = '"8c1b2c1e-6f4e-4d4c-9d6e-0d9b6a1f2a33"'
FORMS: Final = (
    "text:LENGTH, int, bool, date, timestamp, uuid, money, enum=VALUE,VALUE or ref=RESOURCE, then :optional, :unique,"
    " :unique-per=MEMBER or, after ref=RESOURCE, :parent"
)


@dataclass(frozen=True, slots=True)
class Type:
    """A type of member: its annotation, its column in a migration, and a value in JSON, as Python code; in protobuf."""

    annotation: str
    column: str
    sample: str
    is_sorted: bool = False
    proto: str = "optional string"


TYPES: Final = {
    "text": Type("str", "sa.String({length})", '"x"', is_sorted=True),
    "int": Type("int", "sa.Integer()", "1", is_sorted=True, proto="optional int32"),
    "bool": Type("bool", "sa.Boolean()", "True", proto="optional bool"),
    "date": Type("date", "sa.Date()", '"2030-01-31"', is_sorted=True),
    "timestamp": Type(
        "datetime",
        "sa.TIMESTAMP(timezone=True)",
        '"2030-01-31T12:00:00Z"',
        is_sorted=True,
        proto="google.protobuf.Timestamp",
    ),
    "uuid": Type("UUID", "sa.Uuid()", EXAMPLE_ID),
    "money": Type("Decimal", "sa.Numeric(14, 2)", '"9.80"', is_sorted=True),
    "enum": Type("{pascal}", "sa.SmallInteger()", '"{prefix}{first}"', proto="{pascal}"),
    "ref": Type("UUID", "sa.Uuid()", EXAMPLE_ID),
}


@dataclass(frozen=True, slots=True)
class Member:
    """A member: a property in JSON and a column."""

    name: str
    kind: str
    length: int = 0
    values: tuple[str, ...] = ()
    target: str = ""
    is_optional: bool = False
    is_unique: bool = False
    per: str = ""
    is_parent: bool = False
    absent: str = ""
    """The error for a parent that does not exist."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the member that a word of the command line describes.

        Raises:
            ValueError: the word is not in the form of a member, or its name is not available.
        """
        name, _, described = text.partition(":")
        kind, *options = described.split(":")
        kind, _, argument = kind.partition("=")
        if kind not in TYPES:
            raise ValueError(f"{text!r} is not a member: write NAME:TYPE with {FORMS}")
        length = options.pop(0) if kind == "text" and options else ""
        per = next((each.partition("=")[2] for each in options if each.startswith("unique-per=")), "")
        made = cls(
            name=f"{name}_id" if kind == "ref" else name,
            kind=kind,
            length=int(length) if length.isdecimal() else 0,
            values=tuple(argument.split(",")) if kind == "enum" else (),
            target=argument if kind == "ref" else "",
            is_optional="optional" in options,
            is_unique="unique" in options or bool(per),
            per=per,
            is_parent="parent" in options,
        )
        made._check(text, options)
        return made

    def _check(self, text: str, options: list[str]) -> None:
        _check_name(self.name)
        known = {"optional", "unique", f"unique-per={self.per}", *(["parent"] if self.kind == "ref" else [])}
        if not known.issuperset(options) or (self.per == "" and any(each.startswith("unique-per") for each in options)):
            raise ValueError(f"{text!r} has an unknown option: write NAME:TYPE with {FORMS}")
        if self.kind == "text" and not 1 <= self.length <= 10_000:
            raise ValueError(f"{text!r} needs a length from 1 to 10000: {self.name}:text:200")
        if self.kind == "ref" and not NAME.fullmatch(self.target):
            raise ValueError(f"{text!r} needs a resource: {self.name.removesuffix('_id')}:ref=orders")
        if self.is_parent and self.is_optional:
            raise ValueError(f"{text!r} can't be optional: every row belongs to a parent")
        if self.kind == "enum":
            are_names = all(map(NAME.fullmatch, self.values))
            if not are_names or len(self.values) < 2 or len({*self.values}) < len(self.values):
                raise ValueError(f"{text!r} needs two or more different values: {self.name}:enum=draft,sent")
            if self.is_optional:
                raise ValueError(f"{text!r} can't be optional: add a value for its absence, such as none")

    @property
    def pascal(self) -> str:
        """The name in class names."""
        return "".join(map(str.capitalize, self.name.split("_")))

    @property
    def words(self) -> str:
        """The name in sentences."""
        return self.name.removesuffix("_id" if self.target else "").replace("_", " ")

    @property
    def type(self) -> Type:
        """The type of the member."""
        return TYPES[self.kind]

    @property
    def is_sorted(self) -> bool:
        """True if an index sorts lists by it."""
        return self.type.is_sorted

    @property
    def attribute(self) -> str:
        """The attribute of the model."""
        annotation = self.type.annotation.format(pascal=self.pascal) + (" | None" if self.is_optional else "")
        more = ', on_delete="SET NULL"' if self.is_optional else f", absent={self.absent}" if self.absent else ""
        column = {
            "text": f" = mapped_column(String({self.length}))",
            "money": " = money()",
            "enum": f" = mapped_column(SmallEnum({self.pascal}))",
            "ref": f' = reference("{self.target}"{more})',
        }.get(self.kind, "")
        return f"{self.name}: Mapped[{annotation}]{column}"

    def field(self, state: "Member | None") -> str:
        """Return the field of the schema. Only transitions change a state; the path of a creation has the parent."""
        more = ", dump_only=True" if self == state or self.is_parent else ""
        return f'{self.name} = resource.field(Gadget.{self.name}, "{self._described}"{more})'

    @property
    def _described(self) -> str:
        return f"The ID of the {self.words}." if self.target else f"The {self.words}."

    def proto(self, number: int, state: "Member | None") -> str:
        """Return the field of the gRPC message, with its comment."""
        rule = " Output only." if self == state else "" if self.is_optional else " Required."
        example = {"date": " In the form 2030-01-31.", "money": " An amount such as 9.80."}.get(self.kind, "")
        kind = self.type.proto.format(pascal=self.pascal)
        return f"  // {self._described}{example}{rule}\n  {kind} {self.name} = {number};"

    @property
    def migrated(self) -> str:
        """The column in a migration."""
        return f'sa.Column("{self.name}", {self.type.column.format(length=self.length)}, nullable={self.is_optional})'

    def key(self, table: str) -> str:
        """Return the foreign key in a migration."""
        name, rule = f"fk_{table}_{self.name}_{self.target}", "SET NULL" if self.is_optional else "CASCADE"
        return f'sa.ForeignKeyConstraint(["{self.name}"], ["{self.target}.id"], name=op.f("{name}"), ondelete="{rule}")'

    @property
    def sample(self) -> str:
        """A value in JSON, as Python code."""
        if self.kind == "text" and self.length >= LONGEST:
            return '"Sample"'
        return self.type.sample.format(prefix=f"{self.name.upper()}_", first=(self.values or ("",))[0].upper())

    def indexes(self, table: str, led_by: str | None) -> list[tuple[str, tuple[str, ...], str]]:
        """Return the names, columns and errors of its indexes. Those for lists begin with the parent or the owner."""
        led = (led_by,) if led_by else ()
        found = []
        if self.is_unique:
            columns = (*((self.per,) if self.per else ()), self.name)
            found.append((f"uq_{table}_{'_'.join(columns)}", columns, f"Gadget{self.pascal}Taken"))
        if self.is_sorted:
            found.append((f"ix_{table}_{'_'.join((*led, self.name))}", (*led, self.name, "id"), ""))
        if self.target and self.name != led_by:
            found.append((f"ix_{table}_{self.name}", (self.name, "id"), ""))
        return found


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition of the resource: its name, the states that allow it, and the next one."""

    name: str
    sources_: tuple[str, ...]
    target_: str
    state: Member

    @classmethod
    def of(cls, text: str, members: list[Member]) -> Self:
        """Return the transition that a word of the command line describes.

        Raises:
            ValueError: the word is not in the form of a transition, or no enumeration has its states.
        """
        name, _, states = text.partition("=")
        sources, _, target = states.partition(":")
        _check_name(name)
        if name in {"get", "page", "replace", "delete", "create"}:
            raise ValueError(f"{name!r} is an operation of every resource")
        used = {*sources.split(","), target}
        found = [each for each in members if used <= {*each.values}]
        if len(found) != 1:
            raise ValueError(
                f"{text!r} is not a transition: write send=draft:sent, with values of one enumeration of the resource"
            )
        return cls(name, tuple(sources.split(",")), target, found[0])

    @property
    def pascal(self) -> str:
        """The name in class names."""
        return "".join(map(str.capitalize, self.name.split("_")))

    @property
    def sources(self) -> str:
        """The states that allow it, as Python code."""
        return ", ".join(f"{self.state.pascal}.{each.upper()}" for each in self.sources_)

    @property
    def target(self) -> str:
        """The next state, as Python code."""
        return f"{self.state.pascal}.{self.target_.upper()}"

    @property
    def state_names(self) -> str:
        """The states that allow it, in JSON."""
        return ", ".join(f"{self.state.name}_{each}".upper() for each in self.sources_)

    @property
    def example(self) -> str:
        """A state that does not allow it, in JSON."""
        other = next(each for each in (*reversed(self.state.values), self.target_) if each not in self.sources_)
        return f"{self.state.name}_{other}".upper()


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise ValueError(f"{name!r} is not a name: use up to {LONGEST} small letters, digits and underscores")
    if keyword.iskeyword(name) or name in TAKEN | ADDED:
        raise ValueError(f"the name {name!r} is reserved in Python or in every resource")
