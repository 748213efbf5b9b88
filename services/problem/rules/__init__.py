"""Problem management's rules: pure calculations, each with the document that says its numbers."""

from services.problem.rules.priority import RULE, USUAL, PriorityRule

__all__ = ["RULE", "USUAL", "PriorityRule"]
