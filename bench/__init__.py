"""Measures how fast the cockpit is, each time against a plain reference that must agree."""
