"""One verifying TLS context per certificate bundle: reading a bundle takes as long as three calls."""

from __future__ import annotations

import os
import ssl
from functools import lru_cache
from pathlib import Path

import certifi
from urllib3.util import create_urllib3_context

from kit.errors import SettingsError


def context_for(ca_file: Path | str | None) -> ssl.SSLContext:
    """Return the context of a bundle; None: what requests would use (its variables, else certifi).

    Raises
    ------
    SettingsError
        There is no such bundle, or it holds no certificate.
    """
    bundle = Path(ca_file or environment_bundle() or certifi.where())
    try:
        return _context(bundle, bundle.stat().st_mtime)
    except (OSError, ValueError, ssl.SSLError) as error:
        remedy = "Check broker.ca_file and REQUESTS_CA_BUNDLE."
        raise SettingsError("The certificate bundle cannot be used", str(bundle), remedy) from error


@lru_cache(maxsize=8)
def _context(bundle: Path, _changed: float) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    if bundle.is_dir():
        context.load_verify_locations(capath=bundle)
    else:
        context.load_verify_locations(cafile=bundle)
    return context


def environment_bundle() -> str | None:
    """Return the bundle that the environment names, as requests reads it."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
