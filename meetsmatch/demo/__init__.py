"""Made-up members for the simulator: who they are, what they look like, and how they come into the database."""
