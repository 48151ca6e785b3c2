"""OKX: spot, linear and inverse contracts, public market data."""
