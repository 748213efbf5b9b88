"""Problem management, ISO/IEC 20000-2 8.3.

Owns: problems, their classification and priority, their root causes and workarounds, which incidents they are behind
and how often those recurred; known errors; trends of incidents; whether fixes helped and what was learned; the rules
of priority, trends, reviews and evaluation.
Publishes: steward.problem (opened, assigned, prioritised, classified, incident_linked, incident_unlinked, started,
workaround.recorded, cause.identified, change_requested, change_followed, waiting, resumed, resolved, closed, reopened,
cancelled, recurred, status_changed, commented, edited, improvement_proposed; fix.evaluated; problem_review.completed;
known_error published, revised, retired, review_overdue; trend.detected; rules of priority, trends, reviews and
evaluation published).
Consumes: steward.incident (which incidents there are and what state they are in; linked, unlinked, closed),
steward.change (what becomes of the change that is to remove a cause).
"""
