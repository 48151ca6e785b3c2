"""Rules of parent orders: what the next child is, one file per kind."""
