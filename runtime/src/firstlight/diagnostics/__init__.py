"""What a person asks a running process for: tasks, threads, a CPU profile, another log level, its settings.

No answer has local variables, bodies, headers or values of settings. The pages on the management port are off until
`DIAGNOSTICS_TOKEN` is set. The functions are used by the development console as well.
"""
