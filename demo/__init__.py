"""`make demo`: generate a service, run it, drive traffic through it, and show its signals on one page."""
