"""The screen: a client of the engine that shows its views and sends its commands."""
