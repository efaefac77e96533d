"""The live panel and panels that follow the stream, over a desk with its own exchange."""

import asyncio
import html
import re
import threading
import time
from math import nan

import pytest

from kit.desk import open_desk
from kit.errors import SettingsError
from kit.market.instruments import instrument
from kit.model import OrderRequest
from kit.model.book import BookedOrder
from kit.settings import Settings
from kit.trading.account import PaperAccount
from kit.widgets.panels.chain import ChainPanel
from kit.widgets.panels.live import LivePanel
from kit.widgets.panels.live_order import PaperOrderForm
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


def order(desk):
    """Return an order to buy a lot of the call at the money, a fifth above the offer."""
    chain = desk.data.option_chain()
    quote = chain.quote(chain.atmf_strike, "CE")
    call = instrument(desk.client.instruments().symbol(quote["symbol"])[0])
    return OrderRequest.in_lots(call, "BUY", 1, price_inr=round(1.2 * quote["ask"], 1))


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
        desk.client.orders.place(order(desk))
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
            account.place(order(desk))
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


def press(form, **typed):
    """Type into the form, press its button and wait for what comes of it."""
    for name, value in typed.items():
        getattr(form, name).value = value
    form.button.click()
    for thread in threading.enumerate():
        if thread.name == "kit-job":
            thread.join(PATIENCE_S)
    assert not form.button.disabled
    return html.unescape(form.errors.value), html.unescape(form.said.value)


def test_the_form_places_on_paper(desk, tmp_path):
    """A market order fills, a limit waits, what is rejected says why, and all stands in the tables."""
    before = desk.client.orders.book()
    with PaperAccount(tmp_path / "paper.sqlite", clock=desk.clock) as account:
        account.see_chain(chain := desk.data.option_chain())
        panel = LivePanel(desk, account)
        call = chain.quote(chain.atmf_strike, "CE")["symbol"]
        error, said = press(panel.form, contract=call)
        assert (error, f"BUY 30 {call}: complete, 30 of 30 units filled" in said) == ("", True)
        assert "open" in press(panel.form, lots="2", limit="1.50")[1]
        assert "rejected: " in press(panel.form, lots="20", limit="", side="SELL")[1]
        assert len(panel.tables["orders"].rows) == len(account.book()) == 3
        assert len(panel.tables["fills"].rows) == 1
    assert desk.client.orders.book() == before  # the exchange has heard of none of it


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            {"contract": "NOSUCH26CE"},
            "UnknownSymbol There is no such contract: 'NOSUCH26CE'. Watch, and choose",
        ),
        ({"contract": ""}, "UnknownSymbol There is no such contract: ''. Watch, and choose"),
        ({"lots": "1.5"}, "InvalidOrder An order is of whole lots: '1.5'. Write for instance 1."),
        ({"lots": "-1"}, "InvalidOrder An order is of whole lots: '-1'."),
        ({"lots": "0"}, "InvalidOrder"),
        ({"lots": "21"}, "InvalidOrder"),
        ({"limit": "12,34"}, "InvalidOrder A limit is a price in rupees: '12,34'. Write one like 152.50"),
        ({"limit": "12.34"}, "tick"),
        ({"limit": "0"}, "InvalidOrder"),
    ],
)
def test_what_cannot_be_an_order_is_said_in_the_form(desk, tmp_path, typed, said):
    """The typed error stands below the form with its remedy, nothing is placed, and the form works again."""
    with PaperAccount(tmp_path / "paper.sqlite", clock=desk.clock) as account:
        panel = LivePanel(desk, account)
        chain = desk.data.option_chain()
        call = {"contract": chain.quote(chain.atmf_strike, "CE")["symbol"]}
        assert said in re.sub("<[^>]+>", "", press(panel.form, **call | typed)[0])
        assert not account.book()
        assert press(panel.form, **call, lots="1", limit="5")[0] == ""
        assert len(account.book()) == 1


def test_the_form_is_of_paper_accounts_alone(desk, tmp_path):
    """No account at an exchange gets the form, nor can the form be made of one, or reach it afterwards."""
    panel = LivePanel(desk)
    assert panel.form is None
    with pytest.raises(SettingsError, match="account must be PaperAccount, not"):
        PaperOrderForm(desk.client.orders, lambda _: [], lambda: None, panel.home)
    with PaperAccount(tmp_path / "paper.sqlite", clock=desk.clock) as account:
        panel = LivePanel(desk, account)
        panel.account = desk.client.orders  # whatever the panel shows, the form stays with its own
        assert panel.form._account is account


def test_the_keyboard_reaches_the_form_in_its_order(desk, tmp_path):
    """Each control is the browser's own, has a name, can be tabbed to, and the button comes last."""
    with PaperAccount(tmp_path / "paper.sqlite", clock=desk.clock) as account:
        form = LivePanel(desk, account).form
        row = form.children[0].children
        assert [one.description for one in row] == ["Contract", "Side", "Lots", "Limit (₹)", "Place on paper"]
        assert all(one.tabbable is not False and not one.disabled for one in row)
        assert form.children[1] is form.errors  # announced where it is, right after the button
        assert "role='alert'" in press(form, contract="NOSUCH26CE")[0]


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
