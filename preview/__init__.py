"""`make preview`: run the emitted service under real traffic and draw its dashboards, from their JSON, as pictures."""
