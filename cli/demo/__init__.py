"""The demonstration: one failure of an order portal, from the alert to the proof that its cause is gone."""
