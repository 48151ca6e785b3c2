"""The single writer, pure: state, the order of its handlers, and pictures of it."""
