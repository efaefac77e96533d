"""Everything that can be set, from ``kit.yaml`` and the environment, checked before anything runs.

One frozen section per part of the kit. A key that does not exist fails at once and says what was
meant; nothing is dropped silently. This is the one module that reads the environment.

================================  ====================================================
variable                          sets
================================  ====================================================
``KIT_API_KEY``                   `Credentials.api_key`
``KIT_CLIENT_CODE``               `Credentials.client_code`
``KIT_PIN``                       `Credentials.pin`
``KIT_TOTP_SECRET``               `Credentials.totp_secret`
``KIT_YAML``                      path of the settings file instead of ``./kit.yaml``
``KIT_CACHE_DIR``                 folder of the SQLite files
``KIT_LIVE_ORDERS``               confirms live orders, see `kit.broker.consent`
``KIT_ALERT_URLS``                addresses of services that alerts go to, one or several
================================  ====================================================
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import platformdirs
import yaml
from pydantic import AliasChoices, Field, SecretStr, field_validator

from kit import arguments
from kit.addresses import checked_address
from kit.errors import SettingsError
from kit.files import writing
from kit.section import Section
from kit.settings_file import read_sections
from kit.shown import Showable, table

Backend = Literal["serial", "threads", "processes", "dask"]
ShareTokens = Literal["never", "memory", "keyring"]
Lifetime = Annotated[float, Field(ge=0, le=10 * 366 * 86_400)]  # seconds
Wait = Annotated[float, Field(gt=0, le=86_400)]  # seconds
Budget = Annotated[float, Field(gt=0, le=86_400_000)]  # milliseconds
Many = Annotated[int, Field(ge=1, le=10**9)]


class CacheConfig(Section):
    """Lifetimes and bounds of both cache tiers."""

    max_size: Many = Field(1000, description="entries in the in-process tier")
    max_bytes: int | None = Field(None, ge=1, le=2**50, description="bytes in that tier; none: unbounded")
    default_ttl: Lifetime = Field(300, description="lifetime of anything else, seconds")
    options_chain_ttl: Lifetime = Field(60, description="lifetime of an option chain, seconds")
    ltp_ttl: Lifetime = Field(5, description="lifetime of a last traded price, seconds")
    historical_data_ttl: Lifetime = Field(3600, description="lifetime of today's candles, seconds")
    instruments_ttl: Lifetime = Field(86_400, description="lifetime of the instrument master, seconds")
    search_ttl: Lifetime = Field(3600, description="lifetime of a search, seconds")
    atm_ttl: Lifetime = Field(5, description="lifetime of an at-the-money strike, seconds")
    hold_after_hours: bool = Field(False, description="after the close a quote lives until the next open")
    disk: bool = Field(True, description="keep answers in SQLite across kernels and restarts")
    disk_max_entries: Many = Field(20_000, description="answers in the SQLite file")
    disk_max_bytes: int = Field(
        512 * 2**20, ge=2**20, le=2**50, description="bytes of answers in the SQLite file"
    )
    stale_if_error: bool = Field(False, description="serve an expired answer, marked, when the network fails")


class DataManagerConfig(Section):
    """How market data is gathered."""

    enable_caching: bool = Field(True, description="use the in-process tier")
    cache_atm_results: bool = Field(True, description="remember at-the-money strikes")
    cache_ttl_seconds: Lifetime = Field(300, description="lifetime of what has none of its own, seconds")
    strikes_around: Many = Field(60, description="strikes on either side of the money in a chain")


class PerformanceMonitorConfig(Section):
    """How operations are timed."""

    max_samples: Many = Field(1000, description="samples kept per operation")
    enable_alerts: bool = Field(True, description="call the alert callbacks")


class LatencyRequirements(Section):
    """Latency budgets, milliseconds."""

    options_chain_processing: Budget = Field(2000, description="an option chain, milliseconds")
    strategy_evaluation: Budget = Field(5000, description="one evaluation run, milliseconds")
    order_placement: Budget = Field(3000, description="an order, milliseconds")
    position_monitoring: Budget = Field(30_000, description="a look at the positions, milliseconds")
    atm_calculation: Budget = Field(1000, description="an at-the-money strike, milliseconds")


class ConnectionConfig(Section):
    """Sockets, time-outs and retries."""

    pool_size: int = Field(
        10, ge=1, le=256, validation_alias=AliasChoices("pool_size", "max_pool_size"),
        description="most sockets open at once",
    )  # fmt: skip
    max_retries: int = Field(3, ge=0, le=20, description="further attempts where a retry is safe")
    timeout: Wait = Field(10, description="seconds without a byte before a read fails")
    connect_timeout: Wait = Field(3, description="seconds to open a connection")
    acquire_timeout: Wait = Field(30, description="seconds to wait for a free connection")
    backoff_factor: float = Field(
        0.3, ge=0, le=86_400, description="seconds before the first retry, then doubled"
    )
    max_idle_s: Wait = Field(55, description="age at which an idle socket is recycled, seconds")
    circuit_failures: Many = Field(5, description="failures in a row that open the circuit")
    circuit_reset_s: Wait = Field(30, description="seconds until an open circuit tries again")


class WorkersConfig(Section):
    """Parallel evaluation."""

    max_workers: int = Field(4, ge=1, le=1024, description="workers")
    backend: Backend = Field("processes", description="serial, threads, processes or dask")
    queue_size: Many = Field(100, description="tasks that may wait")
    task_timeout_s: Wait = Field(30, description="seconds until a task is stopped")
    max_worker_memory_mb: int | None = Field(
        None, ge=64, le=2**30, description="memory limit of a worker, MiB"
    )
    dask_address: str | None = Field(None, description="scheduler address; none: a local cluster")

    @field_validator("dask_address")
    @classmethod
    def _names_no_user(cls, value: str | None) -> str | None:
        if value and "@" in value:
            remedy = "Write it as tcp://host:port, without user and password."
            raise SettingsError("Not the address of a scheduler", value.rpartition("@")[2], remedy)
        return value


class BrokerConfig(Section):
    """Which exchange the kit talks to. Live and simulated differ here and nowhere else."""

    mode: Literal["simulated", "live"] = Field("simulated", description="own simulated exchange, or broker")
    base_url: str = Field("https://apiconnect.angelone.in", description="root of the live broker's API")
    master_url: str = Field(
        "https://margincalculator.angelone.in/OpenAPI_File/files/OpenAPIScripMaster.json",
        description="the live instrument master",
    )
    stream_url: str = Field(
        "wss://smartapisocket.angelone.in/smart-stream", description="the live broker's market stream"
    )
    order_stream_url: str = Field(
        "wss://tns.angelone.in/smart-order-update", description="the live broker's order stream"
    )
    ca_file: Path | None = Field(None, description="certificate bundle instead of the system's")
    share_tokens: ShareTokens = Field("never", description="one login for this machine: memory or keyring")
    seed: int = Field(7, ge=0, lt=2**63, description="seed of the simulated market")
    speed: float = Field(1.0, gt=0, le=1e6, description="simulated seconds per second")

    @field_validator("base_url", "master_url")
    @classmethod
    def _of_a_host(cls, value: str) -> str:
        return checked_address(value)

    @field_validator("stream_url", "order_stream_url")
    @classmethod
    def _of_a_stream(cls, value: str) -> str:
        return checked_address(value, ("ws", "wss"))


class StreamConfig(Section):
    """The market stream: heartbeats, when a connection counts as dead, and when a tick is too old."""

    heartbeat_s: Wait = Field(10, description="seconds between two pings; the broker asks for 30 at most")
    silence_s: Wait = Field(25, description="seconds without any message until a connection is made anew")
    stall_s: Wait = Field(90, description="seconds without a tick, market open, until it is made anew")
    fresh_s: Wait = Field(10, description="age up to which a tick stands for itself, seconds")
    quiet_s: Wait = Field(300, description="age up to which a token that did not move is believed, seconds")
    queue_size: Many = Field(10_000, description="ticks that wait for a reader; then the oldest is dropped")
    retry_s: Wait = Field(0.1, description="seconds before the first new connection, then doubled")
    most_retry_s: Wait = Field(30, description="most seconds between two attempts to connect")


class Credentials(Section):
    """The four secrets of an account; ``repr`` shows none of them."""

    is_secret: ClassVar[bool] = True

    api_key: SecretStr
    client_code: SecretStr
    pin: SecretStr
    totp_secret: SecretStr

    def __reduce__(self) -> Any:
        raise SettingsError("Credentials cannot be pickled", None, "Read them in each process.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the four ``KIT_*`` variables.

        Raises
        ------
        SettingsError
            A variable is missing; names it.
        """
        names = {field: f"KIT_{field.upper()}" for field in cls.model_fields}
        missing = [name for name in names.values() if not environ.get(name)]
        if missing:
            environ = {}  # a verbose traceback shows what a function holds
            raise SettingsError(
                "Live mode needs credentials in the environment; missing",
                ", ".join(missing),
                "Set them, or use broker.mode: simulated, which needs no account.",
            )
        return cls(**{field: environ[name] for field, name in names.items()})


class Settings(Showable, Section):
    """All sections of ``kit.yaml``."""

    cache_config: CacheConfig = CacheConfig()
    data_manager: DataManagerConfig = DataManagerConfig()
    performance_monitor: PerformanceMonitorConfig = PerformanceMonitorConfig()
    latency_requirements: LatencyRequirements = LatencyRequirements()
    connection_pool: ConnectionConfig = ConnectionConfig()
    workers: WorkersConfig = WorkersConfig()
    broker: BrokerConfig = BrokerConfig()
    stream: StreamConfig = StreamConfig()

    @classmethod
    def load(cls, path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Self:
        """Read ``kit.yaml``; without a file every setting has its default.

        Parameters
        ----------
        path : str or Path, optional
            The file; default ``$KIT_YAML``, then ``./kit.yaml`` if it exists.
        environ : mapping, optional
            The environment.

        Raises
        ------
        SettingsError
            The named file does not exist, is not YAML, or holds a wrong key or value.
        """
        chosen = environ.get("KIT_YAML") or None if path is None else path
        file = arguments.path("kit.yaml" if chosen is None else chosen, "Not the path of a settings file")
        return cls(**(read_sections(file) if chosen is not None or file.is_file() else {}))

    def save(self, path: str | Path = "kit.yaml") -> Path:
        """Write the sections as YAML, replacing the file in one step, and return its path.

        Raises
        ------
        UnwritableFile
            It cannot be written there.
        """
        file = arguments.path(path, "Not the path of a settings file")
        draft = file.with_suffix(".yaml.new")
        with writing(file):
            draft.write_text(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
            draft.replace(file)
        return file

    def _rows(self) -> list[dict[str, object]]:
        """Return every setting with its value, default and meaning."""
        return [
            {
                "setting": f"{part}.{name}",
                "value": getattr(getattr(self, part), name),
                "default": info.default,
                "meaning": info.description,
            }
            for part, about in type(self).model_fields.items()
            for name, info in type(about.default).model_fields.items()
        ]

    def _figures(self) -> dict[str, object]:
        changed = [row for row in self._rows() if row["value"] != row["default"]]
        return {
            "exchange": self.broker.mode,
            "changed": len(changed),
            **{str(row["setting"]): row["value"] for row in changed[:6]},
        }

    def _details(self) -> list[str]:
        rows = sorted(self._rows(), key=lambda row: row["value"] == row["default"])
        changed = sum(row["value"] != row["default"] for row in rows)
        return [table(rows, "Every setting, changed ones first", range(changed))]


def live_orders_client() -> str:
    """Return the client code that ``KIT_LIVE_ORDERS`` confirms live orders for; empty: none."""
    return os.environ.get("KIT_LIVE_ORDERS", "")


def alert_addresses() -> tuple[SecretStr, ...]:
    """Return the addresses in ``KIT_ALERT_URLS``, which are secrets: whitespace stands between two."""
    return tuple(SecretStr(one) for one in os.environ.get("KIT_ALERT_URLS", "").split())


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of the SQLite files: ``$KIT_CACHE_DIR``, else the system's cache folder."""
    return Path(environ.get("KIT_CACHE_DIR") or platformdirs.user_cache_dir("banknifty-kit"))
