"""Commands of the data plane."""
