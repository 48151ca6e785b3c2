"""Whale detectors, pure: one type each, listed in the registry."""
