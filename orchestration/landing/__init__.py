"""Accept or refuse what a source delivered, and account for every record of it.

Candidate batches are written aside, judged, and promoted by one rename; refused ones
and bad rows go to quarantine with a reason. Reading the outside world belongs to
`orchestration.sources`, judging to `orchestration.quality`; landing is handed a judge.
"""
