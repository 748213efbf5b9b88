"""Service level management, ISO/IEC 20000-2 6.1.

Owns: agreements (SLA, OLA, underpinning contracts), business calendars, the clock of every target and record, and the
metrics made from them.
Publishes: `sla.calendar.versioned`, `sla.agreement.activated`, `sla.clock.started`, `.paused`, `.resumed`, `.warned`,
`.breached`, `.retargeted`, `.reopened`, `.stopped` and `.cancelled` on `steward.sla`.
Consumes: `steward.incident`, whose facts start, pause, resume and stop the clocks.
"""
