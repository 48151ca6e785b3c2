"""Binance: USD-M futures and spot, public market data."""
