"""What holds for all rooms alike, whatever they are about."""
