"""What a case prints: one JSON line, or `wrong` where the result differs from the reference's."""

import json
import sys
from importlib.metadata import version
from platform import machine, python_version
from typing import Any, NoReturn

import msgspec


class Result(msgspec.Struct, frozen=True):
    """The figures of one case at one size.

    `ours`, `reference` and `peer` are in `unit`; None where there was none or nobody asked.
    """

    case: str
    unit: str
    ours: float | None = None
    reference: float | None = None
    peer: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    rss_mb: float | None = None
    versions: dict[str, str] = {}
    more: dict[str, Any] = {}
    """Figures that only this case has."""

    @property
    def line(self) -> str:
        """The line to print."""
        figures = {
            "case": self.case,
            "ours": _rounded(self.ours),
            "reference": _rounded(self.reference),
            "peer": _rounded(self.peer),
            "ratio_peer": _ratio(self.ours, self.peer),
            "ratio_limit": _ratio(self.ours, self.reference),
            "p50_us": _rounded(self.p50_us),
            "p99_us": _rounded(self.p99_us),
            "rss_mb": _rounded(self.rss_mb),
            "versions": {"python": python_version(), "machine": machine(), **self.versions},
            "unit": self.unit,
            **self.more,
        }
        return json.dumps(figures)


def tell(result: Result) -> None:
    """Print a result at once; cases are long."""
    print(result.line, flush=True)


def fail(case: str, expected: object, found: object) -> NoReturn:
    """Print `wrong` and end the process."""
    print(json.dumps({"case": case, "wrong": {"expected": expected, "found": found}}), flush=True)
    sys.exit(1)


def versions_of(*packages: str) -> dict[str, str]:
    """Return the installed versions."""
    return {package: version(package) for package in packages}


def _ratio(ours: float | None, other: float | None) -> float | None:
    return _rounded(ours / other) if ours is not None and other else None


def _rounded(value: float | None) -> float | None:
    """Return four digits that count."""
    return None if value is None else float(f"{value:.4g}")
