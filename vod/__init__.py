"""Movies and series: what portals offer and what viewers see."""
