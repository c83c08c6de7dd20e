"""HTTP Live Streaming, both ways: lists, keys and segments read from a provider; segments and lists cut for players."""
