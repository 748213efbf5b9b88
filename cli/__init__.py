"""The command line `steward`: a client of the public API like any other."""
