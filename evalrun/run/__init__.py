"""One run: asks every sample of every target and journals what came back.

    planning   what was selected, or a stored run, as a plan
    plan       a plan: its data surveyed, its fingerprints, its manifest
    session    one start of a run: its folder opened or resumed, asked, ended
    fanout     targets, tasks and requests in their order, by the load pattern
    opening    a target opened for a session
    calibrate  how long a ladder's prompts are for a target
    job        what is asked, and in which order
    ask        one job, until it has an outcome
    throttle   how many requests and tokens a minute
    slots      the limit on requests in flight, and the backoff
    spent      what requests cost the run
    scoring    a run's answers scored
    watch      who is told how far a run is; signals that stop it

Nothing outside this package creates tasks that send requests.
"""
