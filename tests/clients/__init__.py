"""Real players on a whole house: what they show over wall time while sources fail."""
