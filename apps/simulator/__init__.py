"""Telegram out of the box: a Bot API emulator over HTTP with a browser chat. Speaks to the bot as Telegram does."""
