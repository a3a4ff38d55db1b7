"""The code of a part goes, with all that depends on it; everything else stays as it is."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from forks.python_source import Module, Removal, thin


def thinned(text: str, path: str = "app/module.py", *, modules: tuple[str, ...] = ()) -> str:
    """Return a module without orders."""
    module = Module(Path(path), dedent(text).lstrip("\n"))
    thin(module, Removal("orders", re.compile("^orders$|Order"), frozenset({"orders"}), {*modules}))
    return module.text


def same(before: str, after: str, path: str = "app/module.py", *, modules: tuple[str, ...] = ()) -> None:
    assert thinned(before, path, modules=modules) == dedent(after).lstrip("\n")


def test_a_module_without_a_mention_is_unchanged() -> None:
    text = "# orders\nx = [  1]\n"
    assert thinned(text) == text


def test_imported_names() -> None:
    same(
        """
        from app.errs import (
            movies,
            orders,
        )
        from app.models import orders
        from app import orders, tasks
        """,
        """
        from app.errs import (
            movies,
        )
        from app import tasks
        """,
    )


def test_entries_on_separate_lines() -> None:
    same(
        """
        ALL = (
            "movies",
            "orders",  # and their items
        )
        made = Services(
            movies=1,
            orders=OrderService(
                2,
            ),
        )
        BY_NAME = {
            "a": 1,
            "b": Order,
        }
        """,
        """
        ALL = (
            "movies",
        )
        made = Services(
            movies=1,
        )
        BY_NAME = {
            "a": 1,
        }
        """,
    )


def test_an_entry_of_a_constant_on_one_line() -> None:
    same('NAMES = ["tasks", "orders"]\n', 'NAMES = ["tasks"]\n')


def test_members_and_the_texts_below_them() -> None:
    same(
        '''
        class Services:
            movies: int
            orders: OrderService
            """Orders."""
            tasks: int
        ''',
        """
        class Services:
            movies: int
            tasks: int
        """,
    )


def test_what_used_a_removed_name_goes_too() -> None:
    text = "from app.models.orders import made\n\nLIMIT = made()\nDOUBLE = LIMIT * 2\nOTHER = 3\n"
    assert thinned(text, modules=("app.models.orders",)).strip() == "OTHER = 3"


def test_imports_that_are_no_longer_used() -> None:
    assert thinned("import json\nimport time\n\norders = json.dumps(1)\npause = time.sleep\n").strip() == (
        "import time\n\npause = time.sleep"
    )


def test_scopes_in_a_list() -> None:
    same('granted = f("tasks orders account")\n', 'granted = f("tasks account")\n')


def test_a_marked_line_goes_alone() -> None:
    same(
        """
        def test_all():
            assert tasks()
            assert "orders" in names  # part: orders
            assert more()
        """,
        """
        def test_all():
            assert tasks()
            assert more()
        """,
        "tests/test_module.py",
    )


def test_a_marked_entry_goes_alone() -> None:
    same('NAMES = {\n    "a": 1,\n    "b": 2,  # part: orders\n}\n', 'NAMES = {\n    "a": 1,\n}\n')


class TestTests:
    """Modules in ``tests/``."""

    def test_a_test_goes_as_a_whole(self) -> None:
        same(
            """
            def test_tasks():
                assert 1


            def test_both():
                assert tasks()
                assert Order()
            """,
            """
            def test_tasks():
                assert 1


            """,
            "tests/test_module.py",
        )

    def test_a_case_goes_alone(self) -> None:
        same(
            """
            @pytest.mark.parametrize("name", ["tasks", "orders"])
            def test_names(name):
                assert name
            """,
            """
            @pytest.mark.parametrize("name", ["tasks"])
            def test_names(name):
                assert name
            """,
            "tests/test_module.py",
        )

    def test_a_test_without_cases_goes(self) -> None:
        text = '@pytest.mark.parametrize("name", ["orders"])\ndef test_names(name):\n    assert name\n'
        assert thinned(text, "tests/test_module.py").strip() == ""

    def test_helpers_and_their_users(self) -> None:
        text = "def new():\n    return Order()\n\n\ndef test_it():\n    new()\n\n\ndef test_other():\n    assert 1\n"
        assert thinned(text, "tests/test_module.py").strip() == "def test_other():\n    assert 1"


def test_a_mark_without_a_statement_is_an_error() -> None:
    with pytest.raises(ValueError, match="line 1: nothing to remove"):
        thinned("# part: orders\n")
