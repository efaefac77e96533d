"""The simulated exchange as an ASGI application: order of checks, routes, faults and counts.

A request passes the rate limiter, then its API key, then its token, then its body, as the broker's do.
The market stream is a WebSocket and has a room of its own, `kit.simulator.stream`.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from kit.errors import KitError
from kit.simulator import derivative_routes, faults, history_routes, master, quote_routes, session_routes
from kit.simulator.admin import ADMIN, Controls
from kit.simulator.answers import TEXT, Answer, Refused, encoded, gateway_error, not_found, rate_refusal
from kit.simulator.connections import Connections
from kit.simulator.faults import Fault, Faults
from kit.simulator.guard import check_origin, check_token, read_body
from kit.simulator.limits import SlidingLimits
from kit.simulator.orders import estimates, rule_routes, share_routes
from kit.simulator.orders import routes as order_routes
from kit.simulator.orders.updates import OrderUpdateRoute
from kit.simulator.state import ApiRequest, ApiRoute, ExchangeState, json_object
from kit.simulator.stats import Stats
from kit.simulator.stream import StreamRoute

ROUTES = {
    (route.method, route.path): route
    for room in (
        session_routes,
        history_routes,
        quote_routes,
        derivative_routes,
        master,
        order_routes,
        rule_routes,
        estimates,
        share_routes,
    )
    for route in room.ROUTES
}
_PREFIXES = ("/order-service", "/gtt-service")  # in some of the broker's pages and methods, before the path
_PIECES = 20


class ExchangeApp:
    """Answers requests.

    Parameters
    ----------
    state : ExchangeState
        What the routes work with.
    limits : SlidingLimits
        Who is refused.

    Attributes
    ----------
    admin_token : str
        What an order to the exchange itself must carry.
    """

    def __init__(self, state: ExchangeState, limits: SlidingLimits) -> None:
        self.state = state
        self.limits = limits
        self.faults = Faults()
        self.admin_token = secrets.token_urlsafe(24)
        self.connections = Connections()
        self.stats = Stats(self.connections, limits)
        self.stream = StreamRoute(state, self.faults, self.connections, self.stats)
        self.updates = OrderUpdateRoute(state, self.faults, self.connections, self.stats)
        self._controls = Controls(state, limits, self.faults, self.connections, self.stats)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket."""
        if scope["type"] == "websocket":
            route = self.updates if scope["path"].rstrip("/") == OrderUpdateRoute.path else self.stream
            await route.serve(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            await self._serve(request, send)
        except KitError as error:
            await _send(Answer(400, str(error).encode(), TEXT), request, send)
        except Refused as refused:  # by the guard, or by an order to the exchange itself
            await _send(refused.reply, request, send)

    async def _serve(self, request: Request, send: Send) -> None:
        check_origin(request)
        path = _plain(request.scope["path"])
        admin = ADMIN.get((request.method, path))
        if admin:
            check_token(request, self.admin_token)
        body = await read_body(request)
        if admin:
            await _send(encoded(admin(self._controls, body) or {"status": True}), request, send)
            return
        stem = path.rpartition("/")[0]
        route = ROUTES.get((request.method, path)) or ROUTES.get((request.method, f"{stem}/*"))
        if route is None:
            await _send(not_found(path), request, send)
            return
        self.stats.note(route.name, request.headers, body)
        fault = self.faults.take(route.name, request.headers.get("x-kit-fault", ""))
        if fault is None:
            await _send(self._answer(route, request, body), request, send)
        else:
            await self._fail(fault, route, request, body, send)

    def _answer(self, route: ApiRoute, request: Request, body: bytes) -> Answer:
        """Return what the broker would."""
        try:
            asked = self._admitted(route, request, body)
            reply = route.handler(self.state, asked)
        except Refused as refused:
            return refused.reply
        self.stats.processed[route.name] += 1
        return reply

    def _admitted(self, route: ApiRoute, request: Request, body: bytes) -> ApiRequest:
        """Check limiter, key, token and body, in this order.

        Raises
        ------
        Refused
            A check fails; carries the answer.
        """
        if route.is_public:
            return ApiRequest({})
        if not self.limits.admit(route.name, self.state.account.client_code):
            raise Refused(rate_refusal(self.limits.form))
        key = self.state.account.credentials.api_key.get_secret_value()
        if request.headers.get("x-privatekey") != key:
            raise Refused(gateway_error("AG8004"))
        token = "" if route.is_open else self.state.account.check(request.headers.get("authorization", ""))
        tail = _plain(request.scope["path"]).rpartition("/")[2]
        return ApiRequest(json_object(body) if route.method == "POST" else {}, token, tail)

    async def _fail(self, fault: Fault, route: ApiRoute, request: Request, body: bytes, send: Send) -> None:
        """Answer, or do not, as a fault says."""
        if fault.name == "drop-before":
            await self.connections.drop(request)
            return
        if fault.name == "expired-token":
            self.state.account.expire_all()
        if fault.name == "stall":
            await asyncio.sleep(float(fault.argument or 30))
        reply = faults.instead(fault) or faults.spoilt(fault, self._answer(route, request, body))
        if fault.name == "drop-after":
            await self.connections.drop(request)
        elif fault.name == "drop-midway":
            await _send_pieces(reply, _PIECES // 2, 0.0, send)
            await self.connections.drop(request)
        elif fault.name == "slow-body":
            await _send_pieces(reply, _PIECES, float(fault.argument or 5) / _PIECES, send)
        elif fault.name == "truncated-json":
            await _send(Answer(reply.status, reply.body[: len(reply.body) // 2], reply.media), request, send)
        else:
            await _send(reply, request, send)


def _plain(path: str) -> str:
    """Return a path without the prefixes and the last slash that clients differ in."""
    for prefix in _PREFIXES:
        path = path.removeprefix(prefix)
    return path.rstrip("/")


async def _send(reply: Answer, request: Request, send: Send) -> None:
    response = Response(reply.body, reply.status, dict(reply.headers), reply.media or None)
    await response(request.scope, request.receive, send)


async def _send_pieces(reply: Answer, pieces: int, pause_s: float, send: Send) -> None:
    """Send the head and some of `_PIECES` pieces of the body, with pauses."""
    size = -(-len(reply.body) // _PIECES) or 1
    headers = [(b"content-type", reply.media.encode()), (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    for number in range(pieces):
        piece: dict[str, Any] = {"type": "http.response.body", "body": reply.body[number * size :][:size]}
        await send({**piece, "more_body": number < _PIECES - 1})
        await asyncio.sleep(pause_s)
