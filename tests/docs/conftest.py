"""The harness that executes the code blocks of the documentation.

It reads README.md and all pages below docs/. Sybil finds the code blocks. One test per page treats them in order:

``console``
    A transcript. All transcripts of a page run in one bash, against a service in a copy of the tree, with the
    processes of ``make run``, on free ports. A command begins after ``$``; the lines of a longer command may
    begin with ``> ``. Put 127.0.0.1:8000 and 127.0.0.1:50051 on the page: the harness replaces them. Commands run
    in the root of the checkout, with the settings of the service in the environment. The output must match the
    page:

    - JSON is compared as JSON, therefore the page may break its lines.
    - Header fields after a status line must be printed in the order shown. Others may be left out.
    - IDs, times, tokens and ETags need the same form. A command or an output further down that shows the same value
      gets the value of this run.
    - ``…`` stands for anything: the rest of a text, further properties, items or lines.
    - Without an output on the page, anything may be printed, and the exit status must be 0.

``sh``, ``bash``
    A script. It runs in the same bash and must exit with 0.

``python``
    A program. It runs in the same folder, with the variables that the shell exports. The comment lines that follow
    a line with ``print(`` show the expected output. A block in ``[[compiled]]`` is compiled, and its imports are
    checked.

``csv``, ``ini``, ``json``, ``nginx``, ``sql``, ``systemd``, ``toml``, ``yaml``
    Data. The tool that reads it must accept it. ``nginx -t`` reads a part of a configuration as main, http, server
    or location. PostgreSQL plans queries and changes of rows, and parses other statements; it executes none.

Every other block fails, and so does a block without a language, unless ``blocks.toml`` has an entry for it. The
table has the blocks that another test executes, and the blocks that are skipped, each with a reason. A page can
name the test that executes it in its front matter as well: ``executed: tests/stack/test_….py``. The test must name
the page. Data blocks on such a page are parsed nevertheless. An entry for a page or block that does not exist
fails.

``pytest tests/docs -k retry`` runs one page. Tables are emptied between pages. Each page has a different
client address, because rate limits count by address.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import Databases, shared
from tests.docs.service import Service, served


@pytest.fixture(scope="session")
def docs_database(own_databases: Databases, pytestconfig: pytest.Config) -> str:
    """Return the URL of the database of the service that the pages call."""
    template = shared(pytestconfig).get("template") or own_databases.make_template()
    return own_databases.make("docs", template=template)


@pytest.fixture(scope="session")
def docs_service(docs_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return the service that the pages call."""
    base = tmp_path_factory.getbasetemp()
    tokens = (base.parent if base.name.startswith("popen-") else base) / "tokens"  # all workers of a run share them
    tokens.mkdir(exist_ok=True)
    with served(docs_database, tmp_path_factory.mktemp("checkout"), tokens) as service:
        yield service


@pytest.fixture
def start_service(request: pytest.FixtureRequest) -> Callable[[], Service]:
    """Return a function that returns the service, and starts it at the first call: pages without commands need none."""

    def start() -> Service:
        found: Service = request.getfixturevalue("docs_service")
        return found

    return start
