"""Venue servers for rehearsal, development and tests: real protocols, on this machine only."""
