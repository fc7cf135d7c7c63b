"""Work that the web process leaves to others: every decode, every expansion, every archive."""
