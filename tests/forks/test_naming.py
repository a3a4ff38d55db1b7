"""Names of a product: valid where they are used, or rejected with a sentence."""

import pytest

from forks.naming import InvalidNameError, Names


@pytest.mark.parametrize(
    ("title", "slug", "identifier"),
    [
        ("Acme Orders", "acmeorders", "AcmeOrders"),
        ("Acme-Orders 2", "acmeorders2", "AcmeOrders2"),
        ("shop", "shop", "Shop"),
        ("SQL Desk", "sqldesk", "SQLDesk"),
    ],
)
def test_all_are_derived_from_the_title(title: str, slug: str, identifier: str) -> None:
    names = Names.of(title)
    assert (names.title, names.slug, names.identifier) == (title, slug, identifier)


def test_the_slug_can_be_given() -> None:
    assert Names.of("Acme Orders", "acme").slug == "acme"


@pytest.mark.parametrize(
    "title",
    [
        "",
        " Acme",
        "Acme ",
        "Acme  Orders",
        "2 Acme",
        "Acme_Orders",
        'Acme "Orders"',
        "Acmé",
        "Acme/Orders",
        "A" * 25,
        "-",
    ],
)
def test_a_title_that_does_not_fit_everywhere_is_rejected(title: str) -> None:
    with pytest.raises(InvalidNameError, match=r"^NAME must begin with a letter"):
        Names.of(title)


@pytest.mark.parametrize("slug", ["Acme", "acme-orders", "acme_orders", "2acme", "a" * 21, "class", "a b"])
def test_a_slug_that_is_not_an_identifier_is_rejected(slug: str) -> None:
    with pytest.raises(InvalidNameError, match=r"^SLUG must begin with a lower-case letter"):
        Names.of("Acme", slug)
