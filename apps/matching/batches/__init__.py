"""Decks of everybody, made territory by territory ahead of time, and how they are read when a card is shown."""
