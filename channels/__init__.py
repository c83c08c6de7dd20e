"""Live channels: what portals offer and what viewers see."""
