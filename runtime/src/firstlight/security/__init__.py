"""Security by default: what every service refuses, the headers that every response has, and the events of both."""
