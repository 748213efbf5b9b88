"""The published language of Steward: what the services tell each other and the world. Depends on pydantic only."""
