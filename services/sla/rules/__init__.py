"""Service levels as pure functions: calendars, policy documents, which targets apply, the clock, months and chains.

Read in this order: `durations`, `calendar`, `documents`, `agreements` (which terms apply), `facts` (what is folded),
`clock` (the clock and its arithmetic), `fold` (how a fact moves the clocks of a record), `ticking` (what time alone
brings), `verification` with `walking` (the same once more, by other means); then `periods`, `availability` and
`throughput` (promises about months), `worst_case` and `chains` (what stands behind a promise), `reviews`. Nothing here
reads the time, a database or a network.
"""
