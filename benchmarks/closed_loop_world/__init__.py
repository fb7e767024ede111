"""A town of members with hidden tastes, and a month in it. The numbers were fixed before anything was tuned on it."""
