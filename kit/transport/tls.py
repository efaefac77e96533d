"""One verifying TLS context per certificate bundle: reading a bundle takes as long as three calls."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

import certifi
import requests
from urllib3.util import create_urllib3_context

from kit.errors import SettingsError


def context_for(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context of a bundle; None: what requests would use (its variables, else certifi).

    Raises
    ------
    SettingsError
        There is no such bundle, or it holds no certificate.
    """
    bundle = Path(ca_file) if ca_file is not None else _usual_bundle()
    try:
        return _context(bundle, bundle.stat().st_mtime)
    except (OSError, ssl.SSLError) as error:
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


def _usual_bundle() -> Path:
    asked = requests.Session().merge_environment_settings("https://host", {}, None, None, None)["verify"]
    return Path(asked if isinstance(asked, str) else certifi.where())
