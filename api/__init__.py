"""`/api/`: catalogue, providers and viewings as JSON, for programs of the owner's. Reads all rooms; none reads it."""
