"""A local OKX that plays a capture."""
