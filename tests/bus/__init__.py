"""The two buses: one behaviour for both, and what only Kafka can do to us."""
