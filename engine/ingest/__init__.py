"""Market state, pure: book, candles, tape and their health."""
