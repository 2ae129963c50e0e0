"""What explorers share: the loop, the front end, and pages."""
