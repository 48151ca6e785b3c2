"""Keeping bytes: recordings now, journal and stores as they come; decides nothing."""
