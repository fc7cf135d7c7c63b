"""Decide, exactly and before any work: splits, copies of each source, shards, names."""
