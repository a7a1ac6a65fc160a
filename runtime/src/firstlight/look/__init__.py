"""`make look`: what the console of the running service shows, in the terminal."""
