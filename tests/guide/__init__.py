"""The guide is run, block by block."""
