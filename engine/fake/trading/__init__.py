"""The trading side of the fake Binance USD-M venue: one account and its private stream."""
