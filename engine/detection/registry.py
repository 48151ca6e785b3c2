"""Every detector there is, in the order in which they are asked."""

from typing import Final

from engine.detection.base import DetectorSpec
from engine.detection.wall import WallDetector

DETECTORS: Final[tuple[DetectorSpec, ...]] = (
    DetectorSpec("wall", "one large resting order", WallDetector),
)
