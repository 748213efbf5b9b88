"""kill -9 of everything while people work, and a checker that says what that did to their work."""
