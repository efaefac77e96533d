"""No real order can be sent by accident: every road is tried, and no byte leaves."""

from __future__ import annotations

import copy
import pickle
import socket
from collections.abc import Callable, Iterator
from datetime import date
from math import nan
from time import monotonic

import cloudpickle
import pytest

from kit.broker import endpoints
from kit.broker.client import AngelAPIClient
from kit.desk import open_desk
from kit.errors import LiveOrdersRefused, Rejected, SettingsError, TransportError
from kit.model import GTTRule, Instrument, OpenPosition, OrderRequest, PlacedOrder
from kit.settings import Credentials, Settings

REAL = "https://broker.invalid"
ACCOUNT = Credentials(
    api_key="key12345", client_code="S123456", pin="1234", totp_secret="JBSWY3DPEHPK3PXP" * 2
)
CALL = Instrument(
    "40001", "BANKNIFTY29DEC2657000CE", "BANKNIFTY", "NFO", "OPTIDX", date(2026, 12, 29), 57e3, "CE", 30, 0.05
)
SHARE = Instrument("3045", "SBIN-EQ", "SBIN", "NSE", "", None, nan, None, 1, 0.05)
LIMIT = OrderRequest(CALL, "BUY", 30, 101.05)
HELD = OpenPosition("NFO", "40001", CALL.symbol, "INTRADAY", 30, 30, 0, 100.0, 0.0)


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Note every attempt to look a host up or to connect, and let none succeed."""
    noted: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        noted.append(where)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return noted


@pytest.fixture
def open_real(left: list[object]) -> Iterator[Callable[..., AngelAPIClient]]:
    """Make clients of an address that is not this machine."""
    made: list[AngelAPIClient] = []

    def make(kind: type[AngelAPIClient] = AngelAPIClient, **options: object) -> AngelAPIClient:
        made.append(kind(ACCOUNT, base_url=REAL, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


def writes(client: AngelAPIClient) -> Iterator[Callable[[], object]]:
    """Yield every way in which this client could change an account."""
    order = {"variety": "NORMAL", "ordertype": "LIMIT", "duration": "DAY"}
    placed = PlacedOrder("1", "u", "tag", "NORMAL")
    yield lambda: client.orders.place(LIMIT)
    yield lambda: client.orders.cancel(placed)
    yield lambda: client.orders.convert(HELD, "CARRYFORWARD")
    yield lambda: client.orders.gtt.create(GTTRule(SHARE, "BUY", 1, 900.0, 900.0))
    for endpoint in endpoints.ALL:
        if endpoint.writes:
            yield lambda endpoint=endpoint: client.session.ask(endpoint, order)
            yield lambda endpoint=endpoint: client.session.replies.post(REAL + endpoint.path, json=order)
            yield lambda endpoint=endpoint: client.session.replies.post(
                f"{REAL}{endpoint.path}/?x=1", data="x"
            )


def nothing_leaves(client: AngelAPIClient, left: list[object]) -> None:
    """Try every write, and see each refused before anything was looked up."""
    for write in writes(client):
        with pytest.raises(LiveOrdersRefused):
            write()
    assert left == []
    assert "Writes refused" in repr(client.orders)


def test_by_default_every_write_is_refused(open_real, left):
    """A client of a real address places, cancels, converts and keeps nothing."""
    nothing_leaves(open_real(), left)


def test_the_environment_alone_is_no_consent(open_real, left, monkeypatch):
    """Whatever the environment says, the code has to say it too."""
    for name in ("KIT_LIVE_ORDERS", "KIT_ALLOW_LIVE_ORDERS", "ALLOW_LIVE_ORDERS"):
        monkeypatch.setenv(name, "S123456")
    nothing_leaves(open_real(), left)


@pytest.mark.parametrize("said", [None, "", "true", "1", "S999999", "s123456"])
def test_the_code_alone_is_no_consent(open_real, left, monkeypatch, said):
    """Without this very account's client code in the environment nothing is sent."""
    if said is not None:
        monkeypatch.setenv("KIT_LIVE_ORDERS", said)
    nothing_leaves(open_real(allow_live_orders=True), left)


@pytest.mark.parametrize("said", ["yes", 1, "True", [True]])
def test_only_true_is_true(open_real, left, monkeypatch, said):
    """A word, a number or a list that counts as true elsewhere is no consent."""
    monkeypatch.setenv("KIT_LIVE_ORDERS", "S123456")
    nothing_leaves(open_real(allow_live_orders=said), left)


def test_no_setting_allows_it(tmp_path):
    """Neither settings nor kit.yaml know such a key."""
    file = tmp_path / "kit.yaml"
    file.write_text("broker:\n  mode: live\n  allow_live_orders: true\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="allow_live_orders"):
        Settings.load(file)
    with pytest.raises(SettingsError, match="allow_live_orders"):
        Settings(broker={"allow_live_orders": True})


def test_no_subclass_and_no_attribute_allows_it(open_real, left, monkeypatch):
    """A class or an object that calls itself allowed is not."""
    monkeypatch.setenv("KIT_LIVE_ORDERS", "S123456")

    class Allowed(AngelAPIClient):
        allow_live_orders = _allow_live_orders = allowed = True

    client = open_real(Allowed)
    client.allow_live_orders = client.session.allow_live_orders = client.orders.allow_live_orders = True
    nothing_leaves(client, left)


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1.broker.invalid", "https://localhost.broker.invalid", "https://localhost@broker.invalid",
        "https://127.0.0.1:443@broker.invalid", "https://broker.invalid/localhost", "https://broker.invalid#@localhost",
        "https://broker.invalid?localhost", "HTTPS://BROKER.INVALID", "https://broker.invalid:443", "https://10.0.0.7",
        "https://[::ffff:8.8.8.8]", "https://0.0.0.0", "https://2130706433", "https://user:pass@127.0.0.1@broker.invalid",
        "http://broker.invalid", "https://broker.invalid\\@localhost", "https://localhost%2ebroker.invalid",
    ],
)  # fmt: skip
def test_no_spelling_of_an_address_is_taken_for_this_machine(left, address):
    """An address that only looks like this machine is refused as an address, or is real and gets no write."""
    try:
        client = AngelAPIClient(ACCOUNT, base_url=address)
    except SettingsError:
        return
    with client:
        for endpoint in (endpoint for endpoint in endpoints.ALL if endpoint.writes):
            with pytest.raises(LiveOrdersRefused):
                client.session.ask(endpoint, {"variety": "NORMAL", "ordertype": "LIMIT", "duration": "DAY"})
        with pytest.raises(LiveOrdersRefused):
            client.orders.place(LIMIT)
    assert left == []


def test_a_client_of_this_machine_cannot_be_turned_to_a_real_address(left):
    """Another root, and a request to a real address through it, get no write: each request is looked at."""
    with AngelAPIClient(ACCOUNT, base_url="http://127.0.0.1:9") as client:
        client.session.base_url = REAL
        nothing_leaves_by_request(client, left)
        client.session.access.tokens = lambda: None
        with pytest.raises(LiveOrdersRefused):
            client.orders.place(LIMIT)
    assert left == []


def nothing_leaves_by_request(client: AngelAPIClient, left: list[object]) -> None:
    """Send writes under every spelling of their paths, and see each refused before anything was looked up."""
    for endpoint in (endpoint for endpoint in endpoints.ALL if endpoint.writes):
        path = endpoint.path
        spellings = (
            path, f"{path}/", f"{path}/?x=1", path.upper(), f"/proxy{path}", path.replace("/", "//"),
            f"/a/..{path}", path.replace("r", "%72"), f"{path}/.", f"{path};x=1", f"{path}.json",
            f"{path}%20", f"{path}%00", f"{path}\u200b", path.replace("/v1/", ";a=1/v1/"),
            path.replace("r", "%2572"), f"/{path[1:].replace('/', '%2F')}", path.replace("/v1/", "/v2/"),
            path.replace("/", "\\"),
        )  # fmt: skip
        for spelt in spellings:
            with pytest.raises(LiveOrdersRefused):
                client.session.replies.post(REAL + spelt, json={"ordertype": "LIMIT", "duration": "DAY"})
    assert left == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "PROPFIND"])
def test_no_other_method_reads(open_real, left, method):
    """What is neither asked nor posted is a write, at the paths that read as well."""
    replies = open_real().session.replies
    for endpoint in endpoints.ALL:
        with pytest.raises(LiveOrdersRefused):
            replies.request(method, REAL + endpoint.path, json={"ordertype": "LIMIT", "duration": "DAY"})
    assert left == []


def test_a_desk_and_its_client_do_not_travel(left):
    """What could order is neither pickled nor copied into another process or object."""
    with AngelAPIClient(ACCOUNT, base_url=REAL, allow_live_orders=True) as client:
        for travels in (pickle.dumps, copy.deepcopy, cloudpickle.dumps):
            for part in (client, client.orders, client.session):
                with pytest.raises(SettingsError, match="cannot be pickled"):
                    travels(part)
    assert left == []


def test_eleven_orders_take_longer_than_a_second(exchange, dealing):
    """However fast they are asked for, no more than nine orders leave within a second."""
    with AngelAPIClient(
        exchange.credentials, base_url=exchange.url, master_url=exchange.master_url, clock=exchange.clock
    ) as client:
        client.login()
        began_s = monotonic()
        for _ in range(11):
            with pytest.raises(Rejected):  # the exchange lists no such contract, and counts it all the same
                client.orders.place(OrderRequest(CALL, "BUY", 30, 101.05))
        assert monotonic() - began_s >= 1.0


def test_a_desk_never_orders_at_the_real_broker(left, monkeypatch):
    """A live desk has no way to allow it."""
    for name, value in zip(
        Credentials.model_fields, ("key12345", "S123456", "1234", "JBSWY3DPEHPK3PXP" * 2), strict=True
    ):
        monkeypatch.setenv(f"KIT_{name.upper()}", value)
    monkeypatch.setenv("KIT_LIVE_ORDERS", "S123456")
    settings = Settings(broker={"mode": "live", "base_url": REAL}, workers={"backend": "serial"})
    with open_desk(settings) as desk:
        nothing_leaves(desk.client, left)


@pytest.mark.parametrize(
    "order",
    [
        OrderRequest(CALL, "BUY", 30, order_type="MARKET"),
        OrderRequest(CALL, "BUY", 30, order_type="STOPLOSS_MARKET", trigger_price_inr=100.0),
        OrderRequest(CALL, "BUY", 30, 101.05, validity="IOC"),
    ],
)
def test_with_consent_only_limit_orders_go(open_real, left, monkeypatch, order):
    """Market and IOC orders stay here even with both consents."""
    monkeypatch.setenv("KIT_LIVE_ORDERS", "S123456")
    with pytest.raises(LiveOrdersRefused, match="limit orders"):
        open_real(allow_live_orders=True).orders.place(order)
    assert left == []


def test_with_both_consents_a_limit_order_would_go(open_real, left, monkeypatch):
    """Then, and only then, the network is asked: so the tests above can fail."""
    monkeypatch.setenv("KIT_LIVE_ORDERS", "S123456")
    client = open_real(allow_live_orders=True)
    assert "Writes allowed" in repr(client.orders)
    with pytest.raises(TransportError):
        client.orders.place(LIMIT)
    assert left


def test_what_only_reads_needs_no_consent(open_real, left):
    """A look at the books goes out to a real account like any quote."""
    with pytest.raises(TransportError):
        open_real().orders.book()
    assert left


def test_refusals_name_no_secret(open_real, monkeypatch):
    """Neither the client code nor what the environment holds is in the message."""
    monkeypatch.setenv("KIT_LIVE_ORDERS", "S999999")
    with pytest.raises(LiveOrdersRefused) as refused:
        open_real(allow_live_orders=True).orders.place(LIMIT)
    assert "S123456" not in str(refused.value)
    assert "S999999" not in str(refused.value)


def test_no_more_than_nine_orders_a_second():
    """Every write of orders draws on one budget below the ten a second of an unregistered algorithm."""
    orders = [endpoint for endpoint in endpoints.ALL if endpoint.budget == "orders"]
    assert {endpoint.name for endpoint in orders} == {"place_order", "modify_order", "cancel_order"}
    assert all(not endpoint.retry_safe for endpoint in endpoints.ALL if endpoint.writes)
    for day in (date(2026, 11, 27), date(2024, 1, 1)):
        assert all(endpoints.windows(endpoint.budget, day)[0].calls < 10 for endpoint in orders)
