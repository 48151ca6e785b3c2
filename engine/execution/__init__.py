"""Orders and money, pure."""
