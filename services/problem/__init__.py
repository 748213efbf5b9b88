"""Problem management, ISO/IEC 20000-2 8.3.

Owns: problems, their classification and priority, their workarounds, which incidents they are behind and how often
those recurred; the priority rule.
Publishes: steward.problem (opened, assigned, prioritised, classified, incident_linked, incident_unlinked, started,
workaround.recorded, change_requested, waiting, resumed, resolved, closed, reopened, cancelled, recurred,
status_changed, commented, edited; problem_priority_rule.published).
Consumes: steward.incident (which incidents there are and what state they are in; linked, unlinked, closed).
"""
