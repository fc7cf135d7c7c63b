"""The nfold service: what the command does for one person, done for a team over HTTP."""
