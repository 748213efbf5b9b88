"""Reads: lists, what is known of items and what depends on them, what is in the way, and the forward schedule."""
