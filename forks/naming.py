"""The names of a product, all derived from its title."""

import keyword
import re
from dataclasses import dataclass

LONGEST_TITLE = 24
"""Longer titles would not fit into lines of documentation and code, which have at most 120 characters."""
LONGEST_SLUG = 20
"""The account of the operating system (32 characters) and names of units contain the slug."""
_TITLE = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ -][A-Za-z0-9]+)*")
_SLUG = re.compile(r"[a-z][a-z0-9]*")


class InvalidNameError(ValueError):
    """The title or slug does not fit where names are used."""


@dataclass(frozen=True)
class Names:
    """The title for people, and the slug for programs.

    The slug has letters and digits only. It is valid in SQL, Python, metrics, units, URLs and file names alike.
    """

    title: str
    slug: str

    @classmethod
    def of(cls, title: str, slug: str = "") -> "Names":
        """Return the names of a title; the slug is made of its letters and digits unless it is given.

        Raises:
            InvalidNameError: one of them is not valid everywhere.
        """
        if not _TITLE.fullmatch(title) or len(title) > LONGEST_TITLE:
            raise InvalidNameError(
                f"NAME must begin with a letter, have words of ASCII letters and digits with a single blank or hyphen"
                f" between them, and at most {LONGEST_TITLE} characters: {title!r}"
            )
        made = slug or re.sub(r"[ -]", "", title).lower()
        if not _SLUG.fullmatch(made) or len(made) > LONGEST_SLUG or keyword.iskeyword(made):
            raise InvalidNameError(
                f"SLUG must begin with a lower-case letter, have only lower-case letters and digits, and at most"
                f" {LONGEST_SLUG} characters: {made!r}"
            )
        return cls(title, made)

    @property
    def identifier(self) -> str:
        """Return the title as a part of a class name: ``AcmeOrders``."""
        return "".join(word[0].upper() + word[1:] for word in re.split(r"[ -]", self.title))
