"""What Steward promises, as programs. Anything named `test_…` reads as a sentence about one promise."""
