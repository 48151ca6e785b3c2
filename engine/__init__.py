"""The engine: market data, detection, strategy and execution behind one deterministic kernel."""
