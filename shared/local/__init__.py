"""PostgreSQL, Kafka and every service on one machine, without containers. Production needs none of it."""
