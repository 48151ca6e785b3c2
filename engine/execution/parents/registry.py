"""The kinds of parents: a line each."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from engine.execution.ledger_parents import ParentRecord
from engine.execution.parents import chase, iceberg, scale, twap
from engine.execution.parents.base import Place, Progress, Rule, Seen
from engine.model.parents import Chase, Iceberg, Parent, Scale, Twap


class Kind(NamedTuple):
    """One kind of parent."""

    word: str
    """What people call it."""
    step: Rule
    samples: Callable[[Any, Seen], list[Place]]
    """Children that the gate looks at before a person confirms the whole."""
    progress: Callable[[Any, ParentRecord], Progress]
    problem: Callable[[Any], str]
    """Why a parent cannot be. `Any`: each kind names its own."""


KINDS: Final[dict[type[Parent], Kind]] = {
    Scale: Kind("scale", scale.step, scale.samples, scale.progress, scale.problem),
    Twap: Kind("twap", twap.step, twap.samples, twap.progress, twap.problem),
    Iceberg: Kind("ice", iceberg.step, iceberg.samples, iceberg.progress, iceberg.problem),
    Chase: Kind("chase", chase.step, chase.samples, chase.progress, chase.problem),
}


def kind_of(spec: Parent) -> Kind:
    """Return the kind of a parent."""
    return KINDS[type(spec)]
