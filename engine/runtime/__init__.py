"""Shells: the only code that waits, opens sockets, reads clocks and starts tasks."""
