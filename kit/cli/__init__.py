"""The command line, ``kit``: the main job, the lab, measuring, the exchange, the caches, minutes, backtests.

Each command loads what it needs when it runs, so that ``kit --help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from kit.cli.backtest import add_backtest, add_sweep
from kit.cli.dates import day_said, moment_said
from kit.cli.idle import declare_idle, refuse_idle
from kit.cli.lab import add_doctor, add_lab
from kit.cli.minutes import add_collect, add_import
from kit.cli.outputs import file_said, page_said
from kit.cli.scan import add_scan
from kit.errors import KitError, KitWarning, SettingsError, UnwritableFile
from kit.shown import counted

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``kit``; default the process's own.

    Returns
    -------
    int
        Exit code: 0 done, 1 a target missed, 2 wrong input (the error is one sentence on standard error).
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # it was closed before the kit began; a progress bar would fail
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - until the process ends
        if isinstance(stream := getattr(sys, name), TextIOWrapper):
            stream.reconfigure(errors="replace")  # another coding loses a letter, not the answer
    options = _parser().parse_args(arguments)
    command: Command = options.run
    warnings.showwarning = _warn  # type: ignore[assignment]
    try:
        refuse_idle(options)
        code = command(options)
        sys.stdout.flush()  # here, where a reader that has gone is still answered
        return code
    except BrokenPipeError:
        _give_up_output()
        return 141
    except KeyboardInterrupt:
        print("kit: stopped", file=sys.stderr)
        return 130
    except (KitError, ModuleNotFoundError, OSError) as error:
        return _refused(_in_words(error))


def _in_words(error: KitError | ModuleNotFoundError | OSError) -> KitError:
    if isinstance(error, KitError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return SettingsError("Not installed", error.name, 'Run: pip install "banknifty-kit[lab]".')
    if error.filename is not None:
        return SettingsError(str(error.strerror), error.filename, "Choose another path.")
    _give_up_output()
    return UnwritableFile("The output cannot be written", None, f"{error.strerror or error}.")


def _give_up_output() -> None:
    """Send what is left of the output nowhere: Python would try again when it ends, and complain."""
    with suppress(OSError, AttributeError):  # there is no output, or none with a number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refused(error: KitError) -> int:
    with suppress(OSError):  # nobody can be told
        print(f"kit: {error}", file=sys.stderr, flush=True)
    return 2


def _warn(
    message: Warning | str,
    category: type[Warning],
    file: str,
    number: int,
    _: Any = None,
    line: str | None = None,
) -> None:
    """Say the kit's own warnings in one line, without the place in the code that gave them."""
    told = f"kit: {message}\n" if issubclass(category, KitWarning) else None
    sys.stderr.write(told or warnings.formatwarning(message, category, file, number, line))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("kit", description="A research kit for Bank Nifty options.")
    parser.add_argument("--settings", type=Path, help="settings file (default: kit.yaml)")
    commands = parser.add_subparsers(required=True, metavar="command")
    first = (_add_demo, add_lab, add_doctor, _add_bench, _add_tune, _add_simulate, _add_cache, _add_download)
    for add in (*first, add_scan, add_collect, add_import, add_backtest, add_sweep):
        add(commands)
    for listed in commands._choices_actions:  # what a command does stands in its own help, too
        commands.choices[listed.dest].description = f"{str(listed.help)[0].upper()}{str(listed.help)[1:]}."
    return parser


Commands = argparse._SubParsersAction  # the type that argparse gives no public name


def _add_demo(commands: Commands[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="run the main job without a screen")
    demo.add_argument("--chain", type=Path, help="NSE option-chain JSON or CSV instead of the exchange")
    demo.add_argument("--at", type=moment_said, help="when that file was saved (IST), if it does not tell")
    demo.add_argument("--spot", type=float, help="index level then, rupees, if it does not tell")
    demo.add_argument("--html", type=page_said, help="write a self-contained page with plots here")
    declare_idle(demo, ("--at", "without", "--chain"), ("--spot", "without", "--chain"))
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> int:
    from kit.demo import run_on_exchange, run_on_file
    from kit.settings import Settings

    settings = Settings.load(options.settings)
    if options.chain is not None:
        run_on_file(options.chain, settings, options.html, taken_at=options.at, spot=options.spot)
    else:
        run_on_exchange(settings, options.html)
    return 0


def _add_bench(commands: Commands[argparse.ArgumentParser]) -> None:
    bench = commands.add_parser("bench", help="measure the kit against its targets and peers")
    bench.add_argument("rows", nargs="*", default=[], help="only these rows")
    bench.add_argument("--full", action="store_true", help="every row with more samples: some minutes")
    bench.add_argument("--long", action="store_true", help="print intervals, peers and times, too")
    bench.add_argument(
        "--json",
        type=file_said,
        nargs="?",
        const=Path("bench.json"),
        help="write the results here (bench.json)",
    )
    bench.add_argument("--html", type=file_said, help="write a self-contained page here")
    bench.add_argument("--against", choices=["peers"], help="fail when a peer is not installed")
    bench.add_argument("--check", action="store_true", help="exit 1 when a target is missed beyond noise")
    bench.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="what changed between two")
    others = ("rows", "--full", "--long", "--json", "--html", "--against", "--check", "--settings")
    declare_idle(bench, *((other, "with", "--compare") for other in others))
    bench.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> int:
    from kit.benchmark import command
    from kit.settings import Settings

    return command.main(
        settings=Settings.load(options.settings),
        full=options.full,
        long=options.long,
        json=options.json,
        html=options.html,
        against=options.against,
        check=options.check,
        compare=options.compare,
        rows=options.rows or None,
    )


def _add_tune(commands: Commands[argparse.ArgumentParser]) -> None:
    tune = commands.add_parser("tune", help="recommend lifetimes, pool size and workers")
    tune.add_argument("--write", action="store_true", help="write the recommendation to the settings file")
    tune.add_argument("--trace", type=Path, help="recorded requests and prices (default: a typical session)")
    tune.add_argument("--workload", metavar="FILE.py:NAME", help="your strategies or functions of a chain")
    one = tune.add_mutually_exclusive_group()
    one.add_argument("--tolerance-bps", type=float, default=5.0, help="largest P95 price error (default: 5)")
    one.add_argument("--tolerance-inr", type=float, help="the same in rupees, instead")
    tune.set_defaults(run=_tune)


def _tune(options: argparse.Namespace) -> int:
    from kit.monitor.progress import ProgressBar
    from kit.settings import Settings
    from kit.tuning.trace import read_trace
    from kit.tuning.tuner import tune
    from kit.tuning.workload import read_ideas

    trace = None if options.trace is None else read_trace(options.trace)
    ideas = None if options.workload is None else read_ideas(options.workload)
    settings, limits = Settings.load(options.settings), (options.tolerance_bps, options.tolerance_inr)
    with ProgressBar() as show:
        advice = tune(settings, trace, *limits, show, workload=ideas)
    print(advice)
    if options.write:
        print(f"Written: {advice.settings.save(options.settings or Path('kit.yaml'))}")
    return 0


def _add_simulate(commands: Commands[argparse.ArgumentParser]) -> None:
    simulate = commands.add_parser("simulate", help="serve the simulated exchange on this machine")
    simulate.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    simulate.add_argument("--seed", type=int, default=7, help="seed of the market")
    simulate.add_argument("--speed", type=float, default=1.0, help="market seconds per second")
    simulate.add_argument("--at", type=moment_said, help="market time to start at (IST)")
    simulate.add_argument("--tls", action="store_true", help="serve HTTPS with a throw-away authority")
    simulate.add_argument("--no-limits", action="store_true", help="never refuse for the rate")
    simulate.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    declare_idle(simulate, ("--settings", "with", "kit simulate"))
    simulate.set_defaults(run=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from kit.simulator.server import serve

    serve(
        port=options.port,
        seed=options.seed,
        speed=options.speed,
        at=options.at,
        tls=options.tls,
        limits=not options.no_limits,
        until_stdin_closes=options.until_stdin_closes,
    )
    return 0


def _add_cache(commands: Commands[argparse.ArgumentParser]) -> None:
    cache = commands.add_parser("cache", help="show or clear the SQLite cache")
    cache.add_argument("action", choices=["info", "clear"], nargs="?", default="info", help="default: info")
    declare_idle(cache, ("--settings", "with", "kit cache"))
    cache.set_defaults(run=_cache)


def _cache(options: argparse.Namespace) -> int:
    from kit.settings import cache_folder

    # The limits are no cache: without them every kernel would call as if nobody had called before.
    files = sorted(file for file in cache_folder().glob("*.sqlite*") if not file.name.startswith("limits"))
    for file in reversed(files):  # a log goes before its file, else the next file would inherit it
        print(f"{file}  {file.stat().st_size / 2**20:.1f} MiB")
        if options.action == "clear":
            file.unlink()
    done = "removed" if options.action == "clear" else "found"
    print(f"{done} {counted(len(files), 'file')} in {cache_folder()}")
    return 0


def _add_download(commands: Commands[argparse.ArgumentParser]) -> None:
    download = commands.add_parser("download", help="keep history as Parquet, resumable")
    download.add_argument("--symbol", default="BANKNIFTY", help="underlying or trading symbol")
    download.add_argument("--interval", default="ONE_MINUTE", help="of a candle, as FIVE_MINUTE or ONE_DAY")
    download.add_argument("--from", dest="start", type=day_said, required=True, help="first day")
    download.add_argument("--to", dest="end", type=day_said, required=True, help="last day")
    download.set_defaults(run=_download)


def _download(options: argparse.Namespace) -> int:
    from kit.desk import open_desk
    from kit.settings import Settings

    with open_desk(Settings.load(options.settings), start_workers=False) as desk:
        print(desk.data.download(options.symbol, options.interval, options.start, options.end))
    return 0
