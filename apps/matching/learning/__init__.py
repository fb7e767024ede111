"""The loop around the ranker: what was shown is written down, what came of it is learned, what is better replaces."""
