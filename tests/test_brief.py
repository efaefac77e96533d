"""The text that the project started from, example by example: every name, option and number in it works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import kit
from kit import (
    AngelAPIClient,
    CacheConfig,
    CacheManager,
    ChainSnapshot,
    ConcurrentProcessor,
    ConnectionConfig,
    ConnectionPoolManager,
    DataManager,
    PerformanceMonitor,
    ProcessingTask,
    Settings,
    SmartCache,
    StrategyEvaluationManager,
    run_performance_benchmark,
)
from kit.benchmark.registry import all_rows
from kit.errors import SettingsError, TaskFailed, TaskTimeout
from kit.settings import DataManagerConfig, LatencyRequirements, PerformanceMonitorConfig
from kit.strategies import ShortStraddle

MakeChain = Callable[..., ChainSnapshot]


@pytest.fixture(scope="module")
def processor() -> Iterator[ConcurrentProcessor]:
    """Return the processor of the text's usage example."""
    with ConcurrentProcessor(max_workers=4) as running:
        yield running


class TestCacheManager:
    """Section 1: cache manager."""

    def test_usage(self, make_chain: MakeChain) -> None:
        """The usage example stores an option chain and finds it again."""
        config = CacheConfig(max_size=1000, default_ttl=300)
        cache_manager = CacheManager(config)
        smart_cache = SmartCache(cache_manager)
        options_data = make_chain()

        smart_cache.cache_options_chain("BANKNIFTY", "2024-01-25", options_data)
        cached_data = smart_cache.get_options_chain("BANKNIFTY", "2024-01-25")

        assert cached_data.frame.equals(options_data.frame)
        assert smart_cache.get_options_chain("BANKNIFTY", "2024-02-29") is None

    def test_configuration_options_and_defaults(self) -> None:
        """The five options exist with the defaults that the text states."""
        config = CacheConfig()
        assert config.default_ttl == 300
        assert config.max_size == 1000
        assert config.options_chain_ttl == 60
        assert config.ltp_ttl == 5
        assert config.historical_data_ttl == 3600

    def test_ttl_differs_by_type(self) -> None:
        """Each type of data lives as long as its own lifetime: LTP, chain, history, and the rest."""
        now = [0.0]
        cache_manager = CacheManager(CacheConfig(), timer=lambda: now[0])
        smart_cache = SmartCache(cache_manager)
        smart_cache.cache_ltp("NFO", "BANKNIFTY23NOV2655000CE", "1", 100.0)
        smart_cache.cache_options_chain("BANKNIFTY", "2024-01-25", "chain")
        smart_cache.cache_historical_data("NFO", "1", "ONE_MINUTE", "a", "b", "candles")
        cache_manager.set("other", "thing")

        def alive() -> list[bool]:
            found = (
                smart_cache.get_ltp("NFO", "BANKNIFTY23NOV2655000CE", "1"),
                smart_cache.get_options_chain("BANKNIFTY", "2024-01-25"),
                cache_manager.get("other"),
                smart_cache.get_historical_data("NFO", "1", "ONE_MINUTE", "a", "b"),
            )
            return [one is not None for one in found]

        for moment, expected in ((4.9, 4), (5.1, 3), (59.9, 3), (60.1, 2), (299.0, 2), (301, 1), (3601, 0)):
            now[0] = moment
            assert sum(alive()) == expected, moment

    def test_what_was_kept_is_said(self) -> None:
        """Setters return True, as in the original, and a pool may be sized by the original's name."""
        smart = SmartCache(CacheManager())
        assert smart.cache_manager.set("key", 1) is True
        assert smart.cache_ltp("NSE", "Nifty Bank", "99926009", 1.0) is True
        assert smart.cache_atm_strike("BANKNIFTY", "2026-12-29", 55_000.0) is True
        assert smart.cache_options_chain("BANKNIFTY", "2026-12-29", [1]) is True
        assert (
            smart.cache_historical_data("NSE", "99926009", "ONE_DAY", "2026-11-02", "2026-11-03", [1]) is True
        )
        assert smart.cache_instrument_search("NSE", "bank", [1]) is True
        assert ConnectionConfig(max_pool_size=7) == ConnectionConfig(pool_size=7)
        with pytest.raises(SettingsError, match=r"ConnectionConfig\.pool_size"):
            ConnectionConfig(pool_size=0)

    def test_lru_eviction_and_statistics(self) -> None:
        """The least recently used entry leaves, and the hit rate is counted."""
        cache_manager = CacheManager(CacheConfig(max_size=2))
        cache_manager.set("a", 1)
        cache_manager.set("b", 2)
        assert cache_manager.get("a") == 1
        cache_manager.set("c", 3)
        assert cache_manager.get("b") is None
        cache_stats = cache_manager.get_stats()
        assert f"Cache hit rate: {cache_stats['hit_rate_percent']}%" == "Cache hit rate: 50.0%"
        assert cache_stats["evictions"] == 1

    def test_expired_entries_are_cleaned_without_help(self) -> None:
        """An expired entry leaves the cache by itself, and the cleaner's runs are counted."""
        cache_manager = CacheManager(CacheConfig())
        cache_manager.set("brief", 1, ttl=0.01)
        deadline = time.monotonic() + 20
        while cache_manager.get_stats()["cleanup_runs"] == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        stats = cache_manager.get_stats()
        assert stats["cleanup_runs"] > 0
        assert (stats["entries"], stats["expirations"]) == (0, 1)


class TestPerformanceMonitor:
    """Section 2: performance monitor."""

    def test_usage(self, make_chain: MakeChain) -> None:
        """The usage example measures an operation and prints its average."""
        monitor = PerformanceMonitor()
        chain = make_chain()
        with monitor.measure("atm_calculation"):
            result = chain.atmf_strike
        metrics = monitor.get_metrics("atm_calculation")
        assert result == 55_000
        assert f"Average time: {metrics.avg_time * 1000:.2f}ms".startswith("Average time: 0.")

    def test_percentiles(self) -> None:
        """P95 and P99 are exact over the samples."""
        monitor = PerformanceMonitor()
        for milliseconds in range(1, 101):
            monitor.record_execution("x", milliseconds / 1000)
        metrics = monitor.get_metrics("x")
        assert metrics.p95 == pytest.approx(0.09505)
        assert metrics.p99 == pytest.approx(0.09901)

    @pytest.mark.parametrize(
        ("operation", "budget_ms"),
        [
            ("options_chain_processing", 2000),
            ("strategy_evaluation", 5000),
            ("order_placement", 3000),
            ("position_monitoring", 30_000),
            ("atm_calculation", 1000),
        ],
    )
    def test_latency_requirements(self, operation: str, budget_ms: float) -> None:
        """Each of the five budgets stands in the settings and raises an alert once it is exceeded."""
        assert getattr(LatencyRequirements(), operation) == budget_ms
        alerts: list[dict[str, Any]] = []
        monitor = PerformanceMonitor()
        monitor.add_alert_callback(alerts.append)
        monitor.record_execution(operation, budget_ms / 1000 * 0.5)
        assert alerts == []
        monitor.record_execution(operation, budget_ms / 1000 * 1.01)
        assert [alert["violation_level"] for alert in alerts] == ["alert"]

    def test_alert_handler(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The alert handler of the text is called with operation and latency, and prints them."""
        monitor = PerformanceMonitor()

        def performance_alert_handler(alert_data: dict[str, Any]) -> None:
            took = f"took {alert_data['latency_ms']}ms"
            print(f"Performance alert: {alert_data['operation']} {took}")  # noqa: T201 - the text's own

        monitor.add_alert_callback(performance_alert_handler)
        monitor.record_execution("atm_calculation", 1.5)
        assert capsys.readouterr().out == "Performance alert: atm_calculation took 1500.0ms\n"

    def test_summary_counts_slow_operations(self) -> None:
        """The summary lists the slow operations, each once however often it was slow."""
        monitor = PerformanceMonitor()
        for seconds in (1.5, 1.1, 1.9):
            monitor.record_execution("atm_calculation", seconds)
        perf_summary = monitor.get_summary()
        assert f"Slow operations: {len(perf_summary['violations'])}" == "Slow operations: 1"


class TestConnectionPool:
    """Section 3: connection pool manager."""

    def test_usage(self, exchange: Any) -> None:
        """The usage example gets an answer through a pooled connection."""
        config = ConnectionConfig(pool_size=10, timeout=10)
        with ConnectionPoolManager(config, ca_file=exchange.ca_file) as pool_manager:
            for _ in range(3):
                with pool_manager.get_connection() as conn:
                    response = conn.session.get(exchange.master_url)
                assert response.status_code == 200
            pool_stats = pool_manager.get_stats()
        assert f"Active connections: {pool_stats['active_connections']}" == "Active connections: 0"
        assert (pool_stats["created"], pool_stats["reused"]) == (1, 2)

    def test_statistics(self, exchange: Any) -> None:
        """Threads share the pool, and it counts connections, reuse, retries, errors and latency."""
        with ConnectionPoolManager(ConnectionConfig(pool_size=2), ca_file=exchange.ca_file) as pool_manager:

            def ask(_: int) -> int:
                with pool_manager.get_connection() as conn:
                    return int(conn.session.get(exchange.master_url).status_code)

            with ThreadPoolExecutor(6) as threads:
                assert list(threads.map(ask, range(12))) == [200] * 12
            stats = pool_manager.get_stats()
        assert stats["created"] <= 2
        assert stats["created"] + stats["reused"] == 12
        assert (stats["retries"], stats["errors"]) == (0, 0)
        assert 0 < stats["p50_ms"] <= stats["p95_ms"]

    def test_configuration_defaults(self) -> None:
        """Pool size, retries, time-out and back-off have the values that the text states."""
        config = ConnectionConfig()
        assert (config.pool_size, config.max_retries, config.timeout, config.backoff_factor) == (
            10,
            3,
            10,
            0.3,
        )


class TestConcurrentProcessor:
    """Section 4: concurrent processor."""

    def test_usage(self, processor: ConcurrentProcessor, make_chain: MakeChain) -> None:
        """The usage example evaluates three strategy functions concurrently."""
        manager = StrategyEvaluationManager(processor)
        market_data = make_chain()

        def strategy1_func(market_data: ChainSnapshot) -> float:
            return market_data.atmf_strike

        def strategy2_func(market_data: ChainSnapshot) -> list[Any]:
            return [market_data.leg("CE", market_data.atmf_strike, -1)]

        def strategy3_func(market_data: ChainSnapshot) -> float:
            return market_data.spot / 0

        strategies = {"strategy1": strategy1_func, "strategy2": strategy2_func, "strategy3": strategy3_func}
        results = manager.evaluate_strategies_concurrent(strategies, market_data)

        assert results["strategy1"].value == 55_000
        assert results["strategy2"].value.max_profit_inr > 0
        with pytest.raises(TaskFailed, match="ZeroDivisionError"):
            _ = results["strategy3"].value

    def test_priorities_timeouts_recovery_and_statistics(self, processor: ConcurrentProcessor) -> None:
        """A task that overruns is stopped, one that raises is reported, and the others are counted."""
        before = processor.get_stats()
        processor.submit_task(ProcessingTask("late", time.sleep, (60,), timeout=0.5))
        processor.submit_task(ProcessingTask("wrong", int, ("x",)))
        processor.submit_task(ProcessingTask("right", sum, ([1, 2, 3],), priority=5))
        assert processor.get_result("right", timeout=60) == 6
        with pytest.raises(TaskFailed, match="ValueError"):
            processor.get_result("wrong", timeout=60)
        with pytest.raises(TaskTimeout):
            processor.get_result("late", timeout=60)
        after = processor.get_stats()
        grown = {name: after[name] - before[name] for name in ("submitted", "completed", "failed", "timeout")}
        assert grown == {"submitted": 3, "completed": 1, "failed": 1, "timeout": 1}

    def test_a_higher_priority_starts_first(self) -> None:
        """Of the tasks that wait for one worker, the one with the highest priority runs first."""
        ran: list[int] = []
        gate = threading.Event()
        with ConcurrentProcessor(max_workers=1, backend="threads") as processor:
            processor.submit_task(ProcessingTask("gate", gate.wait, (30,)))
            while processor.get_active_tasks()["gate"] != "running":
                time.sleep(0.01)
            for priority in (1, 3, 2):
                processor.submit_task(
                    ProcessingTask(f"p{priority}", ran.append, (priority,), priority=priority)
                )
            gate.set()
            processor.wait_for_results(timeout=30)
        assert ran == [3, 2, 1]

    def test_strategies_and_data_can_be_submitted_alone(
        self, processor: ConcurrentProcessor, make_chain: MakeChain
    ) -> None:
        """A single strategy and a piece of data processing are tasks of their own."""
        chain = make_chain()
        legs = processor.submit_strategy_evaluation(ShortStraddle(), chain)
        strikes = processor.submit_data_processing(sorted, chain.strikes)
        assert processor.get_result(legs, timeout=60) == ShortStraddle().legs(chain)
        assert processor.get_result(strikes, timeout=60) == chain.strikes


class TestIntegration:
    """Integration with the trading system."""

    def test_data_manager(self, exchange: Any) -> None:
        """DataManager takes client, cache and monitor, and returns their statistics."""
        cache_manager = CacheManager()
        performance_monitor = PerformanceMonitor()
        with _client(exchange, cache_manager, performance_monitor) as api_client:
            data_manager = DataManager(
                api_client=api_client,
                cache_manager=cache_manager,
                performance_monitor=performance_monitor,
            )
            chain = data_manager.option_chain("BANKNIFTY")
            assert data_manager.option_chain("BANKNIFTY").source == "hot"
            stats = data_manager.get_performance_stats()
        assert len(chain.frame) > 0
        assert stats["cache"]["hits"] >= 1
        assert "options_chain_processing" in stats["performance"]["operations"]

    @pytest.mark.parametrize(("enabled", "source"), [(True, "hot"), (False, "sqlite")])
    def test_caching_can_be_switched(self, exchange: Any, enabled: bool, source: str) -> None:
        """With `enable_caching` off a second question goes past the in-process tier."""
        settings = Settings(data_manager=DataManagerConfig(enable_caching=enabled))
        with _client(exchange, CacheManager(), PerformanceMonitor()) as api_client:
            data_manager = DataManager(api_client=api_client, settings=settings)
            data_manager.option_chain("BANKNIFTY")
            assert data_manager.option_chain("BANKNIFTY").source == source

    @pytest.mark.parametrize("remembered", [True, False])
    def test_atm_results_can_be_remembered(self, exchange: Any, remembered: bool) -> None:
        """With `cache_atm_results` the strike at the money is kept in process, without it is not."""
        settings = Settings(data_manager=DataManagerConfig(cache_atm_results=remembered))
        cache_manager = CacheManager()
        with _client(exchange, cache_manager, PerformanceMonitor()) as api_client:
            data_manager = DataManager(api_client=api_client, cache_manager=cache_manager, settings=settings)
            strike = data_manager.atm_strike("BANKNIFTY")
            kept = SmartCache(cache_manager).get_atm_strike(
                "BANKNIFTY", data_manager.expiries("BANKNIFTY")[0]
            )
        assert kept == (strike if remembered else None)

    def test_data_manager_without_anything(self) -> None:
        """DataManager can be made of its defaults, as the text's first lines suggest."""
        assert DataManager().get_performance_stats()["cache"]["entries"] == 0

    def test_api_client(self, exchange: Any) -> None:
        """AngelAPIClient takes credentials, monitor and cache, and returns its statistics."""
        cache_manager = CacheManager()
        performance_monitor = PerformanceMonitor()
        with _client(exchange, cache_manager, performance_monitor) as api_client:
            api_client.login()
            stats = api_client.get_performance_stats()
        assert stats["network_calls"] >= 1
        assert "api_login" in stats["performance"]["operations"]


def _client(exchange: Any, cache_manager: CacheManager, monitor: PerformanceMonitor) -> AngelAPIClient:
    return AngelAPIClient(
        credentials=exchange.credentials,
        performance_monitor=monitor,
        cache_manager=cache_manager,
        base_url=exchange.url,
        master_url=exchange.master_url,
        clock=exchange.clock,
        ca_file=exchange.ca_file,
    )


class TestBenchmark:
    """Performance benchmarking."""

    def test_results(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The benchmark returns score, benchmarks and violations, and prints them as the text shows."""
        results = run_performance_benchmark(rows=["hot_hit", "import_kit"])
        assert all(row["figure"] > 0 for row in results["rows"])
        printed = capsys.readouterr().out
        assert "Performance Score: none, not every row was asked for" in printed
        assert f"Total Benchmarks: {results['total_benchmarks']}" in printed
        assert results["total_benchmarks"] == 2
        assert ("No latency violations detected ✓" in printed) == (results["violations"] == [])

    @pytest.mark.parametrize(
        "row",
        ["hot_hit", "disk_write", "parallel_10ms", "chain_processing", "memory_growth", "atm_hot"],
    )
    def test_what_it_validates(self, row: str) -> None:
        """Cache reads and writes, concurrent speed-up, processing latency and memory are among the rows."""
        assert row in all_rows()


class TestConfiguration:
    """The YAML of the text is a valid kit.yaml."""

    YAML = """
data_manager:
  enable_caching: true
  cache_atm_results: true
  cache_ttl_seconds: 300

cache_config:
  max_size: 1000
  default_ttl: 300
  options_chain_ttl: 60
  ltp_ttl: 5
  historical_data_ttl: 3600

performance_monitor:
  max_samples: 1000
  enable_alerts: true

latency_requirements:
  atm_calculation: 1000      # 1 second
  options_chain_processing: 2000  # 2 seconds
  strategy_evaluation: 5000  # 5 seconds

connection_pool:
  pool_size: 10
  max_retries: 3
  timeout: 10
  backoff_factor: 0.3
"""

    def test_yaml_loads_and_states_the_defaults(self, tmp_path: Path) -> None:
        """Every section and key of the text is known, and its values are the kit's defaults."""
        file = tmp_path / "kit.yaml"
        file.write_text(self.YAML)
        assert Settings.load(file) == Settings()

    @pytest.mark.parametrize(
        ("section", "key"),
        [(section, key) for section, keys in yaml.safe_load(YAML).items() for key in keys],
    )
    def test_every_key_takes_effect(self, section: str, key: str, tmp_path: Path) -> None:
        """A changed value arrives in the settings under the same section and key."""
        plain = yaml.safe_load(self.YAML)[section][key]
        changed = (not plain) if isinstance(plain, bool) else plain * 2
        file = tmp_path / "kit.yaml"
        file.write_text(yaml.safe_dump({section: {key: changed}}))
        assert getattr(getattr(Settings.load(file), section), key) == changed
        assert getattr(Settings.load(file), section) != getattr(Settings(), section)

    def test_sections_are_the_parts_own(self) -> None:
        """The sections are the objects that the parts take."""
        settings = Settings()
        assert isinstance(settings.cache_config, CacheConfig)
        assert isinstance(settings.connection_pool, ConnectionConfig)
        assert isinstance(settings.data_manager, DataManagerConfig)
        assert isinstance(settings.performance_monitor, PerformanceMonitorConfig)


class TestTuning:
    """Troubleshooting and tuning."""

    def test_profile_critical_operation(self) -> None:
        """Measuring a block is all that profiling an operation takes."""
        monitor = PerformanceMonitor()
        with monitor.measure("critical_operation"):
            result = sum(range(1000))
        assert result == 499_500
        assert monitor.get_metrics("critical_operation").calls == 1

    def test_monitor_resource_usage(self) -> None:
        """The three statistics of the text come from the three parts, ready for one dict."""
        cache_manager, monitor = CacheManager(), PerformanceMonitor()
        with ConnectionPoolManager() as pool_manager:
            stats = {
                "cache": cache_manager.get_stats(),
                "performance": monitor.get_summary(),
                "connections": pool_manager.get_stats(),
            }
        assert stats["cache"]["hit_rate_percent"] == 0
        assert stats["performance"]["violations"] == []
        assert stats["connections"]["active_connections"] == 0

    def test_old_results_can_be_cleared(self) -> None:
        """Old results, metrics and cache entries can each be dropped, as the memory advice says."""
        cache_manager, monitor = CacheManager(), PerformanceMonitor()
        cache_manager.set("a", 1)
        cache_manager.clear()
        monitor.record_execution("x", 0.1)
        monitor.reset_metrics()
        with ConcurrentProcessor(max_workers=1, backend="threads") as processor:
            processor.submit_task(ProcessingTask("one", sum, ([1],)))
            assert processor.get_result("one", timeout=30) == 1
            processor.clear_results()
        assert cache_manager.get_stats()["entries"] == 0
        assert monitor.get_metrics("x").calls == 0


@pytest.mark.parametrize("problem", ["cache misses", "slow evaluation", "PoolExhausted", "memory grows"])
def test_common_issues_have_an_answer(problem: str) -> None:
    """Each of the four common issues of the text stands on the page on troubleshooting."""
    page = Path(__file__).parent.parent / "docs" / "troubleshooting.md"
    assert problem in page.read_text(encoding="utf-8")


def test_every_given_name_imports_from_the_kit() -> None:
    """The names that the text gives import from `kit` directly."""
    given = (
        "CacheManager CacheConfig SmartCache PerformanceMonitor LatencyRequirement ConnectionPoolManager "
        "ConnectionConfig ConcurrentProcessor ProcessingTask StrategyEvaluationManager DataManager "
        "AngelAPIClient run_performance_benchmark"
    )
    for name in given.split():
        assert callable(getattr(kit, name))
        assert name in kit.__all__
