"""The stack of every thread, and the request that it works on."""

import sys
import threading
import traceback
from types import FrameType

from app.observability import active_requests
from app.observability.logs import short_path


def report() -> str:
    """Return the stack of each thread but this one, innermost frame last; threads with requests first, the oldest
    first.
    """
    works, frames = active_requests.by_thread(), sys._current_frames()  # noqa: SLF001 -- the one way to see them
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    idents = sorted(frames, key=lambda ident: (ident not in works, works[ident].since if ident in works else 0, ident))
    mine = threading.get_ident()
    return "\n".join(
        _stack(names.get(ident, "?"), works.get(ident), frames[ident]) for ident in idents if ident != mine
    )


def _stack(name: str, work: active_requests.ActiveRequest | None, frame: FrameType) -> str:
    doing = "no request"
    if work is not None:
        doing = "{method} {path}, request {request_id}, for {seconds} s".format_map(work.described())
    where = traceback.extract_stack(frame)
    return "\n".join(
        [f"{name}: {doing}", *(f"  {short_path(each.filename)}:{each.lineno} {each.name}" for each in where), ""]
    )
