#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2: os.fork() in a process that has made tracer providers.
# Expected: a child of fork starts no thread by itself. It often only calls exec or _exit (POSIX, fork).
# Seen: before os.fork() returns in the child, each provider makes a thread pool, starts a thread that detects resources, and
# joins it: three providers, three pools. A provider that is shut down, but referenced, does it too.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check opentelemetry-sdk==1.45.2
"$folder/venv/bin/python" - <<'PROGRAM'
import os
import sys
import threading

from opentelemetry.sdk.trace import TracerProvider

providers = [TracerProvider(shutdown_on_exit=False) for _ in range(3)]
providers[0].shutdown()
parent, started = os.getpid(), []
start = threading.Thread.start


def counted(thread: threading.Thread) -> None:
    if os.getpid() != parent:
        started.append(thread.name)
    start(thread)


threading.Thread.start = counted
child = os.fork()
if child == 0:
    print("threads started before fork returned in the child:", started, flush=True)
    os._exit(len(started))
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(0 if status == 3 else 1)
PROGRAM
