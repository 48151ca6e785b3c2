"""Runs of the same kernel over what is past."""
