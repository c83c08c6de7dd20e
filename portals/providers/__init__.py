"""What a provider speaks: one shape, a file or folder per protocol. What they return is a record, never a row."""
