"""Strategies, pure: what they may look at, what they may decide, and the list of them."""
