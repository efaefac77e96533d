"""A throw-away certificate authority for HTTPS on 127.0.0.1."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kit.errors import SimulatorError


class Certificates(NamedTuple):
    """Files of one authority and the certificate it issued."""

    authority: Path
    chain: Path
    key: Path


def issue(folder: Path) -> Certificates:
    """Create an authority and a certificate for 127.0.0.1 and localhost.

    Parameters
    ----------
    folder : Path
        Where the three files go; it must be private to this user.

    Raises
    ------
    SimulatorError
        The package that makes certificates is not installed.
    """
    try:
        import trustme
    except ImportError:
        raise SimulatorError(
            "HTTPS needs a package that is not installed", "trustme", 'Run pip install "banknifty-kit[tls]".'
        ) from None
    authority = trustme.CA(key_type=trustme.KeyType.RSA)
    issued = authority.issue_cert("127.0.0.1", "localhost", key_type=trustme.KeyType.RSA)
    files = Certificates(folder / "authority.pem", folder / "chain.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(str(files.authority))
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(str(files.chain), append=number > 0)
    issued.private_key_pem.write_to_path(str(files.key))
    return files
