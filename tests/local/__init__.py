"""The servers of one's own machine start, are found again after a crash, and end."""
