"""The live panel and panels that follow the stream, over a desk with its own exchange."""

import asyncio
import html
import time
from math import nan

import pytest

from kit.desk import open_desk
from kit.market.instruments import instrument
from kit.model import OrderRequest
from kit.model.book import BookedOrder
from kit.settings import Settings
from kit.trading.account import PaperAccount
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.live import LivePanel
from kit.widgets.panels.live_tables import LiveState

PATIENCE_S = 60


@pytest.fixture(scope="module")
def desk():
    """Return a desk with its own simulated exchange, small chains and no disk tier."""
    settings = Settings(
        cache_config={"disk": False}, workers={"backend": "serial"}, data_manager={"strikes_around": 10}
    )
    with open_desk(settings) as opened:
        yield opened


async def until(true, what):
    """Wait on the panel's own event loop; the time is generous because machines are busy."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE_S} s"
        await asyncio.sleep(0.02)


def order(desk, price_inr):
    """Return an order to buy a lot of the call at the money."""
    chain = desk.data.option_chain()
    symbol = chain.quote(chain.atmf_strike, "CE")["symbol"]
    call = instrument(desk.client.instruments().symbol(symbol)[0])
    return OrderRequest.in_lots(call, "BUY", 1, price_inr=price_inr)


def test_nothing_is_followed_before_somebody_watches(desk):
    """A fresh panel is empty, says so and whose prices it will show, and has opened no connection."""
    panel = LivePanel(desk)
    assert "SIMULATED" in panel.whose()
    assert "the account at the exchange" in panel.whose()
    assert panel.errors.value == ""
    assert "Nothing watched yet" in panel.words.value
    assert panel.switch.layout.display == "none"  # an account at an exchange has no such switch
    assert desk.client.feed.health()["connections"] == []


def test_watching_shows_stream_position_and_fill(desk):
    """While it watches, an order placed at the simulated exchange appears with its fill and its position."""

    async def script():
        panel = LivePanel(desk)
        panel.every.value = 1.0
        await until(lambda: panel.tables["connections"].rows, "a connection")
        desk.client.orders.place(order(desk, 3000.0))
        await until(lambda: panel.tables["fills"].rows, "the fill")
        await until(lambda: "stream" in panel.tiles.value, "a streamed price")
        assert panel.errors.value == ""
        assert panel.tables["orders"].rows[0]["cells"][7] == "complete"
        assert panel.tables["positions"].rows
        made = {name: action.make() for name, action in panel.toolbar._actions.items()}
        assert set(made) == {"code", "csv", "html"}
        compile(made["code"], "cell", "exec")
        assert made["csv"].content.startswith(b"book,row,symbol,")
        assert b"\nfills,0," in made["csv"].content
        assert b"<table" in made["html"].content
        panel.stop()
        await until(lambda: not desk.client.feed.health()["connections"], "the end of the stream")

    asyncio.run(script())


def test_paper_orders_fill_as_the_chain_ticks(desk, tmp_path):
    """A paper account is shown every streamed chain, so its order fills without a word to any broker."""

    async def script():
        with PaperAccount(tmp_path / "paper.sqlite", clock=desk.clock) as account:
            account.see_chain(desk.data.option_chain())
            panel = LivePanel(desk, account)
            panel.every.value = 1.0
            await until(lambda: panel.tables["connections"].rows, "a connection")
            account.place(order(desk, 3000.0))
            await until(lambda: panel.tables["fills"].rows, "the fill")
            assert panel.errors.value == ""
            assert len(account.positions()) == 1
            assert panel.switch.description == "Kill switch"
            panel.switch.click()
            assert account.stopped
            assert "Trading is stopped: by the panel's switch." in html.unescape(panel.words.value)
            await until(lambda: not account.positions()[0].net, "the closing fill")
            panel.switch.click()
            assert (account.stopped, panel.switch.description, panel.errors.value) == ("", "Kill switch", "")
            panel.stop()
            await until(lambda: not panel._looking, "the last look")

    asyncio.run(script())


def booked(order_id, status):
    """Return a row of an order book."""
    return BookedOrder(
        order_id, "u", "", "NFO", "1", "X", "BUY", "LIMIT", "CARRYFORWARD", "DAY", "NORMAL",
        30, 0, 30, 30, 5.0, nan, nan, status,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("which", "shown"), [("all", ["1", "2", "3"]), ("waiting", ["1"]), ("rejected", ["3"])]
)
def test_orders_can_be_chosen(which, shown):
    """The choice keeps every order, those that wait, or those that were rejected."""
    state = LiveState(book=[booked("1", "open"), booked("2", "complete"), booked("3", "rejected")])
    assert [row.key for row in LivePanel.compute(state, which).orders] == shown


def test_a_chain_panel_follows_the_stream(desk):
    """Chosen in the header, quotes follow the stream; another expiry is followed when it is chosen."""

    async def script():
        panel = ChainPanel(desk)
        panel.header.auto.value = 0.25
        await until(lambda: panel.context.chain.source == "stream", "a streamed chain")
        first, plotted = panel.context.chain.taken_at, panel._drawn
        await until(lambda: panel.context.chain.taken_at > first, "a newer one")
        panel.expiry.value = panel.context.expiries[1]
        await until(
            lambda: (
                panel.context.chain.source == "stream"
                and panel.context.chain.expiry == panel.context.expiries[1]
            ),
            "the other expiry",
        )
        assert panel.errors.value == ""
        assert plotted is not panel._drawn
        panel.header.auto.value = 0
        await until(lambda: not desk.client.feed.health()["connections"], "the end of the stream")

    asyncio.run(script())


def test_of_a_closed_desk_nothing_is_watched():
    """Watch goes back to stopped, and the panel says what to do."""
    with open_desk(Settings(cache_config={"disk": False}, workers={"backend": "serial"})) as closed:
        panel = LivePanel(closed)
    panel.every.value = 1.0
    assert panel.every.value == 0.0
    assert "The desk is closed" in panel.errors.value
