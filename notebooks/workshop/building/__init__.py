"""The workshop, built from one source a session: notebooks, a page, the instructor's notes, and what a site needs."""
