"""Where calls come in: each is handed to a thread, or refused at once when too many wait for one.

What is waited for here (a caller that is slow to send, an answer on its way) takes no thread.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import timedelta
from typing import Any, Final

import grpc
from flask import Flask
from grpc.aio import ServicerContext

from app.errs.platform import ServiceUnavailable
from app.observability import metrics
from app.resilience.deadline import Deadline
from app.rpc import hooks
from app.rpc.calls import Call, Method
from app.rpc.decoding import message_of
from app.rpc.idempotency import once

SHORTEST: Final = timedelta(milliseconds=1)
NEARLY: Final = 0.05
"""Seconds before the deadline within which a caller who goes away has heard his own clock strike."""
DETAILS: Final = "grpc-status-details-bin"


class Door(grpc.GenericRpcHandler):
    """Answers every call, known or not."""

    def __init__(self, app: Flask, methods: Mapping[str, Method], *, threads: int) -> None:
        self._app, self._methods = app, methods
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="rpc")
        self._size = threads
        self._in_hand = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return who answers a call of this path."""
        path = handler_call_details.method
        method = self._methods.get(path)

        async def answer(sent: bytes, context: "ServicerContext[Any, Any]") -> bytes:
            return await self._answer(self._call(path, method, sent, context), context)

        async def refuse(_sent: AsyncIterator[bytes], context: "ServicerContext[Any, Any]") -> bytes:
            return await self._answer(self._call(path, None, b"", context), context)

        if method is None:
            return grpc.stream_unary_rpc_method_handler(refuse)
        return grpc.unary_unary_rpc_method_handler(answer)

    def close(self) -> None:
        """Let the threads go, once they are done."""
        self._threads.shutdown(wait=True)

    def _call(self, path: str, method: Method | None, sent: bytes, context: "ServicerContext[Any, Any]") -> Call:
        """Return the call, whose time runs from now on."""
        metadata: dict[str, str] = {}
        for name, value in context.invocation_metadata() or ():
            if isinstance(value, str):
                metadata[name] = f"{metadata[name]}, {value}" if name in metadata else value
        longest = timedelta(seconds=self._app.config["REQUEST_TIMEOUT"])
        left = context.time_remaining()
        asked = longest if left is None else max(SHORTEST, timedelta(seconds=left))
        limit = Deadline.after(min(asked, longest), is_shortened=asked < longest)
        return Call(
            app=self._app,
            method=method,
            path=path,
            sent=sent,
            metadata=metadata,
            peer=context.peer(),
            limit=limit,
        )

    async def _answer(self, call: Call, context: "ServicerContext[Any, Any]") -> bytes:
        """Return the answer's bytes, or end the call with a status."""
        if self._in_hand >= 2 * self._size:
            metrics.SHED.labels("line").inc()
            answer = copy_context().run(hooks.pass_through, hooks.OUTER, call, _shed)
        else:
            answer = await self._in_thread(call, context)
        trailing = (*call.trailing.items(),)
        if call.code is grpc.StatusCode.OK:
            context.set_trailing_metadata(trailing)
            return answer
        message, details = "", b""
        if call.status is not None:
            message, details = call.status.message, call.status.SerializeToString()
        await context.abort(call.code, message, (*trailing, (DETAILS, details)))
        raise AssertionError("abort raises")

    async def _in_thread(self, call: Call, context: "ServicerContext[Any, Any]") -> bytes:
        """Have a thread answer; when nobody waits for that any more, interrupt it."""
        loop = asyncio.get_running_loop()
        self._in_hand += 1
        work = loop.run_in_executor(self._threads, copy_context().run, self._served, call)
        work.add_done_callback(self._leave)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            left = context.time_remaining()
            call.was_cancelled = left is None or left > NEARLY
            loop.run_in_executor(None, call.limit.cut)
            raise

    def _leave(self, _work: object) -> None:
        self._in_hand -= 1

    def _served(self, call: Call) -> bytes:
        with self._app.app_context():
            return hooks.pass_through(hooks.HOOKS, call, _handled)


def _handled(call: Call) -> bytes:
    """Decode what was sent, in a work slot do what is asked, and return the answer's bytes."""
    if call.method is None:
        raise LookupError("routing comes first")
    handle = call.method.handle
    request = message_of(call, call.method.takes)
    with call.services.slots.taken():
        if call.method.is_kept:
            return once(call, request, lambda: handle(call, request).SerializeToString())
        return handle(call, request).SerializeToString()


def _shed(_call: Call) -> bytes:
    raise ServiceUnavailable(detail="more wait for a thread than can be served in time", retry_after=1)
