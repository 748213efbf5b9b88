"""Incident and service request management, ISO/IEC 20000-2 8.2.

Owns: incidents and service requests, their classification, priority, assignment, escalation, closure, outages and
causes; major incidents; support groups and people; the rules of priority, impact, closure, informing customers, major
incidents and causes by change.
Publishes: steward.incident (opened, assigned, started, waiting, resumed, resolved, confirmed, reopened, closed,
cancelled, prioritised, escalated, acknowledged, commented, linked, unlinked, classified, edited, history_completed;
customer.informed and update_missed, sla_changed, workaround.applied, outage.recorded, effort.logged, cause.change_*;
major_incident.*; the rules as they are applied).
Consumes: steward.problem (what became of the problem an incident is linked to, and known errors), steward.cmdb (the
graph that a failure spreads in), steward.change (what was altered lately), steward.sla (whose promise is in danger).
"""
