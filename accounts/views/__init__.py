"""Pages of web users: logging in, and what is theirs."""
