"""A sampling profiler: it records the stack of every thread a hundred times a second, including threads that wait.

It counts wall-clock time, like the duration of a request: time spent on a lock or the database counts where the thread
waits. Idle threads of a pool are left out.
"""

import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

from app import product
from app.observability.logs import short_path

PER_SECOND: Final = 100
IDLE: Final = ("_worker", "concurrent/futures/thread.py")
DEEPEST: Final = 200
"""The maximum number of frames per stack, from the innermost out."""


class Frame(NamedTuple):
    """A function: its name, its file, and its first line."""

    name: str
    file: str
    line: int


Stack = tuple[Frame, ...]


@dataclass
class Profile:
    """The recorded stacks of each thread, outermost frame first, each with its seconds."""

    seconds: float
    seen: dict[str, list[tuple[Stack, float]]] = field(default_factory=dict)

    def collapsed(self) -> str:
        """Return one line per stack with its milliseconds, in the format of flamegraph.pl."""
        counts: Counter[str] = Counter()
        for thread, samples in self.seen.items():
            for stack, weight in samples:
                counts[";".join([thread, *(f"{frame.name} ({frame.file})" for frame in stack)])] += round(weight * 1000)
        return "".join(f"{stack} {milliseconds}\n" for stack, milliseconds in sorted(counts.items()))

    def tree(self) -> dict[str, Any]:
        """Return the stacks as a tree: name, place, seconds and calls."""
        root = _node("all threads", "")
        for thread, samples in sorted(self.seen.items()):
            for stack, weight in samples:
                root["seconds"] += weight
                node = root
                for name, place in ((thread, ""), *((frame.name, f"{frame.file}:{frame.line}") for frame in stack)):
                    node = node["calls"].setdefault((name, place), _node(name, place))
                    node["seconds"] += weight
        return _listed(root)

    def speedscope(self) -> dict[str, Any]:
        """Return a file for https://www.speedscope.app, with one profile per thread (its file-format-schema.json)."""
        frames: dict[Frame, int] = {}
        profiles = [
            {
                "type": "sampled",
                "name": thread,
                "unit": "seconds",
                "startValue": 0,
                "endValue": sum(weight for _, weight in samples),
                "samples": [[frames.setdefault(frame, len(frames)) for frame in stack] for stack, _ in samples],
                "weights": [weight for _, weight in samples],
            }
            for thread, samples in sorted(self.seen.items())
        ]
        return {
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": product.SLUG,
            "shared": {"frames": [frame._asdict() for frame in frames]},
            "profiles": profiles,
        }


def _node(name: str, place: str) -> dict[str, Any]:
    return {"name": name, "place": place, "seconds": 0.0, "calls": {}}


def _listed(node: dict[str, Any]) -> dict[str, Any]:
    calls = sorted(map(_listed, node["calls"].values()), key=lambda each: str(each["name"]))
    return {**node, "seconds": round(node["seconds"], 4), "calls": calls}


def taken(seconds: float) -> Profile:
    """Record every thread but this one for this number of seconds."""
    profile, known = Profile(seconds), dict[CodeType, Frame]()
    began = last = time.monotonic()
    while (now := time.monotonic()) - began < seconds:
        names = {thread.ident: thread.name for thread in threading.enumerate()}
        for ident, frame in sys._current_frames().items():  # noqa: SLF001 -- the one way to see them
            stack = _stack(frame, known)
            is_idle = not stack or (stack[-1].name, stack[-1].file[-len(IDLE[1]) :]) == IDLE
            if ident != threading.get_ident() and not is_idle:
                profile.seen.setdefault(names.get(ident, "?"), []).append((stack, now - last or 1 / PER_SECOND))
        last = now
        time.sleep(1 / PER_SECOND)
    return profile


def _stack(frame: FrameType | None, known: dict[CodeType, Frame]) -> Stack:
    """Return the frames of a thread, outermost first."""
    frames: list[Frame] = []
    while frame is not None and len(frames) < DEEPEST:
        code = frame.f_code
        if code not in known:
            known[code] = Frame(code.co_qualname, short_path(code.co_filename), code.co_firstlineno)
        frames.append(known[code])
        frame = frame.f_back
    return tuple(reversed(frames))
