"""The views players and browsers ask."""
