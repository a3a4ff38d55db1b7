"""The entry of calls: each call gets a thread, or is rejected immediately if too many wait for one.

Waiting for a slow client's message or for the transfer of a response does not take a thread.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextvars import copy_context
from datetime import timedelta
from functools import partial
from typing import Any, Final

import grpc
from flask import Flask
from grpc.aio import ServicerContext

from app.errs.platform import ServiceUnavailable
from app.errs.requests import MalformedRequest
from app.observability import metrics
from app.resilience.deadline import Deadline
from app.rpc.calls import Call, Method
from app.rpc.decoding import message_of
from app.rpc.handler_threads import HandlerThreads
from app.rpc.hooks import order
from app.rpc.idempotency import once

MIN_BUDGET: Final = timedelta(milliseconds=1)
"""A call with less time than this on arrival is rejected; no work is started for it."""
DEADLINE_TOLERANCE: Final = 0.25
"""If the client cancels within this many seconds of the deadline, it counts as a timeout (clock skew)."""
MOMENT: Final = 0.05
"""The maximum delay, in seconds, between gRPC's end of messages and its report that the client has disconnected."""
DETAILS: Final = "grpc-status-details-bin"


class Admission(grpc.GenericRpcHandler):
    """Handles every call, known or not."""

    def __init__(self, app: Flask, methods: Mapping[str, Method], *, threads: int) -> None:
        self._app, self._methods = app, methods
        self._threads = HandlerThreads(threads)
        self._handlers = {path: self._handler(path) for path in methods}
        self._hooks = order.SIMULATING if app.config["FAULTS_ON_DEMAND"] else order.HOOKS

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return the handler of a path. It starts before the message has arrived, to limit the time of its transfer."""
        path = handler_call_details.method
        return self._handlers.get(path) or self._handler(path)

    def _handler(self, path: str) -> "grpc.RpcMethodHandler[Any, Any]":
        async def answer(messages: AsyncIterator[bytes], context: "ServicerContext[Any, Any]") -> bytes:
            return await self._answer(self._call(path, context), messages, context)

        return grpc.stream_unary_rpc_method_handler(answer)

    def close(self) -> None:
        """Shut down the threads once they are done."""
        self._threads.close()

    def _call(self, path: str, context: "ServicerContext[Any, Any]") -> Call:
        """Return the call; its budget starts now."""
        metadata: dict[str, str] = {}
        for name, value in context.invocation_metadata() or ():
            if isinstance(value, str):
                metadata[name] = f"{metadata[name]}, {value}" if name in metadata else value
        maximum = timedelta(seconds=self._app.config["REQUEST_TIMEOUT"])
        left = context.time_remaining()
        requested = maximum if left is None else max(MIN_BUDGET, timedelta(seconds=left))
        limit = Deadline.after(min(requested, maximum), is_shortened=requested < maximum)
        method, peer = self._methods.get(path), context.peer()
        call = Call(app=self._app, method=method, path=path, metadata=metadata, peer=peer, limit=limit)
        if method is not None and method.announced:
            call.trailing.update(method.announced)
        return call

    async def _answer(self, call: Call, messages: AsyncIterator[bytes], context: "ServicerContext[Any, Any]") -> bytes:
        """Return the response's bytes, or end the call with a status."""
        try:
            answer = await self._received_and_served(call, messages)
        except asyncio.CancelledError:
            left = context.time_remaining()
            call.was_cancelled = left is None or left > DEADLINE_TOLERANCE
            if not call.is_in_thread:
                _rejected(call, call.limit.exceeded("request"))
            asyncio.get_running_loop().run_in_executor(None, call.limit.cut)
            raise
        except Exception as exc:  # around the hooks; gRPC would return its text to the client
            answer = _rejected(call, exc)
        trailing = (*call.trailing.items(),)
        if call.code is grpc.StatusCode.OK:
            context.set_trailing_metadata(trailing)
            return answer
        message, details = "", b""
        if call.status is not None:
            message, details = call.status.message, call.status.SerializeToString()
        await context.abort(call.code, message, (*trailing, (DETAILS, details)))
        raise AssertionError("abort raises")

    async def _received_and_served(self, call: Call, messages: AsyncIterator[bytes]) -> bytes:
        """Wait for the message of a known call within its budget, then serve it in a thread."""
        if call.limit.budget <= MIN_BUDGET:
            return _rejected(call, call.limit.exceeded("request"))
        try:
            if call.method is not None:
                async with asyncio.timeout(call.limit.remaining()):
                    call.sent = await anext(messages)
        except TimeoutError:
            return _rejected(call, call.limit.exceeded("request"))
        except StopAsyncIteration:
            await asyncio.sleep(MOMENT)
            return _rejected(call, MalformedRequest(detail="no message"))
        if self._threads.in_flight >= 2 * self._threads.size:
            metrics.LOAD_SHED.labels("request_queue").inc()
            reason = "too many calls already wait for a thread"
            return _rejected(call, ServiceUnavailable(detail=reason, retry_after=1))
        call.is_in_thread = True
        return await self._threads.submit(partial(self._served, call))

    def _served(self, call: Call) -> bytes:
        with self._app.app_context():
            return order.pass_through(self._hooks, call, _handled)


def _handled(call: Call) -> bytes:
    """Decode the message, do the work in a work slot, and return the response's bytes."""
    if call.method is None:
        raise LookupError("routing comes first")
    handle = call.method.handle
    request = message_of(call, call.method)
    with call.services.bulkhead:
        if call.method.is_kept:
            return once(call, request, lambda: handle(call, request).SerializeToString())
        return handle(call, request).SerializeToString()


def _rejected(call: Call, error: Exception) -> bytes:
    """End a call that takes no thread."""

    def reject(_call: Call) -> bytes:
        raise error

    return copy_context().run(order.pass_through, order.OUTER, call, reject)
