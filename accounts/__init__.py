"""Who may watch: web users, viewers and their limits."""
