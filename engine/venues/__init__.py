"""Wire formats of the venues, sans-I/O: bytes and text in, events and requests out."""
