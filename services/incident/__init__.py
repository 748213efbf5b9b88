"""Incident and service request management, ISO/IEC 20000-2 8.2.

Owns: incidents and service requests, their classification, priority, assignment, escalation, closure; support groups
and people; the priority matrix.
Publishes: steward.incident (opened, assigned, started, waiting, resumed, resolved, confirmed, reopened, closed,
cancelled, prioritised, escalated, acknowledged, commented, linked, unlinked, classified, edited, history_completed;
priority matrices and closure policies).
Consumes: steward.problem (what became of the problem an incident is linked to).
"""
