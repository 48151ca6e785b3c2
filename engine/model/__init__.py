"""The vocabulary: nouns a trader knows, as immutable values; imports nothing else of ours."""
