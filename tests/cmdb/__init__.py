"""Configuration management is proven here."""
