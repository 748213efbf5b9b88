"""HTTP as Steward speaks it: problem+json, ETag, Idempotency-Key, keyset lists, server-sent events."""
