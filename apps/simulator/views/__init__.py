"""HTTP: the Bot API for the bot, pages and JSON for the browser."""
