"""Who is believed and who is not."""
