"""Reads with filters and pages, and what jobs ask for: problems, known errors, trends and the proof of fixes."""
