"""The 100,000 incidents that are there before anything is measured, and which of them are open.

One in four is open, spread evenly over two years; skewed, only the newest 3,000 are. An incident's id is made of its
place (`statements.ID_OF`), its texts are as long as a real desk's.
"""

from bench import statements

SEEDED = 100_000
NEWEST_OPEN = 3_000

EVEN_STATE = "CASE WHEN n % 4 = 0 THEN (ARRAY['new','active','waiting'])[1 + n / 4 % 3] ELSE 'closed' END"
SKEWED_STATE = (
    f"CASE WHEN n > {SEEDED - NEWEST_OPEN} THEN (ARRAY['new','active','waiting'])[1 + n % 3] ELSE 'closed' END"
)
OPENED_AT = f"date_trunc('minute', now()) - ({SEEDED} - n) * interval '10 minutes' - interval '1 hour'"
ID = statements.ID_OF.format(place="n")

BARE = f"""
INSERT INTO incident (id, kind, state, title, description, impact, urgency, priority, organisation, service, ci,
 category, subcategory, symptom, caller, channel, opened_at, recorded_at, closed_at)
SELECT {ID}, 'incident', {EVEN_STATE}, 'Cannot print from workstation ' || n,
 'Since this morning the queue shows the job and the printer stays silent. Restarted both. Colleagues can print.',
 1 + n % 3, 1 + n / 3 % 3, 1 + n % 4, (ARRAY['northwind','contoso'])[1 + n % 2], 'printing', 'printer-' || n % 500,
 'hardware', 'printer', 'no output', 'caller-' || n % 3000, 'phone', {OPENED_AT}, {OPENED_AT},
 CASE WHEN n % 4 <> 0 THEN {OPENED_AT} + interval '6 hours' END
FROM generate_series(1, {SEEDED}) n;
INSERT INTO history (id, incident, sequence, type, actor, occurred, body)
SELECT gen_random_uuid(), id, 1, 'incident.opened', 'alice', opened_at,
 jsonb_build_object('title', title, 'description', description, 'priority', priority)::text FROM incident;
INSERT INTO outbox (id, incident, type, body)
SELECT id, incident, type, body FROM history;
"""

SKEW = f"""
UPDATE incident SET state = {SKEWED_STATE}, closed_at = CASE WHEN n > {SEEDED - NEWEST_OPEN} THEN NULL
 ELSE opened_at + interval '6 hours' END
FROM generate_series(1, {SEEDED}) n WHERE id = {ID};
"""

SETTLE = ("VACUUM FULL ANALYZE incident", "CHECKPOINT")

# Steward's own tables, with the event that opened each incident; the sequencer numbers them when the service starts.
STEWARD = f"""
INSERT INTO incident (id, version, kind, state, title, description, impact, urgency, priority, priority_overridden,
 organisation, service, ci, category, subcategory, symptom, caller, channel, opened_at, recorded_at, closed_at,
 reopen_count, reassignment_count)
SELECT {ID}, 1, 'incident', {EVEN_STATE}, 'Cannot print from workstation ' || n,
 'Since this morning the queue shows the job and the printer stays silent. Restarted both. Colleagues can print.',
 1 + n % 3, 1 + n / 3 % 3, 1 + n % 4, false, (ARRAY['northwind','contoso'])[1 + n % 2], 'printing',
 'printer-' || n % 500, 'hardware', 'printer', 'no output', 'caller-' || n % 3000, 'phone', {OPENED_AT}, {OPENED_AT},
 CASE WHEN n % 4 <> 0 THEN {OPENED_AT} + interval '6 hours' END, 0, 0
FROM generate_series(1, {SEEDED}) n;
INSERT INTO event (id, aggregate_id, sequence, subject, organisation, type, data, occurred, recorded, actor,
 correlation, historical)
SELECT gen_random_uuid(), id, 1, number, organisation, 'steward.incident.opened.v1',
 jsonb_build_object('kind', kind, 'organisation', organisation, 'state', 'new', 'priority', priority, 'title', title,
  'opened_at', opened_at, 'recorded_at', recorded_at, 'impact', impact, 'urgency', urgency, 'service', service)::text,
 opened_at, opened_at, 'alice', gen_random_uuid(), false FROM incident ORDER BY id;
"""
