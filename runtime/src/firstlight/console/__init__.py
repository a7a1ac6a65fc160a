"""The development console: what a service does now, in a browser, with nothing installed.

It is imported only where the setting `console` is true.
"""
