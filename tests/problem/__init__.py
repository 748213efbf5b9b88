"""Problem management: its lifecycle, its rule, its API, and what closing incidents does to it."""
