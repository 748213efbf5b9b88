"""Incident management: its rules alone, and its API on a real PostgreSQL."""
