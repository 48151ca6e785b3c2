"""Whose certificates count, and that the environment has no say in it."""

import ssl
from pathlib import Path

import pytest

from engine.trust import authorities

OWN = """\
-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIUVwtgECnK6jxF3UQ1AGqCxYGkuGQwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKdmVudWUudGVzdDAgFw0yNjExMjEyMTA1MjJaGA8yMTI2MTAy
ODIxMDUyMlowFTETMBEGA1UEAwwKdmVudWUudGVzdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABL42EDFqhK5EiAvZ22ZgzsuWVwinhjDsL/LNa4rUTLuJDW6Jk/Pi
euoBFqwjyMGhBewpc13jt76oIyvAt9siWCqjUzBRMB0GA1UdDgQWBBSalv3Qp4ry
BuijHGX34RaxyRx1oDAfBgNVHSMEGDAWgBSalv3Qp4ryBuijHGX34RaxyRx1oDAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIE1GcKNdKpLZO4nh4xEg
kqgQtOba36zljdt4fy+dnY2bAiEAvpaRKBlxIBph2Zz6GDQsF7bMyrIv9yrnucGt
XV4nl6A=
-----END CERTIFICATE-----
"""
"""Of an authority of the machine's own."""


def test_a_venue_must_be_who_it_says_it_is() -> None:
    trusted = authorities()

    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.check_hostname
    assert len(trusted.get_ca_certs()) > 10


def test_no_variable_lets_others_read_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    assert authorities().keylog_filename is None


@pytest.mark.parametrize("is_there", [True, False])
def test_the_system_is_trusted_where_it_has_a_list(
    tmp_path: Path, is_there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = ssl.get_default_verify_paths()
    folder = tmp_path if is_there else tmp_path / "none"
    place = usual._replace(openssl_cafile=str(folder / "own.pem"), openssl_capath=str(folder))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: place)
    without = len(authorities().get_ca_certs())
    (tmp_path / "own.pem").write_text(OWN)

    assert len(authorities().get_ca_certs()) == without + is_there
