"""The simulated venue: a seeded market without a network."""
