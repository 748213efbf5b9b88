"""Configuration management, ISO/IEC 20000-2 9.1.

Owns: configuration items and their types, the relationships between them with the time each held, estates taken in from
elsewhere, and what a failure of an item would strike.
Publishes: steward.cmdb (ci.registered, ci.changed, ci.status_changed, ci.unauthorised_change, relationship.added,
relationship.removed, ci_type.versioned).
Consumes: steward.change (which approved change covers an item and when, and which changes are open), steward.incident
and steward.problem (which records that are open name an item).
"""
