"""The platform under every service. It knows no noun of any process: a service may go without a trace in here."""
