"""Panes: each takes one view and draws lines."""
