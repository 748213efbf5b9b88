"""What the clocks of a record become, and what is then told: between the rows of this service and its pure rules."""
