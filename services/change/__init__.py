"""Change management, ISO/IEC 20000-2 9.2.

Owns: requests for change from the first word to the last, their class and risk, approvals and who gives them in whose
place, the forward schedule of change and what collides in it, emergency changes and the paperwork that they owe; the
risk rule, the approval policy, the models of standard changes, freezes and agreed change windows.
Publishes: steward.change (submitted, edited, classified, assigned, scheduled, approval_given, approved, rejected,
approval_voided, started, implemented, failed, backed_out, closed, cancelled, commented; emergency.authorised,
emergency.documented, emergency.paperwork_overdue; collision.found, collision.acknowledged; change_schedule.published;
delegation.granted, delegation.ended; the rules as they are applied).
Consumes: steward.problem (wishes for a change), steward.cmdb (items and what depends on what), steward.incident (major
incidents, which freeze what they concern).
"""
