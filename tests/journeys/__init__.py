"""What people and systems do with Steward from end to end, on the in-process bus and on processes with a real Kafka."""
