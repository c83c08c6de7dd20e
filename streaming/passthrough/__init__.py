"""Movies, episodes and catch-up: one upstream per player, passed through byte by byte under a lease."""
