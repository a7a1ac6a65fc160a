"""What the rules of `alerts/` cost for a large fleet, against the usual form: rules per service over raw `rate`.

A real Prometheus on loopback holds generated series of 1,000 services with two objectives each. Every rule of every
group is evaluated at one point in time; Prometheus itself says how many samples it touched and how long it took.
The usual form (eight windows and two alerts per objective, as Sloth writes them) is measured for a few services and
scaled up linearly.

    python -m bench.alerts_scale [--services 1000] [--usual-services 10]

Takes about ten minutes, 6 GB of memory and as much below $TMPDIR with the defaults.
"""
