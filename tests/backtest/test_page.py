"""The page on backtests and the commands do what they say."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from kit.backtest.plan.ready import ready_plans
from kit.bars.importing import import_files
from kit.bars.minute_store import MinuteStore
from kit.cli import main
from tools.backtest_pictures import draw

PAGE = Path(__file__).resolve().parents[2] / "docs" / "backtest.md"


def test_every_block_runs(real_days, tmp_path):
    """Every Python block of the page runs in order, with days and a folder given."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names = {"days": real_days, "folder": tmp_path}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    assert len(blocks) == 6
    assert (tmp_path / "page.html").is_file()


def test_every_ready_plan_is_on_the_page():
    """The page names every ready plan."""
    assert [name for name in ready_plans() if f"`{name}`" not in PAGE.read_text(encoding="utf-8")] == []


def test_the_pictures_show_what_the_engine_does(tmp_path):
    """Each picture of the page is there, small, and says what the engine says when it is drawn again."""
    drawn = {file.name: _said(file) for file in draw(tmp_path)}
    kept = {file.name: _said(file) for file in (PAGE.parent / "pictures").glob("backtest-*.svg")}
    assert kept == drawn
    assert set(kept) == set(re.findall(r"\(pictures/(backtest-.+?\.svg)\)", PAGE.read_text(encoding="utf-8")))
    assert all(len(text) > 3 for text in kept.values())
    assert max(file.stat().st_size for file in (PAGE.parent / "pictures").iterdir()) < 300_000


def _said(picture: Path) -> list[str]:
    """Return the sentences of a picture: titles, and what every convention paid."""
    texts = re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text(encoding="utf-8"), re.DOTALL)
    return [text for text in texts if re.search("[a-z]", text)] + texts[:3]


@pytest.fixture(scope="module")
def store(shared_data, tmp_path_factory):
    """Import one real session into a store."""
    folder = tmp_path_factory.mktemp("minutes")
    import_files([shared_data / "intraday" / "bnf_20221230.parquet"], MinuteStore(folder))
    return folder


def test_the_command_trades_a_store(store, tmp_path, capsys):
    """`kit backtest` trades a plan over a store and writes log, page and figures."""
    files = {name: tmp_path / name for name in ("log.csv", "page.html", "figures.json")}
    words = ["--trades", files["log.csv"], "--html", files["page.html"], "--json", files["figures.json"]]
    assert main(["backtest", "short_straddle_920", "--data", str(store), *map(str, words)]) == 0
    log = pd.read_csv(files["log.csv"])
    assert json.loads(files["figures.json"].read_text())["net_inr"] == pytest.approx(log["net_inr"].sum())
    assert "rest on the convention" in capsys.readouterr().out


def test_several_plans_are_a_portfolio_at_the_command_line(store, tmp_path, capsys):
    """Two plans share the capital that is named; the figures come by plan and by convention too."""
    words = ["backtest", "short_straddle_920", "iron_condor", "--capital", "500000", "--data", str(store)]
    assert main([*words, "--json", str(tmp_path / "figures.json")]) == 0
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures["by_plan"]) == {"short_straddle_920", "iron_condor"}
    assert sum(plan["net_inr"] for plan in figures["by_plan"].values()) == pytest.approx(figures["net_inr"])
    assert "as planned" in figures["band"]
    assert "iron_condor" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["backtest", "sweep"])
def test_a_reader_that_has_seen_enough_takes_no_file_away(store, tmp_path, command):
    """What the shell prints may go nowhere, as into `head`; the files that were asked for are written."""
    log = tmp_path / "log.csv"
    more = {"backtest": ["--no-band", "--trades"], "sweep": ["--set", "entry.at=09:20,10:00", "--csv"]}
    words = [command, "short_straddle_920", "--data", str(store), *more[command], str(log)]
    kit = [sys.executable, "-u", "-m", "kit.cli", *words]
    with subprocess.Popen(kit, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        run.stdout.close()
    assert run.returncode == 141
    assert log.read_text().count("\n") > 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a disk that is always full")
def test_what_was_computed_is_shown_before_a_file_fails(store, tmp_path, capsys):
    """A log that cannot be written is one sentence after the result, not instead of it."""
    (tmp_path / "log.csv").symlink_to("/dev/full")
    words = ["backtest", "iron_condor", "--data", str(store), "--trades", str(tmp_path / "log.csv")]
    assert main(words) != 0
    told = capsys.readouterr()
    assert "net_inr" in told.out
    assert "still there" in told.err


def test_the_store_and_the_direct_reading_are_traded_alike(store, real_days):
    """What the importer stores is traded to the same log as the file read directly."""
    from kit.backtest import backtest
    from kit.backtest.days import StoredDays

    stored = StoredDays(MinuteStore(store))
    (day,) = stored
    plan = ready_plans()["short_straddle_reentry"]
    pd.testing.assert_frame_equal(backtest(plan, stored).trades, backtest(plan, {day: real_days[day]}).trades)


def test_the_command_sweeps(store, tmp_path, capsys):
    """`kit sweep` plays a range and a list of values and says how far the best can be trusted."""
    words = ["--set", "legs.*.stop.percent=10:30:10", "--set", "entry.at=09:20,10:00", "--csv"]
    assert (
        main(["sweep", "short_straddle_920", "--data", str(store), *words, str(tmp_path / "sets.csv")]) == 0
    )
    assert len(pd.read_csv(tmp_path / "sets.csv")) == 6
    assert "too few" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["backtest", "short_stradle"], ["backtest", "none.yaml"], ["sweep", "iron_condor", "--set", "lots"],
     ["backtest", "iron_condor", "--from", "2020-01-01", "--to", "2020-02-01"],
     *(["sweep", "iron_condor", "--set", f"legs.*.stop.percent={span}"] for span in ("60:10:5", "1:9:0")),
     ["sweep", "iron_condor", "--set", "legs.*.stop.percent=1:1000000:1"]],
)  # fmt: skip
def test_wrong_words_are_one_sentence(store, words, capsys):
    """A plan, a day or a parameter that is not there is answered in one sentence with exit code 2."""
    assert main([*words, "--data", str(store)]) == 2
    assert capsys.readouterr().err.startswith("kit: ")
