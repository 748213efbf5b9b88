"""What this service does when time passes: clocks that are due, months that are over, reviews that come near."""

from services.sla.jobs.clocks import take_in_policies, tell_due
from services.sla.jobs.levels import finalise_months, restate_months
from services.sla.jobs.reviews import plan_reviews, tell_overdue
from shared.service import Job

JOBS = (
    Job(tell_due, every=0.5),
    Job(take_in_policies, every=1.0),
    Job(finalise_months, every=60.0),
    Job(restate_months, every=300.0),
    Job(plan_reviews, every=60.0),
    Job(tell_overdue, every=60.0),
)
