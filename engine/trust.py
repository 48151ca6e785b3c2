"""Whose certificates a venue may show: those of certifi's list and of the system's.

Nothing of the environment counts, neither SSL_CERT_FILE nor SSLKEYLOGFILE: whoever can set a
variable must not be able to stand in between or to read along.
"""

import ssl
from pathlib import Path


def authorities() -> ssl.SSLContext:
    """Return what checks a venue; it takes a tenth of a second."""
    import httpx  # Late, for those who only name this: it takes as long again.

    trusted = httpx.create_ssl_context(trust_env=False)
    # Python itself has looked into the environment.
    trusted.keylog_filename = None  # type: ignore[assignment]  # which is how it says none
    system = ssl.get_default_verify_paths()
    # Where the library was built to look, which no variable changes.
    file, folder = Path(system.openssl_cafile), Path(system.openssl_capath)
    if file.is_file():
        trusted.load_verify_locations(cafile=file)
    if folder.is_dir():
        trusted.load_verify_locations(capath=folder)
    return trusted
