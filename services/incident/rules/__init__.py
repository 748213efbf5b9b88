"""Rules as data: each a document's model with what it says, and what counts until one is applied."""

from services.incident.rules.causes import CAUSES, ChangeCausePolicy
from services.incident.rules.closure import CLOSURE, ClosurePolicy
from services.incident.rules.impact import IMPACT, USUAL_IMPACT, ImpactRule
from services.incident.rules.inform import INFORM, UNDECLARED, InformPolicy
from services.incident.rules.major import MAJOR, USUAL_MAJOR, MajorIncidentPolicy
from services.incident.rules.priority import MATRIX, USUAL, PriorityMatrix

__all__ = [
    "CAUSES",
    "CLOSURE",
    "IMPACT",
    "INFORM",
    "MAJOR",
    "MATRIX",
    "UNDECLARED",
    "USUAL",
    "USUAL_IMPACT",
    "USUAL_MAJOR",
    "ChangeCausePolicy",
    "ClosurePolicy",
    "ImpactRule",
    "InformPolicy",
    "MajorIncidentPolicy",
    "PriorityMatrix",
]
