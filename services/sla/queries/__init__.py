"""The reads and bulk writes of service level management."""
