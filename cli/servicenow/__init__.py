"""Reading the event log of a ServiceNow incident desk and turning it into Steward's verbs.

`log` reads the file into rows, `dates` reads its dates, `planner` compares each row of an incident with the one before
and writes down the verbs that lead from one to the other. Nothing here knows HTTP.
"""
