"""The `nfold` command: arguments in, one engine call, a printed result."""
