"""What the published language promises, and that it is kept."""
