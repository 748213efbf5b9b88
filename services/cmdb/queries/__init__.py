"""Reads: lists, the past, what would be struck, and what is going on around an item."""
